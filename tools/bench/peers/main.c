/*
 * Answers prompts with a model in C. Argument: a file with the longest answer, the number of prompts, and for each prompt its length and its ids. For
 * each number on standard input: that many passes over the prompts, then one line with the tokens of every answer as JSON.
 */
#include "model.h"
#include <stdio.h>
#include <stdlib.h>

static void *aligned(size_t bytes) {
  char *block = malloc(bytes + 64);
  return block + (64 - (uintptr_t)block % 64);
}

static int next(FILE *file) {
  int value;
  if (fscanf(file, "%d", &value) != 1) exit(1);
  return value;
}

int main(int argc, char **argv) {
  FILE *file = fopen("model.bin", "rb"), *job = argc > 1 ? fopen(argv[1], "r") : NULL;
  unsigned char *weights = aligned(MODEL_WEIGHTS_BYTES);
  model_model model;
  int32_t *prompts, *lengths, *answers;
  int most, count, passes, i, j;
  if (file == NULL || job == NULL || fread(weights, 1, MODEL_WEIGHTS_BYTES, file) != MODEL_WEIGHTS_BYTES) return 1;
  if (model_open(&model, weights, MODEL_WEIGHTS_BYTES, aligned(MODEL_ARENA_BYTES), MODEL_ARENA_BYTES) != 0) return 1;
  most = next(job);
  count = next(job);
  prompts = malloc((size_t)count * MODEL_MAX_SOURCE * sizeof *prompts);
  answers = malloc((size_t)count * MODEL_MAX_TARGET * sizeof *answers);
  lengths = malloc(2 * (size_t)count * sizeof *lengths);
  for (i = 0; i < count; i++) {
    lengths[i] = next(job);
    for (j = 0; j < lengths[i]; j++) prompts[i * MODEL_MAX_SOURCE + j] = next(job);
  }
  while (scanf("%d", &passes) == 1) {
    for (; passes > 0; passes--)
      for (i = 0; i < count; i++) {
        j = model_answer(&model, prompts + i * MODEL_MAX_SOURCE, lengths[i], answers + i * MODEL_MAX_TARGET, most);
        if (j < 0) return 1;
        lengths[count + i] = j;
      }
    for (i = 0; i < count; i++) {
      printf(i == 0 ? "[[" : ",[");
      for (j = 0; j < lengths[count + i]; j++) printf(j == 0 ? "%d" : ",%d", (int)answers[i * MODEL_MAX_TARGET + j]);
      printf("]");
    }
    printf("]\n");
    fflush(stdout);
  }
  return 0;
}
