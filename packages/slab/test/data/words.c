/*
 * Counts the words of a generated text in a hash table that grows, as programs do it that know
 * nothing of their malloc: calloc for buckets, malloc for nodes, realloc for strings and a list of
 * all, free of everything at the end. `run` answers a checksum; built natively it prints that of its
 * argument.
 */
typedef unsigned int u32;
typedef __SIZE_TYPE__ size_t;
void *malloc(size_t);
void *calloc(size_t, size_t);
void *realloc(void *, size_t);
void free(void *);

struct node {
  struct node *next;
  char *word;
  u32 hash, count;
};

static struct node **buckets;
static u32 bucket_count, node_count;

static u32 hash_of(const char *word, u32 length) {
  u32 hash = 2166136261u;
  for (u32 i = 0; i < length; i++) hash = (hash ^ (unsigned char)word[i]) * 16777619u;
  return hash;
}

static void grow(void) {
  u32 count = bucket_count ? bucket_count * 2 : 16;
  struct node **wider = calloc(count, sizeof *wider);
  for (u32 b = 0; b < bucket_count; b++) {
    for (struct node *node = buckets[b], *next; node; node = next) {
      next = node->next;
      node->next = wider[node->hash & (count - 1)];
      wider[node->hash & (count - 1)] = node;
    }
  }
  free(buckets);
  buckets = wider;
  bucket_count = count;
}

static int same(const char *a, const char *b) {
  while (*a && *a == *b) a++, b++;
  return *a == *b;
}

/* Takes `word` or frees it. */
static void count(char *word, u32 length) {
  u32 hash = hash_of(word, length);
  if (node_count >= bucket_count) grow();
  for (struct node *node = buckets[hash & (bucket_count - 1)]; node; node = node->next) {
    if (node->hash != hash || !same(node->word, word)) continue;
    node->count++;
    free(word);
    return;
  }
  struct node *node = malloc(sizeof *node);
  node->next = buckets[hash & (bucket_count - 1)];
  node->word = word;
  node->hash = hash;
  node->count = 1;
  buckets[hash & (bucket_count - 1)] = node;
  node_count++;
}

u32 run(u32 words) {
  u32 seed = 12345, sum = 0, capacity = 0, all = 0;
  u32 *hashes = 0;
  buckets = 0;
  bucket_count = node_count = 0;
  for (u32 i = 0; i < words; i++) {
    seed = seed * 1664525u + 1013904223u;
    u32 length = 1 + (seed >> 24) % 40, letters = (seed >> 8) % 5000;
    char *word = 0;
    /* A string that grows by one letter at a time. */
    for (u32 at = 0; at < length; at++) {
      word = realloc(word, at + 2);
      word[at] = 'a' + letters % 26;
      word[at + 1] = 0;
      letters = letters * 31 + at;
    }
    if (all == capacity) hashes = realloc(hashes, (capacity = capacity ? capacity * 2 : 8) * 4);
    hashes[all++] = hash_of(word, length);
    count(word, length);
  }
  for (u32 b = 0; b < bucket_count; b++) {
    for (struct node *node = buckets[b], *next; node; node = next) {
      next = node->next;
      sum += node->hash * node->count;
      free(node->word);
      free(node);
    }
  }
  free(buckets);
  for (u32 i = 0; i < all; i++) sum = sum * 33 + hashes[i];
  free(hashes);
  return sum + node_count;
}

#ifndef __wasm__
int printf(const char *, ...);
int atoi(const char *);
int main(int argc, char **argv) {
  printf("%u\n", run(argc > 1 ? atoi(argv[1]) : 0));
  return 0;
}
#endif
