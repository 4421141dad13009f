/*
 * Runs text functions. A line of input is a request, numbers and bytes in hexadecimal:
 *   E BYTES       tokens of a text, or its error
 *   D TOKEN ...   bytes of the text of tokens, or its error
 *   A BYTES       bytes of the answer to a text, or its error
 * With RESTORES, decoded tokens must be the text again.
 */
#include "model.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition) do { if (!(condition)) { fprintf(stderr, "line %d: %s\n", __LINE__, #condition); exit(1); } } while (0)

/* A copy of its own size, so that a sanitizer knows its end. */
static void *copy(const void *from, size_t bytes) {
  void *to = malloc(bytes + (bytes == 0));
  CHECK(to != NULL);
  memcpy(to, from, bytes);
  return to;
}

static int digit(int letter) { return letter <= '9' ? letter - '0' : letter - 'a' + 10; }

static void print_bytes(const char *bytes, int count) {
  int i;
  if (count < 0) printf("%d", count);
  for (i = 0; i < count; i++) printf("%02x", (unsigned)(unsigned char)bytes[i]);
  printf("\n");
}

static void encode(model_model *m, const char *bytes, size_t length) {
  char *text = copy(bytes, length);
  int32_t *ids = malloc(sizeof(int32_t) * MODEL_MAX_SOURCE), *few;
  int count = model_tokenize(m, text, length, ids, MODEL_MAX_SOURCE), i;
  if (count < 0) printf("%d", count);
  for (i = 0; i < count; i++) printf("%d ", (int)ids[i]);
  printf("\n");
  if (count > 0) {
    /* Room for exactly these tokens is enough, and for one less is not. */
    few = malloc(sizeof(int32_t) * (size_t)count);
    CHECK(model_tokenize(m, text, length, few, count) == count && memcmp(few, ids, sizeof(int32_t) * (size_t)count) == 0);
    CHECK(model_tokenize(m, text, length, few, count - 1) == MODEL_TOO_LONG);
    CHECK(model_tokenize(m, text, length, few, -1) == MODEL_TOO_LONG);
    free(few);
  }
#ifdef RESTORES
  if (count > 0) {
    char *restored = malloc(length + 1);
    CHECK(model_detokenize(ids, count, restored, length + 1) == (int)length && memcmp(restored, text, length) == 0);
    free(restored);
  }
#endif
  free(ids);
  free(text);
}

static void decode(const int32_t *list, int count) {
  int32_t *ids = copy(list, sizeof(int32_t) * (size_t)count);
  static char text[1 << 20];
  int length = model_detokenize(ids, count, text, sizeof text);
  print_bytes(text, length);
  if (length >= 0) {
    char *tight = malloc((size_t)length + 1);
    CHECK(text[length] == 0 && (count > MODEL_MAX_TARGET || length < MODEL_MAX_TEXT));
    CHECK(model_detokenize(ids, count, tight, (size_t)length + 1) == length && memcmp(tight, text, (size_t)length + 1) == 0);
    CHECK(model_detokenize(ids, count, tight, (size_t)length) == MODEL_TOO_LONG);
    CHECK(length == 0 || tight[0] == 0);
    free(tight);
  }
  free(ids);
}

int main(int argc, char **argv) {
  static char line[1 << 21], bytes[1 << 20];
  static int32_t ids[1 << 16];
  static char answer[MODEL_MAX_TEXT];
  char *memory = malloc(MODEL_WEIGHTS_BYTES + 64), *room = malloc(MODEL_ARENA_BYTES + 64), *weights, *arena;
  model_model m;
  FILE *file = argc > 1 ? fopen(argv[1], "rb") : NULL;
  CHECK(memory != NULL && room != NULL && file != NULL);
  weights = memory + (64 - (uintptr_t)memory % 64) % 64;
  arena = room + (64 - (uintptr_t)room % 64) % 64;
  CHECK(fread(weights, 1, MODEL_WEIGHTS_BYTES, file) == MODEL_WEIGHTS_BYTES);
  fclose(file);
  CHECK(model_open(&m, weights, MODEL_WEIGHTS_BYTES, arena, MODEL_ARENA_BYTES) == MODEL_OK);
  while (fgets(line, sizeof line, stdin) != NULL) {
    size_t length = 0;
    char *at = line + 2;
    if (line[0] == 'D') {
      int count = 0;
      char *next;
      for (;; at = next) {
        long id = strtol(at, &next, 10);
        if (next == at) break;
        ids[count++] = (int32_t)id;
      }
      decode(ids, count);
      continue;
    }
    for (; at[0] > ' '; at += 2) bytes[length++] = (char)(digit(at[0]) * 16 + digit(at[1]));
    bytes[length] = 0;
    if (line[0] == 'E') encode(&m, bytes, length);
    else print_bytes(answer, model_answer_text(&m, bytes, answer, sizeof answer));
  }
  free(room);
  free(memory);
  return 0;
}
