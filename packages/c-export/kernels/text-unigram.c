/*
 * SentencePiece Unigram: a text is split into the pieces with the best sum of scores.
 * Source: SentencePiece 0.2.3, unigram_model.cc.
 */

/* Above this, the sums of paths start again at zero. */
#define SLM_LARGEST_SUM 100000

/* Tokens that are written, of which the first `left` are left out. */
typedef struct {
  int32_t *ids;
  int length, capacity, left, unknown, hasUnknown, isInUnknown;
  /* Tokens that the unknown characters before this place are the start of, and the one that they are, or a negative number. */
  slm_range names;
  int name;
} slm_tokens;

static void slm_add_token(slm_tokens *to, int32_t token) {
  to->hasUnknown |= token == to->unknown;
  if (to->left > 0) to->left--;
  else if (to->length++ < to->capacity) to->ids[to->length - 1] = token;
}

/* Unknown characters next to each other are one token. */
static void slm_add_unknown(const slm_unigram *t, slm_tokens *to, const unsigned char *text, size_t bytes) {
  size_t i;
  if (t->byteTokens != NULL) {
    for (i = 0; i < bytes; i++) slm_add_token(to, t->byteTokens[text[i]]);
    return;
  }
  if (!to->isInUnknown) {
    to->names.from = 0;
    to->names.to = t->named.count;
    to->names.length = 0;
    to->name = -1;
  }
  to->isInUnknown = 1;
  for (i = 0; i < bytes && to->name > -2; i++) to->name = slm_narrow(&t->named, &to->names, text[i]);
}

static void slm_end_unknown(const slm_unigram *t, slm_tokens *to) {
  if (to->isInUnknown) slm_add_token(to, to->name < 0 ? t->unknown : (int32_t)t->namedTokens[to->name]);
  to->isInUnknown = 0;
}

static int slm_token_of(const slm_unigram *t, int piece) {
  int place = (int)t->pieces.order[piece];
  return place < t->size ? place : (int)t->ownTokens[place - t->size];
}

/* Adds the tokens of a stretch of text. backs[i] is the length of the last piece of the best path to byte i. */
static void slm_add_path(const slm_unigram *t, const unsigned char *text, SLM_TEXT_NUMBER *backs, size_t end, slm_tokens *to) {
  SLM_TEXT_NUMBER length = 0, back;
  size_t at, i;
  /* From here on, backs[i] is the length of the piece that starts at byte i. */
  for (at = end; at > 0; at -= length) {
    back = backs[at];
    backs[at] = length;
    length = back;
  }
  backs[0] = length;
  for (at = 0; at < end; at += length) {
    slm_range range = {0, 0, 0};
    int found = -1, token;
    length = backs[at];
    range.to = t->pieces.count;
    for (i = 0; i < length && found > -2; i++) found = slm_narrow(&t->pieces, &range, text[at + i]);
    token = found < 0 ? t->unknown : slm_token_of(t, found);
    /* Tokenizers of words find the unknown token in texts. */
    if (found < 0 || (t->words != SLM_WHOLE && token == t->unknown)) {
      slm_add_unknown(t, to, text + at, length);
      continue;
    }
    slm_end_unknown(t, to);
    slm_add_token(to, token);
  }
}

/* The best paths to each byte of a stretch of text. */
typedef struct {
  /* sums[i] is the best sum of the paths to byte start + i, and backs[i] the length of the last piece of the best path to byte i. */
  double *sums;
  SLM_TEXT_NUMBER *backs;
  unsigned char *text;
  size_t start, frontier;
  int isRounded;
} slm_paths;

/* Offers a path whose last piece starts at `start`. */
static void slm_offer(slm_paths *p, size_t length, double score) {
  double sum = score + p->sums[0];
  if (p->isRounded) sum = (float)sum;
  if (p->start + length > p->frontier) p->frontier = p->start + length;
  if (!(sum > p->sums[length])) return;
  p->sums[length] = sum;
  p->backs[p->start + length] = (SLM_TEXT_NUMBER)length;
}

/* Offers all pieces that start at `start`, or an unknown character. @returns bytes of the character */
static size_t slm_offer_pieces(const slm_unigram *t, slm_paths *p, size_t filled) {
  unsigned char first = p->text[p->start];
  size_t width = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4, at;
  slm_range range = {0, 0, 0};
  int found, isPiece = 0;
  range.to = t->pieces.count;
  for (at = p->start; at < filled && (found = slm_narrow(&t->pieces, &range, p->text[at])) >= -1; at++) {
    if (t->words != SLM_WHOLE && p->text[at] == ' ' && at > p->start) break;
    if (found < 0) continue;
    slm_offer(p, range.length, t->scores[found]);
    if (range.length == width) isPiece = 1;
  }
  if (!isPiece) slm_offer(p, width, t->unknownScore);
  return width;
}

/* Adds the tokens of the text that `n` reads. @returns 0 if more than `most` bytes follow each other without a place that all paths go through */
static int slm_add_text(const slm_unigram *t, slm_reader *n, double *room, size_t most, slm_tokens *to) {
  size_t longest = (size_t)t->longest, filled = 0, width, i;
  slm_paths p = {0};
  int byte = 0;
  p.isRounded = t->isRounded;
  p.sums = room;
  p.backs = (SLM_TEXT_NUMBER *)(room + longest + 1);
  p.text = (unsigned char *)(p.backs + most + longest + 1);
  for (i = 0; i <= longest; i++) p.sums[i] = i == 0 ? 0 : -HUGE_VAL;
  for (;; p.start += width) {
    while (byte >= 0 && filled < p.start + longest)
      if ((byte = slm_next_byte(t, n)) >= 0) p.text[filled++] = (unsigned char)byte;
    if (p.start > 0 && p.frontier == p.start) {
      slm_add_path(t, p.text, p.backs, p.start, to);
      memmove(p.text, p.text + p.start, filled -= p.start);
      p.start = p.frontier = 0;
      if (t->words != SLM_WHOLE && filled > 0 && p.text[0] == ' ') {
        slm_end_unknown(t, to);
        p.sums[0] = 0;
      }
    }
    if (p.start == filled) break;
    if (p.start > most) return 0;
    if (t->isRounded && fabs(p.sums[0]) > SLM_LARGEST_SUM)
      for (i = longest + 1; i-- > 0;) p.sums[i] = (float)(p.sums[i] - p.sums[0]);
    width = slm_offer_pieces(t, &p, filled);
    for (i = 0; i <= longest; i++) p.sums[i] = i + width <= longest ? p.sums[i + width] : -HUGE_VAL;
  }
  slm_end_unknown(t, to);
  return 1;
}

/* Reads the code that a text may start with: >>fra<<. @returns its bytes */
static size_t slm_add_code(const slm_unigram *t, const unsigned char *text, size_t bytes, slm_tokens *to) {
  size_t end;
  int name;
  if (!t->readsCode || bytes < 4 || text[0] != '>' || text[1] != '>') return 0;
  for (end = 4; end <= bytes && (text[end - 2] != '<' || text[end - 1] != '<'); end++) {}
  if (end > bytes) return 0;
  name = slm_name_at(&t->codes, text, end);
  slm_add_token(to, name < 0 ? t->unknown : t->codeTokens[name]);
  return end;
}

/*
 * Writes up to `capacity` tokens. `room` is for longest + 1 sums, and for a number and a byte for each byte of the longest text and of a piece.
 * @returns how many tokens the text has, or an error
 */
static int slm_unigram_encode(const slm_unigram *t, const unsigned char *text, size_t bytes, double *room, int32_t *ids, int capacity) {
  size_t at, most = ((size_t)capacity + (size_t)t->openingTokens) * (size_t)t->longest;
  slm_tokens to = {0};
  slm_reader n = {0};
  int name = -1, fits = 1, i;
  for (at = 0; at < bytes;)
    if (slm_character(text, bytes, &at) < 0) return SLM_TEXT_BAD_UTF8;
  if (slm_has_name(&t->special, text, bytes)) return SLM_TEXT_SPECIAL;
  to.ids = ids;
  to.capacity = capacity;
  to.unknown = t->unknown;
  for (i = 0; i < t->beforeCount; i++) slm_add_token(&to, t->before[i]);
  n.text = text;
  n.bytes = n.end = bytes;
  n.at = slm_add_code(t, text, bytes, &to);
  n.spaces = t->addsSpace && n.at < bytes;
  n.isAfterSpace = t->words == SLM_WHOLE && t->removesSpaces && (t->openingBytes == 0 || t->opening[t->openingBytes - 1] == ' ');
  n.part = t->opening;
  n.partEnd = t->opening + t->openingBytes;
  n.isOpening = 1;
  if (t->words != SLM_WHOLE) name = slm_end_text_of_words(t, &n);
  to.left = t->openingTokens;
  if (name >= 0) slm_add_token(&to, (int32_t)t->namedTokens[name]);
  else fits = slm_add_text(t, &n, room, most, &to);
  if (to.length == t->beforeCount && fits) return SLM_TEXT_EMPTY;
  if (to.hasUnknown && !t->keepsUnknown) return SLM_TEXT_UNKNOWN;
  for (i = 0; i < t->afterCount; i++) slm_add_token(&to, t->after[i]);
  return fits && to.length <= capacity ? to.length : SLM_TEXT_TOO_LONG;
}
