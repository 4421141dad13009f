/*
 * Answers: greedy and sampled tokens, and their probability. The same tokens as packages/generation for the same logits and seed.
 *
 * The generated file defines slm_model, slm_text, slm_options, slm_result, slm_request, slm_step, slm_start, step_texts, text_at, copy_caches, and the constants in capitals.
 */
enum { SLM_END = 1, SLM_STOPPED, SLM_LIMIT };

/* Logits that a step returns, of texts with one token each or of tokens of one text. */
#define SLM_MOST_LOGITS (SLM_MAX_FRESH < SLM_MAX_WANTED ? SLM_MAX_FRESH : SLM_MAX_WANTED)
/* The last rows of the logits, which are free while a step returns fewer. */
#define SLM_SCORES(m) (SLM_LOGITS(m) + (SLM_MAX_WANTED - 1) * SLM_VOCABULARY)
#define SLM_SORTED(m) ((int32_t *)(void *)(SLM_LOGITS(m) + (SLM_MAX_WANTED - 2) * SLM_VOCABULARY))

/* xoshiro128**, its state filled by splitmix32. Source: Blackman and Vigna 2021, prng.di.unimi.it. */
typedef struct { uint32_t a, b, c, d; } slm_random;

static uint32_t slm_mixed_seed(uint32_t *seed) {
  uint32_t z = *seed += 0x9e3779b9u;
  z = (z ^ z >> 16) * 0x21f0aaadu;
  z = (z ^ z >> 15) * 0x735a2d97u;
  return z ^ z >> 15;
}
static slm_random slm_seeded(uint32_t seed) {
  slm_random r;
  r.a = slm_mixed_seed(&seed);
  r.b = slm_mixed_seed(&seed);
  r.c = slm_mixed_seed(&seed);
  r.d = slm_mixed_seed(&seed);
  return r;
}
static uint32_t slm_next_word(slm_random *r) {
  uint32_t result = r->b * 5u, shifted = r->b << 9;
  result = (result << 7 | result >> 25) * 9u;
  r->c ^= r->a;
  r->d ^= r->b;
  r->b ^= r->c;
  r->a ^= r->d;
  r->c ^= shifted;
  r->d = r->d << 11 | r->d >> 21;
  return result;
}
/* A number in [0, 1) with 53 random bits. */
static double slm_next_number(slm_random *r) {
  double high = (double)(slm_next_word(r) >> 5);
  return (high * 67108864.0 + (double)(slm_next_word(r) >> 6)) / 9007199254740992.0;
}

/* log(sum(exp(scores / temperature))) [nats]. Not finite if a score is NaN or infinite, or all are -INFINITY. */
static double slm_normalizer(const float *scores, double temperature) {
  double most = -HUGE_VAL, sum = 0;
  int i;
  for (i = 0; i < SLM_VOCABULARY; i++)
    if ((double)scores[i] > most) most = (double)scores[i];
  for (i = 0; i < SLM_VOCABULARY; i++) sum += exp(((double)scores[i] - most) / temperature);
  return most / temperature + log(sum);
}

/* A heap of ids with the highest score at its root; of equal scores the lowest id. */
static int slm_is_before(const float *scores, int32_t x, int32_t y) { return scores[x] > scores[y] || (scores[x] == scores[y] && x < y); }
static void slm_sift(const float *scores, int32_t *heap, int size, int at) {
  int32_t id = heap[at];
  int child;
  for (; (child = 2 * at + 1) < size; at = child) {
    if (child + 1 < size && slm_is_before(scores, heap[child + 1], heap[child])) child++;
    if (!slm_is_before(scores, heap[child], id)) break;
    heap[at] = heap[child];
  }
  heap[at] = id;
}

/* The scores of one draw, with its ids from the end of `ids`: the k-th most probable one is ids[SLM_VOCABULARY - 1 - k], once it was sorted. */
typedef struct {
  const float *scores;
  int32_t *ids;
  int sorted;
  double temperature, normalizer;
} slm_draw;

static int32_t slm_kth(slm_draw *d, int k) {
  while (d->sorted <= k) {
    int last = SLM_VOCABULARY - 1 - d->sorted++;
    int32_t id = d->ids[0];
    d->ids[0] = d->ids[last];
    slm_sift(d->scores, d->ids, last, 0);
    d->ids[last] = id;
  }
  return d->ids[SLM_VOCABULARY - 1 - k];
}
static double slm_probability(const slm_draw *d, int32_t id) { return exp((double)d->scores[id] / d->temperature - d->normalizer); }
static double slm_sum_of(slm_draw *d, int count) {
  double sum = 0;
  int k;
  for (k = 0; k < count; k++) sum += slm_probability(d, slm_kth(d, k));
  return sum;
}

/* How many of the most probable ids remain after top-k, top-p and min-p, in this order. */
static int slm_kept(slm_draw *d, const slm_options *o) {
  int limit = o->topK > 0 && o->topK < SLM_VOCABULARY ? o->topK : SLM_VOCABULARY, kept = limit, k;
  if (o->topP > 0 && o->topP < 1) {
    double total = limit == SLM_VOCABULARY ? 1 : slm_sum_of(d, limit), reached = 0;
    for (k = 0; k < limit && kept == limit; k++)
      if ((reached += slm_probability(d, slm_kth(d, k))) >= o->topP * total) kept = k + 1;
  }
  if (o->minP > 0) {
    double least = o->minP * slm_probability(d, slm_kth(d, 0));
    for (k = 0; k < kept; k++)
      if (slm_probability(d, slm_kth(d, k)) < least) kept = k;
  }
  return kept;
}

/* Draws a token. Sources: Holtzman et al. 2020 (arXiv:1904.09751) for top-p, Nguyen et al. 2024 (arXiv:2407.01082) for min-p. @returns -1 for scores that are not finite */
static int32_t slm_sample(const float *scores, int32_t *ids, const slm_options *o, slm_random *random) {
  slm_draw d;
  double left;
  int isWhole = (o->topK <= 0 || o->topK >= SLM_VOCABULARY) && (o->topP <= 0 || o->topP >= 1) && o->minP <= 0, count = SLM_VOCABULARY, i;
  int32_t drawn = 0;
  d.scores = scores;
  d.ids = ids;
  d.sorted = 0;
  d.temperature = o->temperature;
  d.normalizer = slm_normalizer(scores, o->temperature);
  if (!isfinite(d.normalizer)) return -1;
  left = slm_next_number(random);
  if (!isWhole) {
    for (i = 0; i < SLM_VOCABULARY; i++) ids[i] = i;
    for (i = SLM_VOCABULARY / 2 - 1; i >= 0; i--) slm_sift(scores, ids, SLM_VOCABULARY, i);
    count = slm_kept(&d, o);
    left *= slm_sum_of(&d, count);
  }
  for (i = 0; i < count; i++) {
    int32_t id = isWhole ? i : slm_kth(&d, i);
    double share = slm_probability(&d, id);
    if (share == 0) continue; /* never drawn, even if rounding leaves a remainder at the end */
    drawn = id;
    if ((left -= share) < 0) break;
  }
  return drawn;
}

/* An answer in progress. */
typedef struct {
  slm_model *m;
  const slm_options *o;
  slm_random random;
  int32_t *answer;
  int length, limit, isMeasured, reason, steps;
  int32_t end;
  double logProbability;
} slm_answering;

static int slm_is_end(const slm_options *o, int32_t token) {
  int i;
  for (i = 0; i < o->endCount; i++)
    if (o->ends[i] == token) return 1;
  return token == SLM_EOS;
}

/* Adds a token. @returns whether the answer ends with it */
static int slm_take(slm_answering *a, int32_t token) {
  if (slm_is_end(a->o, token)) {
    a->reason = SLM_END;
    a->end = token;
    return 1;
  }
  a->answer[a->length++] = token;
  if (a->o->receive && a->o->receive(a->o->context, token)) a->reason = SLM_STOPPED;
  else if (a->length == a->limit) a->reason = SLM_LIMIT;
  return a->reason != 0;
}

/* Adds the log-probability of a token under the model itself. @returns 0 for logits that are not finite */
static int slm_measure(slm_answering *a, const float *logits, int32_t token) {
  double normalizer;
  if (!a->isMeasured) return 1;
  normalizer = slm_normalizer(logits, 1);
  a->logProbability += (double)logits[token] - normalizer;
  return isfinite(normalizer) != 0;
}

/* One token for each step. */
static int slm_answer_tokens(slm_answering *a, int32_t token) {
  slm_model *m = a->m;
  const slm_options *o = a->o;
  do {
    const float *logits = slm_step(m, &token, 1, 1), *scores = logits;
    if (logits == NULL) return SLM_BAD_TOKEN;
    a->steps++;
    if (o->change) {
      memcpy(SLM_SCORES(m), logits, SLM_VOCABULARY * sizeof(float));
      o->change(o->context, a->answer, a->length, SLM_SCORES(m));
      scores = SLM_SCORES(m);
    }
    token = o->temperature > 0 ? slm_sample(scores, SLM_SORTED(m), o, &a->random) : slm_highest(scores, SLM_VOCABULARY);
    if (token < 0 || !(scores[token] > -HUGE_VALF) || !slm_measure(a, logits, token)) return SLM_BAD_LOGITS;
  } while (!slm_take(a, token));
  return a->length;
}
