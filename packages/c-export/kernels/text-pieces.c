/*
 * The text of pieces, without the space that a normalized text begins with.
 * Source: SentencePiece 0.2.3, sentencepiece_processor.cc.
 */

/* What the text of a token starts with if it is not a piece: a byte of a character; text that stays as it is. */
enum { SLM_BYTE = 0xff, SLM_AS_IT_IS = 0xfe };

/* Decoded text of which only the bytes from `from` to `end` - 1 are written. */
typedef struct {
  slm_writer *to;
  size_t at, from, end;
} slm_cut;

/* Writes characters, or without a writer finds the first and the last that are not white. */
static void slm_cut_text(slm_cut *cut, const unsigned char *text, size_t bytes) {
  size_t at = 0, next = 0;
  while (at < bytes) {
    /* As in Python's `str.strip`. */
    int32_t character = slm_character(text, bytes, &next);
    int isWhite = slm_is_white(character) || (character >= 0x1c && character <= 0x1f);
    if (cut->to == NULL && !isWhite) {
      if (cut->end == 0) cut->from = cut->at;
      cut->end = cut->at + next - at;
    }
    for (; at < next; at++, cut->at++)
      if (cut->to != NULL && cut->at >= cut->from && cut->at < cut->end) slm_write_byte(cut->to, text[at]);
  }
}

/* Writes the character whose bytes are the tokens from ids[i]; U+FFFD for a byte that is not UTF-8. @returns the token after it */
static int slm_cut_bytes(const slm_unigram *t, const int32_t *ids, int count, int i, slm_cut *cut) {
  static const unsigned char replacement[] = { 0xef, 0xbf, 0xbd };
  unsigned char bytes[4];
  size_t found = 0, at = 0;
  int first = i + 1, next = i;
  for (; next < count && found < 4; next++) {
    const unsigned char *text = t->pieces.bytes + t->pieces.starts[ids[next]];
    size_t length = t->pieces.starts[ids[next] + 1] - t->pieces.starts[ids[next]];
    if (length == 0) continue;
    if (text[0] != SLM_BYTE) break;
    bytes[found++] = text[1];
    if (slm_character(bytes, found, &at) < 0) continue;
    slm_cut_text(cut, bytes, at);
    return next + 1;
  }
  slm_cut_text(cut, replacement, 3);
  return first;
}

static void slm_cut_tokens(const slm_unigram *t, const int32_t *ids, int count, slm_cut *cut) {
  int i, next, hasDropped = 0, isBegin = 1;
  for (i = 0; i < count; i = next) {
    const unsigned char *text = t->pieces.bytes + t->pieces.starts[ids[i]];
    size_t bytes = t->pieces.starts[ids[i] + 1] - t->pieces.starts[ids[i]];
    int isDropped;
    next = i + 1;
    if (bytes == 0) continue;
    if (text[0] == SLM_BYTE) {
      next = slm_cut_bytes(t, ids, count, i, cut);
      continue;
    }
    if (hasDropped || cut->at > 0) isBegin = 0;
    isDropped = text[0] == SLM_AS_IT_IS || (isBegin && t->dropped != SLM_DROP_NONE && text[0] == ' ');
    slm_cut_text(cut, text + isDropped, bytes - (size_t)isDropped);
    hasDropped = isDropped && text[0] == ' ' && t->dropped == SLM_DROP_ONE;
  }
}

/* Text of tokens, without white space at its ends. */
static void slm_unigram_decode(const slm_unigram *t, const int32_t *ids, int count, slm_writer *to) {
  slm_cut cut = {0};
  slm_cut_tokens(t, ids, count, &cut);
  cut.to = to;
  if (!t->trims) {
    cut.from = 0;
    cut.end = cut.at;
  }
  cut.at = 0;
  slm_cut_tokens(t, ids, count, &cut);
}
