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
  /* The longest keys are replaced; or, if there are kinds of graphemes, the shortest ones of graphemes. */
  slm_map map;
  slm_graphemes graphemes;
  /* Texts that are not replaced; and whether U+2581 in a text is a space. */
  slm_sorted symbols;
  int readsSign;
  /* Pieces and their scores. The first `size` texts are those of tokens; pieces with the token of another text follow, with these tokens. */
  slm_sorted pieces;
  const float *scores;
  int size;
  const SLM_TEXT_NUMBER *ownTokens;
  double unknownScore;
  /* Bytes of the longest piece, at least 4. */
  int longest;
  /*
   * Token of characters that are no piece, and whether texts may have it. Tokens that such characters are found as, and whole texts if words are split;
   * or the tokens of their bytes.
   */
  int unknown, keepsUnknown;
  slm_sorted named;
  const SLM_TEXT_NUMBER *namedTokens;
  const int32_t *byteTokens;
  /* Where pieces end at the latest; whether sums of scores are float32 numbers. */
  int words, isRounded;
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

/* At the end of a text; at white space and before U+2581; before a space or U+2581. */
enum { SLM_WHOLE = 0, SLM_WHITE = 1, SLM_SPACES = 2 };
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

/* Where a text is read, up to `end`, and where the grapheme of this place ends. */
typedef struct {
  const unsigned char *text;
  size_t bytes, at, end, grapheme;
  /* The rest of the value that is read; spaces that are only read if something follows; spaces that come first. */
  const unsigned char *part, *partEnd;
  size_t spaces, due;
  int isAfterSpace, isOpening;
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

/* The value of the longest or shortest key at the place of a reader, which moves behind the key; NULL if there is none up to `end`. */
static const unsigned char *slm_map_value(const slm_unigram *t, slm_reader *n, size_t end, int isShortest) {
  const slm_map *m = &t->map;
  const unsigned char *value = NULL, *text = n->text;
  uint32_t node = m->unitCount > 0 ? slm_offset(m->units[0]) : 0, unit, start;
  size_t at = n->at;
  for (; at < end && text[at] != 0; node ^= slm_offset(unit)) {
    int isSign = t->readsSign && slm_starts_with_sign(text + at, text + n->bytes);
    uint32_t byte = isSign ? ' ' : text[at];
    node ^= byte;
    if (node >= m->unitCount) break;
    unit = m->units[node];
    if ((unit & 0x800000ffu) != byte) break;
    at += isSign ? sizeof slm_sign : 1;
    /* The longest key ends where a character does. */
    if ((unit & 0x100) == 0 || (!isShortest && at < end && (text[at] & 0xc0) == 0x80)) continue;
    start = node ^ slm_offset(unit);
    start = start < m->unitCount ? m->units[start] & 0x7fffffffu : m->valueBytes;
    if (start >= m->valueBytes) break;
    value = m->values + start;
    n->at = at;
    if (isShortest) break;
  }
  return value;
}

/* The value of the shortest key that a grapheme of at most 5 bytes starts with, or of a character of another. Source: spm_precompiled 0.1.4. */
static const unsigned char *slm_grapheme_value(const slm_unigram *t, slm_reader *n) {
  const unsigned char *value = NULL;
  size_t next = n->at;
  if (n->at >= n->grapheme) {
    n->grapheme = slm_grapheme_end(&t->graphemes, n->text, n->bytes, n->at);
    if (n->grapheme - n->at <= 5 && (value = slm_map_value(t, n, n->grapheme, 1)) != NULL) next = n->grapheme;
  }
  if (value == NULL) {
    slm_character(n->text, n->bytes, &next);
    value = slm_map_value(t, n, next, 1);
  }
  if (value != NULL) n->at = next;
  return value;
}

/* The next character, symbol, or value of a key. */
static void slm_next_part(const slm_unigram *t, slm_reader *n) {
  size_t start = n->at, end = slm_symbol_end(t, n, start);
  const unsigned char *value = NULL;
  if (end > start) n->at = end;
  else if ((value = t->graphemes.count > 0 ? slm_grapheme_value(t, n) : slm_map_value(t, n, n->bytes, 0)) == NULL) {
    slm_character(n->text, n->bytes, &n->at);
    if (t->readsSign && slm_starts_with_sign(n->text + start, n->text + n->at)) value = (const unsigned char *)" ";
  }
  n->part = value == NULL ? n->text + start : value;
  n->partEnd = value == NULL ? n->text + n->at : value + strlen((const char *)value);
  while (n->isAfterSpace && n->part < n->partEnd && *n->part == ' ') n->part++;
  if (n->part < n->partEnd) n->isAfterSpace = t->words == SLM_WHOLE && t->removesSpaces && n->partEnd[-1] == ' ';
}

/* Unicode's White_Space. */
static int slm_is_white(int32_t c) {
  return (c >= 9 && c <= 13) || c == ' ' || c == 0x85 || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 ||
    c == 0x202f || c == 0x205f || c == 0x3000;
}

/* Bytes of the white space that a part starts with; only of a space, unless all white space ends words. */
static size_t slm_white_bytes(const slm_unigram *t, const unsigned char *part, const unsigned char *end) {
  size_t at = 0;
  if (part < end && *part == ' ') return 1;
  return t->words == SLM_WHITE && part < end && slm_is_white(slm_character(part, (size_t)(end - part), &at)) ? at : 0;
}

/* Ends a text after the last part that is not white space. @returns the name that the normalized text is, or a negative number */
static int slm_end_text_of_words(const slm_unigram *t, slm_reader *reader) {
  slm_reader n = *reader;
  slm_range range = {0, 0, 0};
  int name = -1, last = -1;
  range.to = t->named.count;
  reader->end = n.at;
  while (n.at < n.bytes) {
    slm_next_part(t, &n);
    while (n.part < n.partEnd) {
      size_t at = 0;
      int isWhite = slm_is_white(slm_character(n.part, (size_t)(n.partEnd - n.part), &at));
      for (; at > 0; at--, n.part++)
        if (name > -2) name = slm_narrow(&t->named, &range, *n.part);
      if (isWhite) continue;
      reader->end = n.at;
      last = name;
    }
  }
  return t->words == SLM_WHITE ? name : last;
}

/* The next byte of the normalized text, or -1. */
static int slm_next_byte(const slm_unigram *t, slm_reader *n) {
  for (;;) {
    size_t white;
    if (n->due > 0) return n->due--, ' ';
    if (n->part == n->partEnd && n->at < n->end) {
      slm_next_part(t, n);
      continue;
    }
    if (n->part == n->partEnd && (t->removesSpaces || n->spaces == 0)) return -1;
    white = slm_white_bytes(t, n->part, n->partEnd);
    if (white > 0) {
      n->part += white;
      n->spaces = t->words == SLM_WHOLE ? n->spaces + 1 : 1;
    } else if (slm_starts_with_sign(n->part, n->partEnd)) {
      n->part += sizeof slm_sign;
      n->spaces++;
      /* In front of this sign, the first word and words after white space get no other. */
      if (t->words == SLM_WHOLE) continue;
      n->due = t->words == SLM_WHITE || n->isOpening ? 1 : n->spaces;
      n->spaces = 0;
    } else if (n->spaces > 0) {
      n->due = n->spaces;
      n->spaces = 0;
    } else return *n->part++;
    n->isOpening = 0;
  }
}
