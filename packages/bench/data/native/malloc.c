/*
 * The C library's malloc as a contestant: runs rounds on command, with the same work around each
 * call as the JavaScript contestants (one word stored into and loaded from every object of a
 * pattern, nothing for a recording).
 *
 *   malloc pattern NAME BYTES LIVE PAIRS
 *   malloc trace FILE       FILE: u32 events, u32 objects, then per event u32 op, size, id, align
 *
 * For each line on standard input one round, answered by a line: the checksum, ns by the clock on the
 * wall, ns of CPU time.
 */
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static uint32_t sum;

static uint32_t *take(size_t n, uint32_t mark) {
  uint32_t *p = malloc(n);
  *p = mark;
  __asm__ volatile("" : : "r"(p) : "memory"); /* or the pair is optimised away */
  return p;
}

static void give(uint32_t *p) {
  sum += *p;
  free(p);
}

static uint32_t *slots[65536];

static void pattern(const char *name, size_t bytes, uint32_t live, uint32_t pairs) {
  if (strcmp(name, "lifo") == 0) {
    for (uint32_t i = 0; i < pairs; i++) give(take(bytes, i));
    return;
  }
  if (strcmp(name, "batch") == 0) {
    for (uint32_t r = 0; r < pairs / live; r++) {
      for (uint32_t i = 0; i < live; i++) slots[i] = take(bytes, i);
      for (uint32_t i = 0; i < live; i++) give(slots[i]);
    }
    return;
  }
  for (uint32_t i = 0; i < live; i++) slots[i] = take(bytes, i);
  if (strcmp(name, "fifo") == 0) {
    for (uint32_t i = 0, at = 0; i < pairs; i++) {
      give(slots[at]);
      slots[at] = take(bytes, i);
      if (++at == live) at = 0;
    }
  } else {
    uint32_t seed = 12345;
    for (uint32_t i = 0; i < pairs; i++) {
      seed ^= seed << 13;
      seed ^= seed >> 17;
      seed ^= seed << 5;
      uint32_t at = ((seed >> 16) * live) >> 16;
      give(slots[at]);
      slots[at] = take(bytes, i);
    }
  }
  for (uint32_t i = 0; i < live; i++) give(slots[i]);
}

static void trace(const uint32_t *e, uint32_t events, uint32_t objects, void **ids) {
  for (uint32_t i = 0; i < events; i++, e += 4) {
    size_t n = e[1] ? e[1] : 1;
    void *p;
    switch (e[0]) {
      case 0: p = malloc(n); break;
      case 1: free(ids[e[2]]); ids[e[2]] = 0; continue;
      case 2: p = realloc(ids[e[2]], n); break;
      case 3: p = calloc(n, 1); break;
      default: p = memalign(e[3] < 16 ? 16 : e[3], n);
    }
    ids[e[2]] = p;
    if (p) sum++;
  }
  for (uint32_t i = 0; i < objects; i++) {
    free(ids[i]);
    ids[i] = 0;
  }
}

static long long now(clockid_t clock) {
  struct timespec t;
  clock_gettime(clock, &t);
  return t.tv_sec * 1000000000LL + t.tv_nsec;
}

int main(int argc, char **argv) {
  char line[64];
  uint32_t *events = 0, head[2] = {0, 0};
  void **ids = 0;
  if (argc == 3 && strcmp(argv[1], "trace") == 0) {
    FILE *f = fopen(argv[2], "rb");
    if (!f || fread(head, 4, 2, f) != 2) return 2;
    events = malloc((size_t)head[0] * 16);
    if (fread(events, 16, head[0], f) != head[0]) return 2;
    ids = calloc(head[1], sizeof *ids);
  } else if (argc != 6 || strcmp(argv[1], "pattern") != 0 || atoi(argv[4]) > 65536) {
    return 2;
  }
  while (fgets(line, sizeof line, stdin)) {
    sum = 0;
    long long wall = now(CLOCK_MONOTONIC), cpu = now(CLOCK_PROCESS_CPUTIME_ID);
    if (events) trace(events, head[0], head[1], ids);
    else pattern(argv[2], atoi(argv[3]), atoi(argv[4]), atoi(argv[5]));
    cpu = now(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    wall = now(CLOCK_MONOTONIC) - wall;
    printf("%u %lld %lld\n", sum, wall, cpu);
    fflush(stdout);
  }
  return 0;
}
