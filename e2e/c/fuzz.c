/*
 * Opens altered weights and answers random bytes, from a seed. Sanitizers watch it; what it checks itself is that files of a wrong length or digest are
 * refused, and that every other result is an answer or an error of the header.
 */
#include "model.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition) do { if (!(condition)) { fprintf(stderr, "line %d: %s\n", __LINE__, #condition); exit(1); } } while (0)
#define DIGEST_BYTES 8
#define BEAMS 3
#define TEXTS 3
/* Exactly the room for the beams, or for the texts. */
#define ARENA_BYTES MODEL_ARENA_BYTES_FOR(BEAMS)
#define BATCH_BYTES MODEL_ARENA_BYTES_FOR_BATCH(TEXTS)

static uint64_t state;
static uint32_t draw(uint32_t below) {
  state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
  return (uint32_t)(state >> 33) % below;
}

/* Memory on a boundary of 64 bytes, whose end a sanitizer knows. It needs C11. */
static unsigned char *aligned(size_t bytes) {
  void *memory = NULL;
  CHECK((memory = aligned_alloc(64, (bytes + 63) / 64 * 64)) != NULL);
  return memory;
}

static int is_error(int code) { return code == MODEL_TOO_LONG || (code <= MODEL_BAD_UTF8 && code >= MODEL_EMPTY_TEXT); }

/* Few letters, or bytes with letters among them. A zero after them ends the text. */
static size_t random_text(char *text, size_t most) {
  static const char letters[] = "aeistn '[]pad -12";
  size_t isPlain = draw(2), length = draw(isPlain ? 20 : (uint32_t)most), i;
  for (i = 0; i < length; i++) text[i] = !isPlain && draw(4) == 0 ? (char)(1 + draw(255)) : letters[draw(isPlain ? 6 : sizeof letters - 1)];
  text[length] = 0;
  return length;
}

int main(int argc, char **argv) {
  static int32_t ids[MODEL_MAX_SOURCE], random[64], answers[2 * TEXTS][64];
  static char text[600], answer[MODEL_MAX_TEXT];
  unsigned char *arena = aligned(ARENA_BYTES), *several = aligned(BATCH_BYTES), *file = aligned(MODEL_WEIGHTS_BYTES), *weights = aligned(MODEL_WEIGHTS_BYTES);
  FILE *opened = fopen("model.bin", "rb");
  long rounds = argc > 2 ? atol(argv[2]) : 0, round;
  model_model m, batch;
  CHECK(opened != NULL && rounds > 0 && fread(file, 1, MODEL_WEIGHTS_BYTES, opened) == MODEL_WEIGHTS_BYTES);
  fclose(opened);
  state = strtoull(argv[1], NULL, 10);
  for (round = 0; round < rounds; round++) {
    size_t i, changes = draw(4), length;
    int isKnown = 1, status, j;
    memcpy(weights, file, MODEL_WEIGHTS_BYTES);
    for (i = 0; i < changes; i++) {
      size_t at = draw(3) == 0 ? draw(DIGEST_BYTES) : draw(MODEL_WEIGHTS_BYTES);
      weights[at] = (unsigned char)draw(256);
    }
    for (i = 0; i < DIGEST_BYTES; i++) isKnown &= weights[i] == file[i];
    memset(arena, (int)draw(256), ARENA_BYTES);
    memset(several, (int)draw(256), BATCH_BYTES);
    CHECK(model_open(&m, weights, draw(MODEL_WEIGHTS_BYTES), arena, MODEL_ARENA_BYTES) == MODEL_BAD_WEIGHTS);
    CHECK(model_open(&m, weights, MODEL_WEIGHTS_BYTES + 1 + draw(1000), arena, MODEL_ARENA_BYTES) == MODEL_BAD_WEIGHTS);
    CHECK(model_open(&m, weights, MODEL_WEIGHTS_BYTES, arena, draw(MODEL_ARENA_BYTES)) != MODEL_OK);
    status = model_open(&m, weights, MODEL_WEIGHTS_BYTES, arena, ARENA_BYTES);
    CHECK(isKnown || status == MODEL_BAD_WEIGHTS);
    if (status != MODEL_OK) continue;
    CHECK(model_open(&batch, weights, MODEL_WEIGHTS_BYTES, several, BATCH_BYTES) == MODEL_OK);
    for (i = 0; i < 4; i++) {
      length = random_text(text, sizeof text - 1);
      status = model_tokenize(&m, text, length, ids, (int)draw(MODEL_MAX_SOURCE + 1));
      CHECK(status > 0 || is_error(status));
      for (j = 0; j < status; j++) CHECK(ids[j] >= 0 && ids[j] < MODEL_VOCABULARY);
      if (status > 0) {
        model_options options = {0};
        model_request requests[2 * TEXTS];
        for (j = 0; j < 2 * TEXTS; j++) {
          requests[j].source = ids;
          requests[j].count = 1 + (int)draw((uint32_t)status);
          requests[j].answer = answers[j];
          requests[j].capacity = (int)draw(65);
        }
        model_answer_batch(&batch, requests, 2 * TEXTS);
        for (j = 0; j < 2 * TEXTS; j++) CHECK((requests[j].length >= 0 && requests[j].length <= requests[j].capacity) || requests[j].length == MODEL_BAD_LOGITS);
        options.beams = (int)draw(BEAMS + 1);
        status = model_answer_with(&m, ids, status, &options, random, 1 + (int)draw(64), NULL);
        CHECK(status >= 0 || status == MODEL_BAD_LOGITS);
      }
      text[draw(40)] = 0;
      memset(answer, 1, sizeof answer);
      status = model_answer_text(&m, text, answer, 1 + draw(sizeof answer));
      CHECK(is_error(status) || status == MODEL_BAD_LOGITS || (status >= 0 && answer[status] == 0));
      for (j = 0; j < 64; j++) random[j] = draw(2) == 0 ? (int32_t)draw(MODEL_VOCABULARY) : (int32_t)(draw(0x7fffffff) * 2);
      status = model_detokenize(random, (int)draw(65), answer, draw(sizeof answer + 1));
      CHECK(status >= 0 || status == MODEL_BAD_TOKEN || status == MODEL_TOO_LONG);
    }
  }
  printf("%ld rounds\n", rounds);
  free(arena);
  free(several);
  free(file);
  free(weights);
  return 0;
}
