/*
 * Draft rules predict the next tokens of an answer from statistics of training pairs. The same drafts as packages/generation/src/drafts/rules.ts, which
 * explains the kinds of rules, and as source-alignment.ts next to it.
 *
 * The weights file has the rules sorted by key: where the rules of each value of a key's first bits start, the keys, the tokens, and the chances in
 * units of 1 / 255.
 */
enum { SLM_COPIED = -1, SLM_BEGIN = -2, SLM_BEHIND = -3, SLM_NOWHERE = -4 };
enum { SLM_AFTER = 1, SLM_GIVEN, SLM_COPY, SLM_CONTINUE, SLM_ALIGNED, SLM_PROCEED, SLM_MOVES, SLM_PAIRS };
#define SLM_SETTLED (0.9 * 255)
#define SLM_UNSEEN (255.0 / 1000)
#define SLM_LONGEST_SOURCE 256
#define SLM_MOST_MOVES 4
#define SLM_CONTEXTS 8

typedef struct {
  const uint32_t *starts, *keys;
  const int32_t *tokens, *source;
  const uint8_t *chances;
  int sourceLength;
  /* The best rule so far. */
  int32_t token;
  int chance;
  /* The alignment: answer tokens that were aligned, and the source position after each. */
  int32_t followed[SLM_ROOM];
  int positions[SLM_ROOM], known;
  double moves[SLM_MOST_MOVES + 1], nowhere;
  int same;
} slm_drafter;

/* A step of a hash, never 0. Source of the constants: MurmurHash3 (Appleby, public domain). */
static uint32_t slm_hash(uint32_t hash, int32_t value) {
  uint32_t next = (hash ^ (uint32_t)value * 0xcc9e2d51u) * 0x1b873593u;
  next ^= next >> 15;
  next *= 0x85ebca6bu;
  next ^= next >> 13;
  return next == 0 ? 1 : next;
}

/* The rule with a key, or -1. */
static int slm_rule(const slm_drafter *d, uint32_t key) {
  uint32_t bucket = key >> (32 - SLM_RULE_BITS), at;
  for (at = d->starts[bucket]; at < d->starts[bucket + 1] && at < SLM_RULES; at++)
    if (d->keys[at] == key) return (int)at;
  return -1;
}
static int slm_chance(const slm_drafter *d, uint32_t key) {
  int rule = slm_rule(d, key);
  return rule < 0 ? 0 : d->chances[rule];
}
static double slm_chance_or_unseen(const slm_drafter *d, uint32_t key) {
  int chance = slm_chance(d, key);
  return chance == 0 ? SLM_UNSEEN : chance;
}
static uint32_t slm_move_key(int32_t move) { return slm_hash(SLM_MOVES, move); }
static uint32_t slm_pair_key(int32_t source, int32_t target) { return slm_hash(slm_hash(SLM_PAIRS, source), target); }

static void slm_open_drafter(slm_drafter *d, const slm_model *model, const int32_t *source, int sourceLength) {
  int move;
  d->starts = SLM_RULE_STARTS(model);
  d->keys = d->starts + ((size_t)1 << SLM_RULE_BITS) + 1;
  d->tokens = (const int32_t *)(const void *)(d->keys + SLM_RULES);
  d->chances = (const uint8_t *)(const void *)(d->tokens + SLM_RULES);
  d->source = source;
  d->sourceLength = sourceLength < SLM_LONGEST_SOURCE ? sourceLength : SLM_LONGEST_SOURCE;
  d->known = 0;
  for (move = 0; move <= SLM_MOST_MOVES; move++) d->moves[move] = slm_chance_or_unseen(d, slm_move_key(move));
  d->nowhere = slm_chance_or_unseen(d, slm_move_key(SLM_NOWHERE));
  d->same = slm_chance(d, slm_pair_key(SLM_COPIED, SLM_COPIED));
}

/* The source position of an answer's token that follows one at `position`. */
static int slm_next_position(const slm_drafter *d, int position, int32_t token) {
  double best = d->nowhere * slm_chance_or_unseen(d, slm_pair_key(SLM_NOWHERE, token));
  int next = position, move;
  for (move = position == -1 ? 1 : 0; move <= SLM_MOST_MOVES && position + move < d->sourceLength; move++) {
    int32_t word = d->source[position + move];
    double seen = slm_chance_or_unseen(d, slm_pair_key(word, token)), score;
    if (word == token && d->same > seen) seen = d->same;
    score = d->moves[move] * seen;
    if (score <= best) continue;
    best = score;
    next = position + move;
  }
  return next;
}
/* The source position that the end of an answer is aligned with; -1 before the first. */
static int slm_position_after(slm_drafter *d, const int32_t *answer, int length) {
  int known = 0;
  while (known < d->known && known < length && d->followed[known] == answer[known]) known++;
  for (; known < length; known++) {
    d->positions[known] = slm_next_position(d, known == 0 ? -1 : d->positions[known - 1], answer[known]);
    d->followed[known] = answer[known];
  }
  d->known = length;
  return length == 0 ? -1 : d->positions[length - 1];
}

/* @returns whether a rule with this key proposes a token */
static int slm_ask(slm_drafter *d, uint32_t key, int32_t copied) {
  int rule = slm_rule(d, key);
  int32_t token;
  if (rule < 0 || d->chances[rule] == 0) return 0;
  token = d->tokens[rule] == SLM_COPIED ? copied : d->tokens[rule];
  if (token < 0 || token >= SLM_VOCABULARY) return 0;
  if (d->chances[rule] > d->chance) {
    d->chance = d->chances[rule];
    d->token = token;
  }
  return 1;
}

static uint32_t slm_context_key(int kind, const int32_t *answer, int length, int read) {
  uint32_t key = slm_hash((uint32_t)kind, read);
  int at;
  for (at = length - read; at < length; at++) key = slm_hash(key, at < 0 ? SLM_BEGIN : answer[at]);
  return key;
}
static int slm_longest_context(int most, int length) { return length + 1 < most ? length + 1 : most; }

static void slm_ask_after(slm_drafter *d, const int32_t *answer, int length) {
  int read;
  for (read = slm_longest_context(5, length); read > 0; read--)
    if (slm_ask(d, slm_context_key(SLM_AFTER, answer, length, read), SLM_COPIED)) return;
}
static void slm_ask_aligned(slm_drafter *d, const int32_t *answer, int length) {
  /* Source tokens up to the aligned one and after it, and last tokens of the answer. */
  static const int contexts[SLM_CONTEXTS][3] = {{1, 1, 1}, {1, 2, 1}, {2, 2, 1}, {1, 3, 1}, {2, 3, 1}, {1, 4, 1}, {2, 4, 1}, {3, 4, 2}};
  int position = slm_position_after(d, answer, length), context, at;
  for (context = 0; context < SLM_CONTEXTS; context++) {
    const int *c = contexts[context];
    uint32_t key = slm_hash(SLM_ALIGNED, context);
    for (at = position - c[0] + 1; at <= position + c[1]; at++)
      key = slm_hash(key, at < 0 ? SLM_BEGIN : at < d->sourceLength ? d->source[at] : SLM_BEHIND);
    for (at = length - c[2]; at < length; at++) key = slm_hash(key, at < 0 ? SLM_BEGIN : answer[at]);
    slm_ask(d, key, SLM_COPIED);
  }
}
/* Asks for the token that would be copied, and for any token. */
static void slm_ask_copy(slm_drafter *d, int kind, const int32_t *answer, int length, int at) {
  int32_t copied = d->source[at];
  uint32_t key = slm_hash((uint32_t)kind, slm_common_suffix(d->source, at, answer, length, 3));
  slm_ask(d, slm_hash(key, copied), copied);
  slm_ask(d, slm_hash(key, SLM_COPIED), copied);
}
static void slm_ask_proceed(slm_drafter *d, const int32_t *answer, int length) {
  int next = slm_position_after(d, answer, length) + 1;
  if (next < d->sourceLength) slm_ask_copy(d, SLM_PROCEED, answer, length, next);
}
static void slm_ask_given(slm_drafter *d, const int32_t *answer, int length) {
  int read, at, before;
  for (read = slm_longest_context(4, length); read > 0; read--) {
    uint32_t key = slm_context_key(SLM_GIVEN, answer, length, read);
    for (at = 0; at < d->sourceLength; at++) {
      for (before = 0; before < at && d->source[before] != d->source[at]; before++) {}
      if (before == at) slm_ask(d, slm_hash(key, d->source[at]), SLM_COPIED);
    }
  }
}
static void slm_ask_copies(slm_drafter *d, const int32_t *answer, int length) {
  int read, at;
  for (read = slm_longest_context(3, length); read > 0; read--) {
    uint32_t key = slm_context_key(SLM_COPY, answer, length, read);
    for (at = 0; at < d->sourceLength; at++) slm_ask(d, slm_hash(key, at == 0 ? SLM_BEGIN : d->source[at - 1]), d->source[at]);
  }
}
static void slm_ask_continue(slm_drafter *d, const int32_t *answer, int length) {
  int at;
  for (at = 1; length > 0 && at < d->sourceLength; at++)
    if (d->source[at - 1] == answer[length - 1]) slm_ask_copy(d, SLM_CONTINUE, answer, length, at);
}

/* Adds tokens to the end of the answer while all of them together are probable enough. @returns how many */
static int slm_draft_by_rules(slm_drafter *d, int32_t *answer, int length, int most) {
  typedef void (*slm_asker)(slm_drafter *, const int32_t *, int);
  static const slm_asker askers[] = {slm_ask_after, slm_ask_aligned, slm_ask_proceed, slm_ask_given, slm_ask_copies, slm_ask_continue};
  static const int kinds[] = {SLM_AFTER, SLM_ALIGNED, SLM_PROCEED, SLM_GIVEN, SLM_COPY, SLM_CONTINUE};
  double worth = length == 0 ? 0.7 : 0.4, chance = 1;
  int drafted, i;
  for (drafted = 0; drafted < most; drafted++) {
    d->chance = 0;
    d->token = SLM_COPIED;
    for (i = 0; i < 6 && d->chance < SLM_SETTLED; i++)
      if (SLM_RULE_KINDS >> kinds[i] & 1) askers[i](d, answer, length + drafted);
    chance *= d->chance / 255.0;
    if (chance < worth || d->token == SLM_EOS) break;
    answer[length + drafted] = d->token;
  }
  return drafted;
}
