/*
 * Prints answers. Input, numbers in text, until the end:
 *   source tokens, their number first; maxTokens temperature seed topK topP minP beams lengthPenalty earlyStopping;
 *   end tokens, their number first; a token that is forbidden or -1; how many tokens are received before the answer is ended, or 0; capacity.
 * Output: status reason end steps log-probability confidence, and the tokens.
 *
 * With a seed as second argument it answers random sources with random options, most of them out of range, and compares batches with answers one by one.
 */
#include "model.h"
#include "memory.h"
#include <math.h>

/* More than a step reads. */
#define BEAMS 17
#define TEXTS 17
#define MOST 64

typedef struct { int forbidden, stopAfter, received; } Callbacks;

/* Forbids a token, and the last token. */
static void change(void *context, const int32_t *answer, int length, float *scores) {
  const Callbacks *callbacks = context;
  scores[callbacks->forbidden] = -INFINITY;
  if (length > 0) scores[answer[length - 1]] = -INFINITY;
}
static int receive(void *context, int32_t token) {
  Callbacks *callbacks = context;
  CHECK(token >= 0 && token < MODEL_VOCABULARY);
  return ++callbacks->received == callbacks->stopAfter;
}

static int read_int(void) {
  int value;
  CHECK(scanf("%d", &value) == 1);
  return value;
}
static double read_double(void) {
  double value;
  CHECK(scanf("%lf", &value) == 1);
  return value;
}

static void answer_problems(model_model *m) {
  int count;
  while (scanf("%d", &count) == 1) {
    int32_t source[MODEL_MAX_SOURCE], ends[8], answer[MOST];
    model_options o;
    model_result result;
    Callbacks callbacks;
    int i, status, capacity;
    CHECK(count <= MODEL_MAX_SOURCE);
    for (i = 0; i < count; i++) source[i] = read_int();
    o.maxTokens = read_int();
    o.temperature = read_double();
    o.seed = (uint32_t)read_int();
    o.topK = read_int();
    o.topP = read_double();
    o.minP = read_double();
    o.beams = read_int();
    o.lengthPenalty = read_double();
    o.earlyStopping = read_int();
    o.endCount = read_int();
    for (i = 0; i < o.endCount; i++) ends[i] = read_int();
    o.ends = ends;
    callbacks.forbidden = read_int();
    callbacks.stopAfter = read_int();
    callbacks.received = 0;
    o.change = callbacks.forbidden < 0 ? NULL : change;
    o.receive = receive;
    o.context = &callbacks;
    capacity = read_int();
    CHECK(capacity <= MOST);
    status = model_answer_with(m, source, count, &o, answer, capacity, &result);
    if (status < 0) {
      printf("%d\n", status);
      continue;
    }
    CHECK(callbacks.received == status);
    printf("%d %d %d %d %.9g %.9g", status, result.reason, result.end, result.steps, result.logProbability, result.confidence);
    for (i = 0; i < status; i++) printf(" %d", answer[i]);
    printf("\n");
    if (o.maxTokens == 0 && o.temperature == 0 && o.beams <= 1 && o.change == NULL && o.endCount == 0 && callbacks.stopAfter == 0) {
      int32_t plain[MOST];
      CHECK(model_answer(m, source, count, plain, capacity) == status);
      for (i = 0; i < status; i++) CHECK(plain[i] == answer[i]);
    }
  }
}

static uint32_t state;
static int below(int count) {
  state = state * 1664525u + 1013904223u;
  return (int)((state >> 8) % (uint32_t)count);
}

/* Memory of the exact sizes, so that sanitizers see every access outside. */
static void answer_anything(model_model *m, int rounds) {
  static const double numbers[] = {0, 0, 1, 0.5, 2, -1, 1e-31, 1e300, NAN, INFINITY};
  for (; rounds > 0; rounds--) {
    int count = below(12) == 0 ? MODEL_MAX_SOURCE + below(3) : below(MODEL_MAX_SOURCE + 1), capacity = below(MOST), i, status;
    int32_t *source = malloc(((size_t)count + 1) * 4), *answer = malloc(((size_t)capacity + 1) * 4), ends[8];
    Callbacks callbacks;
    model_options o;
    model_result result;
    CHECK(source != NULL && answer != NULL);
    for (i = 0; i < count; i++) source[i] = below(40) == 0 ? below(1000) - 500 : below(MODEL_VOCABULARY);
    for (i = 0; i < 8; i++) ends[i] = below(MODEL_VOCABULARY + 1);
    o.maxTokens = below(20) - 1;
    o.temperature = numbers[below(below(2) ? 1 : 10)];
    o.seed = (uint32_t)below(100);
    o.topK = below(MODEL_VOCABULARY + 10) - 2;
    o.topP = numbers[below(10)];
    o.minP = numbers[below(10)];
    o.beams = below(2) ? 0 : below(BEAMS + 3) - 1;
    o.lengthPenalty = numbers[below(10)];
    o.earlyStopping = below(3);
    o.endCount = below(3) ? 0 : below(10);
    o.ends = ends;
    callbacks.forbidden = below(MODEL_VOCABULARY);
    callbacks.stopAfter = below(10);
    callbacks.received = 0;
    o.change = below(3) ? NULL : change;
    o.receive = receive;
    o.context = &callbacks;
    answer[capacity] = 12345;
    source[count] = below(1 << 20);
    status = model_answer_with(m, source, count, below(50) ? &o : NULL, answer, capacity, below(2) ? &result : NULL);
    CHECK(answer[capacity] == 12345 && status <= capacity);
    for (i = 0; i < status; i++) CHECK(answer[i] >= 0 && answer[i] < MODEL_VOCABULARY);
    free(source);
    free(answer);
  }
}

/* Batches of sources, some of them wrong, in an arena for some texts at a time. */
static void answer_batches(const void *weights, int texts) {
  void *arena = aligned(2, MODEL_ARENA_BYTES_FOR_BATCH(texts));
  model_model m;
  int rounds;
  CHECK(model_open(&m, weights, MODEL_WEIGHTS_BYTES, arena, MODEL_ARENA_BYTES_FOR_BATCH(texts)) == MODEL_OK);
  for (rounds = 0; rounds < 30; rounds++) {
    model_request requests[2 * TEXTS];
    int count = below(2 * TEXTS + 1), at, i;
    for (at = 0; at < count; at++) {
      model_request *r = &requests[at];
      int32_t *source;
      r->count = below(12) == 0 ? MODEL_MAX_SOURCE + below(3) : below(MODEL_MAX_SOURCE + 1);
      r->capacity = below(MOST);
      r->source = source = malloc(((size_t)r->count + 1) * 4);
      r->answer = malloc(((size_t)r->capacity + 1) * 4);
      CHECK(source != NULL && r->answer != NULL);
      for (i = 0; i < r->count; i++) source[i] = below(100) == 0 ? below(1000) - 500 : below(MODEL_VOCABULARY);
    }
    model_answer_batch(&m, requests, count);
    for (at = 0; at < count; at++) {
      const model_request *r = &requests[at];
      int32_t alone[MOST];
      CHECK(model_answer(&m, r->source, r->count, alone, r->capacity) == r->length);
      for (i = 0; i < r->length; i++) CHECK(alone[i] == r->answer[i]);
      free((void *)(uintptr_t)r->source);
      free(r->answer);
    }
  }
  free(owned[2]);
}

int main(int argc, char **argv) {
  unsigned char *weights = aligned(0, MODEL_WEIGHTS_BYTES);
  float *arena = aligned(1, MODEL_ARENA_BYTES_FOR(BEAMS));
  model_model m;
  read_weights(argc > 1 ? argv[1] : NULL, weights, MODEL_WEIGHTS_BYTES);
  CHECK(model_open(&m, weights, MODEL_WEIGHTS_BYTES, arena, MODEL_ARENA_BYTES_FOR(BEAMS)) == MODEL_OK);
  CHECK(model_verify(&m) == MODEL_OK);
  if (argc > 2) {
    int i;
    state = (uint32_t)atoi(argv[2]);
    for (i = 0; i < 50; i++) {
      int at = 64 + below(MODEL_WEIGHTS_BYTES - 64), bit = 1 << below(8);
      weights[at] ^= (unsigned char)bit;
      CHECK(model_verify(&m) == MODEL_BAD_WEIGHTS);
      weights[at] ^= (unsigned char)bit;
    }
    answer_anything(&m, 3000);
    for (i = 1; i <= TEXTS; i += 4) answer_batches(weights, i);
  } else answer_problems(&m);
  free(owned[0]);
  free(owned[1]);
  return 0;
}
