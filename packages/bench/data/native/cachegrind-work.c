/* What cachegrind and the model are raced on: a hash table, a sort, a matrix and a list, all small.
 * usage: work ROUNDS. No library call inside the rounds, so the references are the program's own. */
#include <stdint.h>
#include <stdlib.h>

enum { KEYS = 4096, SLOTS = 8192, SIDE = 24, NODES = 2048 };

static uint32_t keys[KEYS], slots[SLOTS];
static double a[SIDE][SIDE], b[SIDE][SIDE], c[SIDE][SIDE];
static struct node { struct node *next; uint64_t value; } nodes[NODES];
static uint32_t state = 1;

static uint32_t next_random(void) { return state = state * 1664525u + 1013904223u; }

static uint32_t hash_round(void) {
  uint32_t found = 0;
  for (int i = 0; i < SLOTS; i++) slots[i] = 0;
  for (int i = 0; i < KEYS; i++) {
    uint32_t key = keys[i] = next_random() | 1, at = (key * 2654435761u) >> 19;
    while (slots[at]) at = (at + 1) % SLOTS;
    slots[at] = key;
  }
  for (int i = 0; i < KEYS; i++) {
    uint32_t at = (keys[i] * 2654435761u) >> 19;
    while (slots[at] && slots[at] != keys[i]) at = (at + 1) % SLOTS;
    found += slots[at] == keys[i];
  }
  return found;
}

static void sort(uint32_t *low, uint32_t *high) {
  while (low < high) {
    uint32_t pivot = low[(high - low) / 2], *i = low, *j = high;
    while (i <= j) {
      while (*i < pivot) i++;
      while (*j > pivot) j--;
      if (i <= j) { uint32_t swapped = *i; *i++ = *j; *j-- = swapped; }
    }
    if (j - low < high - i) { sort(low, j); low = i; } else { sort(i, high); high = j; }
  }
}

static double matrix_round(void) {
  for (int i = 0; i < SIDE; i++)
    for (int j = 0; j < SIDE; j++) {
      double sum = 0;
      for (int k = 0; k < SIDE; k++) sum += a[i][k] * b[k][j];
      c[i][j] = sum + 1;
    }
  return c[SIDE - 1][SIDE - 1];
}

static uint64_t list_round(void) {
  uint64_t sum = 0;
  for (struct node *at = nodes; at; at = at->next) sum += at->value++;
  return sum;
}

int main(int argc, char **argv) {
  int rounds = argc > 1 ? atoi(argv[1]) : 1;
  for (int i = 0; i < NODES; i++) {
    int to = (i * 769 + 769) % NODES;
    nodes[(i * 769) % NODES].next = to == 0 ? 0 : &nodes[to];
  }
  uint64_t sink = 0;
  for (int i = 0; i < rounds; i++) {
    sink += hash_round();
    sort(keys, keys + KEYS - 1);
    sink += (uint64_t)matrix_round() + list_round();
  }
  return rounds > 0 && sink == 0;
}
