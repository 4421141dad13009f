/*
 * Prints the logits of forced answers. Input, numbers in text: how many source tokens, these, how many target tokens, these; until the end.
 * First it gives every function what it must refuse.
 */
#include "model.h"
#include "memory.h"

static int read_numbers(int32_t *numbers, int most) {
  int count, i;
  if (scanf("%d", &count) != 1) return -1;
  CHECK(count <= most);
  for (i = 0; i < count; i++) CHECK(scanf("%d", &numbers[i]) == 1);
  return count;
}

int main(int argc, char **argv) {
  static int32_t source[MODEL_MAX_SOURCE + 1], target[MODEL_MAX_TARGET + 1];
  unsigned char *weights = aligned(0, MODEL_WEIGHTS_BYTES);
  float *arena = aligned(1, MODEL_ARENA_BYTES);
  model_model m;
  int count, i, j;
  read_weights(argc > 1 ? argv[1] : NULL, weights, MODEL_WEIGHTS_BYTES);

  CHECK(model_open(&m, weights, MODEL_WEIGHTS_BYTES - 1, arena, MODEL_ARENA_BYTES) == MODEL_BAD_WEIGHTS);
  CHECK(model_open(&m, NULL, MODEL_WEIGHTS_BYTES, arena, MODEL_ARENA_BYTES) == MODEL_BAD_WEIGHTS);
  CHECK(model_open(&m, weights, MODEL_WEIGHTS_BYTES, arena, MODEL_ARENA_BYTES - 1) == MODEL_BAD_ARENA);
  CHECK(model_open(&m, weights, MODEL_WEIGHTS_BYTES, arena + 1, MODEL_ARENA_BYTES) == MODEL_BAD_ARENA);
  weights[0] ^= 1;
  CHECK(model_open(&m, weights, MODEL_WEIGHTS_BYTES, arena, MODEL_ARENA_BYTES) == MODEL_BAD_WEIGHTS);
  weights[0] ^= 1;
  CHECK(model_open(&m, weights, MODEL_WEIGHTS_BYTES, arena, MODEL_ARENA_BYTES) == MODEL_OK);
#ifdef HAS_ENCODER
  CHECK(model_encode(&m, source, 0) == MODEL_TOO_LONG);
  CHECK(model_encode(&m, source, MODEL_MAX_SOURCE + 1) == MODEL_TOO_LONG);
  source[0] = -1;
  CHECK(model_encode(&m, source, 1) == MODEL_BAD_TOKEN);
  source[0] = 1 << 30;
  CHECK(model_encode(&m, source, 1) == MODEL_BAD_TOKEN);
#endif
  target[0] = MODEL_VOCABULARY;
  CHECK(model_step(&m, target, 1, 1) == NULL);
  CHECK(model_step(&m, target, MODEL_MAX_FRESH + 1, 1) == NULL);
  CHECK(model_step(&m, target, 1, 2) == NULL);

  while ((count = read_numbers(source, MODEL_MAX_SOURCE)) >= 0) {
#ifdef HAS_ENCODER
    CHECK(model_encode(&m, source, count) == MODEL_OK);
#else
    model_rewind(&m, 0);
#endif
    count = read_numbers(target, MODEL_MAX_TARGET);
    for (i = 0; i < count; i++) {
      const float *logits = model_step(&m, target + i, 1, 1);
      CHECK(logits != NULL);
      for (j = 0; j < MODEL_VOCABULARY; j++) printf("%.9g ", (double)logits[j]);
    }
    printf("\n");
  }
  free(owned[0]);
  free(owned[1]);
  return 0;
}
