/*
 * Text in UTF-8: reads characters, and writes the text of tokens.
 */

/* The errors of text functions. The header has the same numbers. */
enum {
  SLM_TEXT_TOO_LONG = -4,
  SLM_TEXT_BAD_UTF8 = -20,
  SLM_TEXT_SPECIAL = -21,
  SLM_TEXT_UNKNOWN = -22,
  SLM_TEXT_EMPTY = -23
};

/* The character at text[*at]; moves *at to the next one. @returns -1 for bytes that are not UTF-8 */
static int32_t slm_character(const unsigned char *text, size_t bytes, size_t *at) {
  static const uint32_t least[] = { 0, 0x80, 0x800, 0x10000 };
  uint32_t character = text[*at];
  size_t more, i;
  if (character < 0x80) more = 0;
  else if (character < 0xc0) return -1;
  else if (character < 0xe0) more = 1;
  else if (character < 0xf0) more = 2;
  else if (character < 0xf8) more = 3;
  else return -1;
  if (bytes - *at <= more) return -1;
  if (more > 0) character &= 0x3fu >> more;
  for (i = 1; i <= more; i++) {
    uint32_t next = text[*at + i];
    if ((next & 0xc0) != 0x80) return -1;
    character = character << 6 | (next & 0x3f);
  }
  if (character < least[more] || character > 0x10ffff || (character >= 0xd800 && character < 0xe000)) return -1;
  *at += more + 1;
  return (int32_t)character;
}

/* Writes bytes as UTF-8. Each longest start of a character that does not go on becomes U+FFFD. Source: WHATWG Encoding, UTF-8 decoder. */
typedef struct {
  char *text;
  size_t capacity, length;
  /* The start of a character, how many bytes of it are missing, and the range of the next one. */
  unsigned char start[4], from, to;
  int has, missing;
} slm_writer;

static void slm_put(slm_writer *w, const unsigned char *bytes, int count) {
  int i;
  for (i = 0; i < count; i++, w->length++)
    if (w->length < w->capacity) w->text[w->length] = (char)bytes[i];
}

static void slm_end_character(slm_writer *w) {
  static const unsigned char replacement[] = { 0xef, 0xbf, 0xbd };
  if (w->missing > 0) slm_put(w, replacement, 3);
  else slm_put(w, w->start, w->has);
  w->has = w->missing = 0;
}

static void slm_write_byte(slm_writer *w, unsigned char byte) {
  if (w->missing > 0 && (byte < w->from || byte > w->to)) slm_end_character(w);
  if (w->missing == 0) {
    w->missing = byte < 0x80 ? 0 : byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
    w->from = byte == 0xe0 ? 0xa0 : byte == 0xf0 ? 0x90 : 0x80;
    w->to = byte == 0xed ? 0x9f : byte == 0xf4 ? 0x8f : 0xbf;
    w->start[0] = byte;
    w->has = 1;
    /* No character starts with these. */
    if (byte >= 0x80 && (byte < 0xc2 || byte > 0xf4)) slm_end_character(w);
  } else {
    w->start[w->has++] = byte;
    w->missing--;
    w->from = 0x80;
    w->to = 0xbf;
  }
  if (w->missing == 0) slm_end_character(w);
}

/* Ends a text with a zero. @returns its bytes without the zero, or an error if they do not fit */
static int slm_end_text(slm_writer *w) {
  slm_end_character(w);
  if (w->length < w->capacity && w->length <= 0x7fffffff) {
    w->text[w->length] = 0;
    return (int)w->length;
  }
  if (w->capacity > 0) w->text[0] = 0;
  return SLM_TEXT_TOO_LONG;
}
