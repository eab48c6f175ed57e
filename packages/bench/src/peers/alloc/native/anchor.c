/*
 * Native anchors: the C library's malloc under the patterns and traces that the JavaScript
 * allocators run, with the same work around each call (one store into the block, ids in an array).
 *
 *   anchor pattern NAME BYTES ROUNDS      -> nanoseconds per alloc+free pair, minimum of the rounds
 *   anchor trace FILE ROUNDS              -> nanoseconds per event, minimum of the rounds
 *
 * FILE is a decoded trace: u32 events, u32 objects, then per event u32 op, size, id, align.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <malloc.h>
#include <time.h>

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return t.tv_sec * 1e9 + t.tv_nsec;
}

static volatile uint32_t sink;

static void *take(size_t n, uint32_t mark) {
  uint32_t *p = malloc(n);
  *p = mark;
  __asm__ volatile("" : : "r"(p) : "memory"); /* or the pair is optimised away */
  return p;
}

static void give(void *p) {
  sink = *(uint32_t *)p;
  free(p);
}

static uint32_t seed;
static uint32_t random32(void) {
  seed ^= seed << 13;
  seed ^= seed >> 17;
  seed ^= seed << 5;
  return seed;
}

static void *slots[65536];

static double pattern(const char *name, size_t bytes) {
  const int pairs = 1000000;
  double start;
  if (strcmp(name, "lifo") == 0) {
    start = now();
    for (int i = 0; i < pairs; i++) give(take(bytes, i));
    return (now() - start) / pairs;
  }
  if (strncmp(name, "batch", 5) == 0) {
    start = now();
    for (int r = 0; r < pairs / 10000; r++) {
      for (int i = 0; i < 10000; i++) slots[i] = take(bytes, i);
      for (int i = 0; i < 10000; i++) give(slots[i]);
    }
    return (now() - start) / pairs;
  }
  int live = atoi(name + (strncmp(name, "fifo", 4) == 0 ? 4 : 6));
  int fifo = strncmp(name, "fifo", 4) == 0;
  for (int i = 0; i < live; i++) slots[i] = take(bytes, i);
  seed = 12345;
  start = now();
  if (fifo) {
    for (int i = 0, at = 0; i < pairs; i++) {
      give(slots[at]);
      slots[at] = take(bytes, i);
      if (++at == live) at = 0;
    }
  } else {
    for (int i = 0; i < pairs; i++) {
      uint32_t at = ((uint64_t)random32() * live) >> 32;
      give(slots[at]);
      slots[at] = take(bytes, i);
    }
  }
  double t = (now() - start) / pairs;
  for (int i = 0; i < live; i++) give(slots[i]);
  return t;
}

static double trace(const uint32_t *e, uint32_t events, uint32_t objects, void **ids, int first) {
  if (first) memset(ids, 0, objects * sizeof *ids);
  double start = now();
  for (uint32_t i = 0; i < events; i++, e += 4) {
    size_t n = e[1];
    void *p;
    switch (e[0]) {
      case 0: p = malloc(n ? n : 1); *(char *)p = (char)i; ids[e[2]] = p; break;
      case 1: p = ids[e[2]]; sink = *(char *)p; free(p); ids[e[2]] = 0; break;
      case 2: ids[e[2]] = realloc(ids[e[2]], n ? n : 1); break;
      case 3: p = calloc(n ? n : 1, 1); *(char *)p = (char)i; ids[e[2]] = p; break;
      default: p = memalign(e[3] < 16 ? 16 : e[3], n ? n : 1); *(char *)p = (char)i; ids[e[2]] = p;
    }
  }
  double t = (now() - start) / events;
  for (uint32_t i = 0; i < objects; i++) if (ids[i]) { free(ids[i]); ids[i] = 0; }
  return t;
}

int main(int argc, char **argv) {
  if (argc == 5 && strcmp(argv[1], "pattern") == 0) {
    double best = 1e9;
    for (int r = 0; r < atoi(argv[4]); r++) {
      double t = pattern(argv[2], atoi(argv[3]));
      if (t < best) best = t;
    }
    printf("%.3f\n", best);
    return 0;
  }
  if (argc == 4 && strcmp(argv[1], "trace") == 0) {
    FILE *f = fopen(argv[2], "rb");
    uint32_t head[2];
    if (!f || fread(head, 4, 2, f) != 2) return 2;
    uint32_t *e = malloc((size_t)head[0] * 16);
    if (fread(e, 16, head[0], f) != head[0]) return 2;
    void **ids = calloc(head[1], sizeof *ids);
    double best = 1e9;
    for (int r = 0; r < atoi(argv[3]); r++) {
      double t = trace(e, head[0], head[1], ids, r == 0);
      if (t < best) best = t;
    }
    printf("%.3f\n", best);
    return 0;
  }
  fprintf(stderr, "usage: anchor pattern NAME BYTES ROUNDS | anchor trace FILE ROUNDS\n");
  return 2;
}
