/*
 * Symbol tokenizer: one token for each character of a source, and for each symbol of an answer.
 */

typedef struct {
  /* Characters of sources, sorted, and their tokens. */
  const uint32_t *characters;
  const SLM_TEXT_NUMBER *tokens;
  int count;
  /* Characters that lower-casing changes, sorted, and the three that each becomes; zeros where they are fewer. */
  const uint32_t *capitals, *small;
  int capitalCount;
  /* character * 2, sorted, of those that a sigma at the end of a word depends on; + 1 if they are part of the word but do not count. */
  const uint32_t *neighbours;
  int neighbourCount;
  /* The bytes of token i of an answer are texts[starts[i]] to texts[starts[i + 1] - 1]. */
  const SLM_TEXT_NUMBER *starts;
  const unsigned char *texts;
} slm_symbols;

enum { SLM_SIGMA = 0x3a3, SLM_SMALL_SIGMA = 0x3c3, SLM_FINAL_SIGMA = 0x3c2 };

/* 0 for a character that ends a word, 1 for a letter that has a case, 2 for one that is ignored. */
static int slm_neighbour(const slm_symbols *t, int32_t character) {
  uint32_t key = (uint32_t)character * 2;
  int at = character < 0 ? t->neighbourCount : slm_lower_bound(t->neighbours, t->neighbourCount, key);
  return at == t->neighbourCount || t->neighbours[at] / 2 != (uint32_t)character ? 0 : 1 + (int)(t->neighbours[at] & 1);
}

/* Whether a letter with a case follows in the same word. */
static int slm_goes_on(const slm_symbols *t, const unsigned char *text, size_t bytes, size_t at) {
  int kind = 2;
  while (kind == 2 && at < bytes) kind = slm_neighbour(t, slm_character(text, bytes, &at));
  return kind == 1;
}

/* Adds a byte, or a character, to the last five of a text. @returns whether they are [pad], [bos], [eos] or [unk] */
static int slm_ends_special(uint64_t *last, uint32_t character) {
  *last = (*last << 8 | (character < 0x80 ? character : 0xff)) & UINT64_C(0xffffffffff);
  return *last == UINT64_C(0x5b7061645d) || *last == UINT64_C(0x5b626f735d) || *last == UINT64_C(0x5b656f735d) || *last == UINT64_C(0x5b756e6b5d);
}

/* Writes up to `capacity` tokens. @returns how many tokens the text has, or an error */
static int slm_symbols_encode(const slm_symbols *t, const unsigned char *text, size_t bytes, int32_t *ids, int capacity) {
  uint64_t last = 0;
  size_t at = 0, length = 0;
  int isSpecial = 0, isUnknown = 0, isInWord = 0;
  while (at < bytes) {
    int32_t character = slm_character(text, bytes, &at);
    uint32_t small[3] = {0, 0, 0};
    int i, kind, place;
    if (character < 0) return SLM_TEXT_BAD_UTF8;
    small[0] = (uint32_t)character;
    place = slm_lower_bound(t->capitals, t->capitalCount, small[0]);
    if (place < t->capitalCount && t->capitals[place] == small[0])
      for (i = 0; i < 3; i++) small[i] = t->small[3 * place + i];
    if (character == SLM_SIGMA && small[0] == SLM_SMALL_SIGMA && isInWord && !slm_goes_on(t, text, bytes, at)) small[0] = SLM_FINAL_SIGMA;
    kind = slm_neighbour(t, character);
    if (kind != 2) isInWord = kind;
    for (i = 0; i < 3 && (i == 0 || small[i] != 0); i++, length++) {
      isSpecial |= slm_ends_special(&last, small[i]);
      place = slm_lower_bound(t->characters, t->count, small[i]);
      if (place == t->count || t->characters[place] != small[i]) isUnknown = 1;
      else if (length < (size_t)capacity) ids[length] = (int32_t)t->tokens[place];
    }
  }
  if (isSpecial) return SLM_TEXT_SPECIAL;
  if (isUnknown) return SLM_TEXT_UNKNOWN;
  if (length == 0) return SLM_TEXT_EMPTY;
  return length <= (size_t)capacity ? (int)length : SLM_TEXT_TOO_LONG;
}

/* Symbols with a space between them; special tokens have no text. */
static void slm_symbols_decode(const slm_symbols *t, const int32_t *ids, int count, slm_writer *to) {
  int i, isFirst = 1;
  for (i = 0; i < count; i++) {
    size_t at, end = t->starts[ids[i] + 1];
    if (t->starts[ids[i]] == end) continue;
    if (!isFirst) slm_write_byte(to, ' ');
    isFirst = 0;
    for (at = t->starts[ids[i]]; at < end; at++) slm_write_byte(to, t->texts[at]);
  }
}
