/* Prints the CPU time of a greedy answer [ms]. Standard input: longest answer (0: that of the model), number of sources, then for each source its length and its ids. */
#include "model.h"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static void *aligned(size_t bytes) {
  char *block = malloc(bytes + 64);
  return block + (64 - (uintptr_t)block % 64);
}

static int next(void) {
  int value;
  if (scanf("%d", &value) != 1) exit(1);
  return value;
}

int main(void) {
  FILE *file = fopen("model.bin", "rb");
  unsigned char *weights = aligned(MODEL_WEIGHTS_BYTES);
  model_model model;
  int32_t *sources, *lengths, answer[MODEL_MAX_TARGET];
  int most = next(), count = next(), i, j;
  clock_t start;
  if (file == NULL || fread(weights, 1, MODEL_WEIGHTS_BYTES, file) != MODEL_WEIGHTS_BYTES) return 1;
  if (model_open(&model, weights, MODEL_WEIGHTS_BYTES, aligned(MODEL_ARENA_BYTES), MODEL_ARENA_BYTES) != 0) return 1;
  sources = malloc((size_t)count * MODEL_MAX_SOURCE * sizeof *sources);
  lengths = malloc((size_t)count * sizeof *lengths);
  for (i = 0; i < count; i++) {
    lengths[i] = next();
    for (j = 0; j < lengths[i]; j++) sources[i * MODEL_MAX_SOURCE + j] = next();
  }
  if (most == 0) most = MODEL_MAX_TARGET;
  for (i = 0; i < count; i++) model_answer(&model, sources + i * MODEL_MAX_SOURCE, lengths[i], answer, most); /* Warms up. */
  start = clock();
  for (i = 0; i < count; i++)
    if (model_answer(&model, sources + i * MODEL_MAX_SOURCE, lengths[i], answer, most) < 0) return 1;
  printf("%f\n", 1000.0 * (double)(clock() - start) / CLOCKS_PER_SEC / count);
  return 0;
}
