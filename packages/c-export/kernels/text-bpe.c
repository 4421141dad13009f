/*
 * Byte-level BPE: a text is split into pieces of one kind of character, and in each piece the pair of tokens that was learnt first is merged, until no
 * pair is known.
 */

typedef struct {
  /* first character * 4 + kind, sorted, of each range of characters of one kind. */
  const uint32_t *kinds;
  int kindCount;
  /* How texts are split. */
  int rule;
  /* Token of each byte; `size` for a byte that has none, which is left out. */
  const SLM_TEXT_NUMBER *bytes;
  /* Tokens of the vocabulary. */
  int size;
  /* Merges of left token i are at pairs[i] to pairs[i + 1] - 1, sorted by their right token. Ranks are their order of learning. */
  const SLM_TEXT_NUMBER *pairs, *rights, *ranks, *merged;
  /* The bytes of token i are texts[starts[i]] to texts[starts[i + 1] - 1]; special tokens have none. */
  const SLM_TEXT_NUMBER *starts;
  const unsigned char *texts;
  /* Bytes of the longest token. */
  int longest;
  /* Special tokens, which texts must not contain. */
  slm_names special;
  /* Tokens before and after every source. */
  const int32_t *before, *after;
  int beforeCount, afterCount;
} slm_bpe;

enum { SLM_OTHER = 0, SLM_LETTER = 1, SLM_NUMBER = 2, SLM_SPACE = 3 };
/* As slm trains; GPT-2's words; the same with every digit apart. */
enum { SLM_RUNS = 0, SLM_WORDS = 1, SLM_WORDS_AND_DIGITS = 2 };
/* The rank of a pair that is not merged. */
#define SLM_NO_RANK ((SLM_TEXT_NUMBER)-1)

/* The kind of the character at `at`, which moves to the next one. */
static int slm_kind(const slm_bpe *t, const unsigned char *text, size_t bytes, size_t *at) {
  uint32_t character = (uint32_t)slm_character(text, bytes, at);
  return (int)(t->kinds[slm_lower_bound(t->kinds, t->kindCount, character * 4 + 4) - 1] & 3);
}

/* Where the piece of characters of one kind that starts at `at` ends. */
static size_t slm_run_end(const slm_bpe *t, const unsigned char *text, size_t bytes, size_t at) {
  size_t next = at, end;
  int kind = slm_kind(t, text, bytes, &next);
  if (kind == SLM_SPACE) {
    /* One space belongs to the word after it; of several, all but the last are a piece. */
    while (next < bytes && text[next] == ' ') next++;
    if (next - at > 1) return next - 1;
    if (next == bytes) return next;
    kind = slm_kind(t, text, bytes, &next);
  }
  do end = next;
  while (end < bytes && slm_kind(t, text, bytes, &next) == kind);
  return end;
}

/* Whether a text ends at `at`, or a digit that is apart follows. */
static int slm_stretch_ends(const slm_bpe *t, const unsigned char *text, size_t bytes, size_t at) {
  return at == bytes || (t->rule == SLM_WORDS_AND_DIGITS && slm_kind(t, text, bytes, &at) == SLM_NUMBER);
}

/*
 * Where the word that starts at `at` ends: the ending of a contraction; characters of one kind with a space before them; or white space, of which the last is
 * left for the word after it. Source: GPT-2's regular expression, in Hugging Face's pre-tokenizer ByteLevel.
 */
static size_t slm_word_end(const slm_bpe *t, const unsigned char *text, size_t bytes, size_t at) {
  size_t next = at, last = at, end;
  int kind = slm_kind(t, text, bytes, &next);
  if (kind == SLM_NUMBER && t->rule == SLM_WORDS_AND_DIGITS) return next;
  if (text[at] == '\'' && next < bytes) {
    unsigned char one = text[next], two = next + 1 < bytes ? text[next + 1] : 0;
    if (one == 's' || one == 't' || one == 'm' || one == 'd') return next + 1;
    if ((two == 'e' && (one == 'r' || one == 'v')) || (two == 'l' && one == 'l')) return next + 2;
  }
  if (text[at] == ' ' && !slm_stretch_ends(t, text, bytes, next)) {
    end = next;
    kind = slm_kind(t, text, bytes, &end);
    if (kind != SLM_SPACE) next = end;
  }
  for (end = next; end < bytes && slm_kind(t, text, bytes, &next) == kind; end = next) last = end;
  return kind != SLM_SPACE || last == at || slm_stretch_ends(t, text, bytes, end) ? end : last;
}

/* Index of the merge of two tokens, or -1. */
static long slm_merge_of(const slm_bpe *t, SLM_TEXT_NUMBER left, SLM_TEXT_NUMBER right) {
  long low = t->pairs[left], end = t->pairs[left + 1], high = end;
  while (low < high) {
    long middle = low + (high - low) / 2;
    if (t->rights[middle] < right) low = middle + 1;
    else high = middle;
  }
  return low < end && t->rights[low] == right ? low : -1;
}

static SLM_TEXT_NUMBER slm_rank_of(const slm_bpe *t, SLM_TEXT_NUMBER left, SLM_TEXT_NUMBER right) {
  long at = slm_merge_of(t, left, right);
  return at < 0 ? SLM_NO_RANK : t->ranks[at];
}

/* Merges the tokens of a piece; ranks[i] is the rank of tokens i and i + 1. @returns how many tokens are left */
static size_t slm_merge(const slm_bpe *t, SLM_TEXT_NUMBER *tokens, SLM_TEXT_NUMBER *ranks, size_t count) {
  for (;;) {
    SLM_TEXT_NUMBER best = SLM_NO_RANK;
    size_t from, to = 0;
    int isLower = 0;
    for (from = 0; from + 1 < count; from++)
      if (ranks[from] < best) best = ranks[from];
    if (best == SLM_NO_RANK) return count;
    /* All pairs of this rank from left to right, unless a new pair has a lower one: that comes first. */
    for (from = 0; from < count; from++, to++) {
      if (from + 1 == count || ranks[from] != best || isLower) {
        tokens[to] = tokens[from];
        ranks[to] = ranks[from];
        continue;
      }
      tokens[to] = t->merged[slm_merge_of(t, tokens[from], tokens[from + 1])];
      from++;
      ranks[to] = from + 1 < count ? slm_rank_of(t, tokens[to], tokens[from + 1]) : SLM_NO_RANK;
      if (to > 0) ranks[to - 1] = slm_rank_of(t, tokens[to - 1], tokens[to]);
      isLower = ranks[to] < best || (to > 0 && ranks[to - 1] < best);
    }
    count = to;
  }
}

/* Writes up to `capacity` tokens. `room` is for 2 * capacity * longest numbers. @returns how many tokens the text has, or an error */
static int slm_bpe_encode(const slm_bpe *t, const unsigned char *text, size_t bytes, SLM_TEXT_NUMBER *room, int32_t *ids, int capacity) {
  size_t most = (size_t)capacity * (size_t)t->longest, at, end, i;
  int length = 0, last = capacity - t->afterCount, j;
  for (at = 0; at < bytes;)
    if (slm_character(text, bytes, &at) < 0) return SLM_TEXT_BAD_UTF8;
  if (slm_has_name(&t->special, text, bytes)) return SLM_TEXT_SPECIAL;
  if (t->beforeCount > last) return SLM_TEXT_TOO_LONG;
  for (j = 0; j < t->beforeCount; j++) ids[length++] = t->before[j];
  for (at = 0; at < bytes; at = end) {
    SLM_TEXT_NUMBER *tokens = room, *ranks = room + most;
    size_t count;
    end = t->rule == SLM_RUNS ? slm_run_end(t, text, bytes, at) : slm_word_end(t, text, bytes, at);
    count = end - at;
    if (count > most) return SLM_TEXT_TOO_LONG;
    for (i = 0; i < count; i++) tokens[i] = t->bytes[text[at + i]];
    for (i = 0; i + 1 < count; i++) ranks[i] = slm_rank_of(t, tokens[i], tokens[i + 1]);
    count = slm_merge(t, tokens, ranks, count);
    for (i = 0; i < count; i++) {
      if ((int)tokens[i] == t->size) continue;
      if (length == last) return SLM_TEXT_TOO_LONG;
      ids[length++] = (int32_t)tokens[i];
    }
  }
  if (length == t->beforeCount) return SLM_TEXT_EMPTY;
  for (j = 0; j < t->afterCount; j++) ids[length++] = t->after[j];
  return length;
}

static void slm_bpe_decode(const slm_bpe *t, const int32_t *ids, int count, slm_writer *to) {
  int i;
  for (i = 0; i < count; i++) {
    size_t at, end = t->starts[ids[i] + 1];
    for (at = t->starts[ids[i]]; at < end; at++) slm_write_byte(to, t->texts[at]);
  }
}
