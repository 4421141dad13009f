/*
 * The tables of a SentencePiece Unigram tokenizer, and the normalization of texts: a map replaces characters, and spaces become U+2581, which the
 * tables and the normalized text have as a space.
 * Source: SentencePiece 0.2.3, normalizer.cc.
 */

/* Sorted texts: text i is bytes[starts[order[i]]] to bytes[starts[order[i] + 1] - 1]. Without `order` they are stored as sorted. */
typedef struct {
  const SLM_TEXT_NUMBER *order;
  const uint32_t *starts;
  const unsigned char *bytes;
  int count;
} slm_sorted;

/*
 * Keys, of which the longest at each place of a text is replaced. A unit has a byte in bits 0 to 7, bit 8 set if a key ends there, its offset in bits 10 to 30
 * (times 256 if bit 9 is set), or bit 31 set and a place in `values`, where a text ends with a zero. Source: Darts-clone, darts.h.
 */
typedef struct {
  const uint32_t *units;
  const unsigned char *values;
  uint32_t unitCount, valueBytes;
} slm_map;

typedef struct {
  slm_map map;
  /* Texts that are not replaced; and whether U+2581 in a text is a space. */
  slm_sorted symbols;
  int readsSign;
  /* Pieces, with the token and the score of each. The texts of tokens come first; pieces without a token or with another text follow. */
  slm_sorted pieces;
  const SLM_TEXT_NUMBER *tokens;
  const float *scores;
  double unknownScore;
  /* Bytes of the longest piece, at least 4. */
  int longest;
  /* Token of characters that are no piece; whether texts may have it; texts of such characters that are tokens; or the tokens of their bytes. */
  int unknown, keepsUnknown;
  slm_sorted named;
  const SLM_TEXT_NUMBER *namedTokens;
  const int32_t *byteTokens;
  /* Whether a space is put in front of a text, and whether spaces at its ends and repeated ones are removed. */
  int addsSpace, removesSpaces;
  /* A text in front of every text, of which `openingTokens` tokens are left out. */
  const unsigned char *opening;
  int openingBytes, openingTokens;
  /* Special tokens, which texts must not contain. Codes of languages that texts may start with, and their tokens; `readsCode` without them means unknown. */
  slm_names special, codes;
  const int32_t *codeTokens;
  int readsCode;
  /* Tokens before and after every source. */
  const int32_t *before, *after;
  int beforeCount, afterCount;
  /* Which spaces at the start of decoded pieces are left out, and whether decoded text has no white space at its ends. */
  int dropped, trims;
} slm_unigram;

enum { SLM_DROP_NONE = 0, SLM_DROP_ONE = 1, SLM_DROP_LEADING = 2 };

/* A byte of a text, or -1 after its end. */
static int slm_byte_of(const slm_sorted *s, int index, size_t at) {
  SLM_TEXT_NUMBER place = s->order == NULL ? (SLM_TEXT_NUMBER)index : s->order[index];
  uint32_t start = s->starts[place];
  return start + at < s->starts[place + 1] ? s->bytes[start + at] : -1;
}

/* The first text from `low` to `high` - 1 whose byte at `at` is not below `byte`, if the bytes before it are equal in all of them. */
static int slm_first_text(const slm_sorted *s, int low, int high, size_t at, int byte) {
  while (low < high) {
    int middle = low + (high - low) / 2;
    if (slm_byte_of(s, middle, at) < byte) low = middle + 1;
    else high = middle;
  }
  return low;
}

/* Texts that start with the same bytes. */
typedef struct {
  int from, to;
  size_t length;
} slm_range;

/* Leaves the texts that go on with a byte. @returns the text that ends with it, -1 if none does, -2 if no text is left */
static int slm_narrow(const slm_sorted *s, slm_range *r, int byte) {
  r->from = slm_first_text(s, r->from, r->to, r->length, byte);
  r->to = slm_first_text(s, r->from, r->to, r->length, byte + 1);
  if (r->from == r->to) return -2;
  r->length++;
  return slm_byte_of(s, r->from, r->length) < 0 ? r->from : -1;
}

/* The rest of a text, the rest of the value that is read, and spaces that are only read if something follows. */
typedef struct {
  const unsigned char *text, *part, *partEnd;
  size_t bytes, at, spaces;
  int isAfterSpace;
} slm_reader;

static const unsigned char slm_sign[] = { 0xe2, 0x96, 0x81 };

static int slm_starts_with_sign(const unsigned char *text, const unsigned char *end) {
  return end - text >= 3 && memcmp(text, slm_sign, 3) == 0;
}

/* Where the longest symbol ends that starts at `at`, or `at`. */
static size_t slm_symbol_end(const slm_unigram *t, const slm_reader *n, size_t at) {
  slm_range range = {0, 0, 0};
  size_t end = at;
  int found;
  range.to = t->symbols.count;
  while (at < n->bytes && (found = slm_narrow(&t->symbols, &range, n->text[at++])) >= -1)
    if (found >= 0) end = at;
  return end;
}

static uint32_t slm_offset(uint32_t unit) { return (unit >> 10) << ((unit & 0x200) >> 6); }

/* The value of the longest key at the place of a reader, which moves behind the key; NULL if there is none. */
static const unsigned char *slm_map_value(const slm_unigram *t, slm_reader *n) {
  const slm_map *m = &t->map;
  const unsigned char *value = NULL, *text = n->text;
  uint32_t node = m->unitCount > 0 ? slm_offset(m->units[0]) : 0, unit, start;
  size_t at = n->at;
  for (; at < n->bytes && text[at] != 0; node ^= slm_offset(unit)) {
    int isSign = t->readsSign && slm_starts_with_sign(text + at, text + n->bytes);
    uint32_t byte = isSign ? ' ' : text[at];
    node ^= byte;
    if (node >= m->unitCount) break;
    unit = m->units[node];
    if ((unit & 0x800000ffu) != byte) break;
    at += isSign ? sizeof slm_sign : 1;
    /* A key ends where a character does. */
    if ((unit & 0x100) == 0 || (at < n->bytes && (text[at] & 0xc0) == 0x80)) continue;
    start = node ^ slm_offset(unit);
    start = start < m->unitCount ? m->units[start] & 0x7fffffffu : m->valueBytes;
    if (start >= m->valueBytes) break;
    value = m->values + start;
    n->at = at;
  }
  return value;
}

/* The next character, symbol, or value of a key. */
static void slm_next_part(const slm_unigram *t, slm_reader *n) {
  size_t start = n->at, end = slm_symbol_end(t, n, start);
  const unsigned char *value = NULL;
  if (end > start) n->at = end;
  else if ((value = slm_map_value(t, n)) == NULL) {
    slm_character(n->text, n->bytes, &n->at);
    if (t->readsSign && slm_starts_with_sign(n->text + start, n->text + n->at)) value = (const unsigned char *)" ";
  }
  n->part = value == NULL ? n->text + start : value;
  n->partEnd = value == NULL ? n->text + n->at : value + strlen((const char *)value);
  while (n->isAfterSpace && n->part < n->partEnd && *n->part == ' ') n->part++;
  if (n->part < n->partEnd) n->isAfterSpace = t->removesSpaces && n->partEnd[-1] == ' ';
}

/* The next byte of the normalized text, or -1. */
static int slm_next_byte(const slm_unigram *t, slm_reader *n) {
  for (;;) {
    size_t left = (size_t)(n->partEnd - n->part);
    if (left == 0 && n->at < n->bytes) slm_next_part(t, n);
    else if (left > 0 && *n->part == ' ') n->part++, n->spaces++;
    else if (slm_starts_with_sign(n->part, n->partEnd)) n->part += sizeof slm_sign, n->spaces++;
    else if (n->spaces > 0 && (left > 0 || !t->removesSpaces)) return n->spaces--, ' ';
    else return left > 0 ? *n->part++ : -1;
  }
}
