/* One model with its memory, for languages that call C functions but do not read C headers. */
#include "phonemes.h"
#include <stdio.h>

static unsigned char weights[PHONEMES_WEIGHTS_BYTES] __attribute__((aligned(64)));
static unsigned char arena[PHONEMES_ARENA_BYTES] __attribute__((aligned(64)));
static phonemes_model model;

/* @returns 0, or a negative code; 1 if the file cannot be read */
int library_open(const char *path) {
  FILE *file = fopen(path, "rb");
  size_t bytes = file == NULL ? 0 : fread(weights, 1, sizeof weights, file);
  if (file != NULL) fclose(file);
  return bytes == sizeof weights ? phonemes_open(&model, weights, bytes, arena, sizeof arena) : 1;
}

/* Bytes of the longest answer, with the zero after it. */
int library_longest(void) { return PHONEMES_MAX_TEXT; }

/* @returns how many bytes the answer has, or a negative code */
int library_answer(const char *text, char *answer, int capacity) { return phonemes_answer_text(&model, text, answer, (size_t)capacity); }
