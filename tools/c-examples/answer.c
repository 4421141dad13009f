/* Answers each line of its input. */
#include "phonemes.h"
#include <stdio.h>
#include <string.h>

static unsigned char weights[PHONEMES_WEIGHTS_BYTES] __attribute__((aligned(64)));
static unsigned char arena[PHONEMES_ARENA_BYTES] __attribute__((aligned(64)));
static char text[1024], answer[PHONEMES_MAX_TEXT];

int main(void) {
  phonemes_model model;
  FILE *file = fopen("phonemes.bin", "rb");
  if (file == NULL || fread(weights, 1, sizeof weights, file) != sizeof weights) return 1;
  if (phonemes_open(&model, weights, sizeof weights, arena, sizeof arena) != PHONEMES_OK) return 1;
  while (fgets(text, sizeof text, stdin) != NULL) {
    text[strcspn(text, "\n")] = 0;
    int status = phonemes_answer_text(&model, text, answer, sizeof answer);
    if (status < 0) printf("error %d\n", status);
    else puts(answer);
  }
  return 0;
}
