/*
 * Where graphemes end. Source: Unicode Standard Annex 29, grapheme cluster boundaries.
 */

/* Kinds of characters. Those from SLM_MARK on belong to the character before them. */
enum {
  SLM_OTHER_CHARACTER,
  SLM_CONTROL,
  SLM_PREPEND,
  SLM_HANGUL_L,
  SLM_HANGUL_V,
  SLM_HANGUL_T,
  SLM_HANGUL_LV,
  SLM_HANGUL_LVT,
  SLM_CONSONANT,
  SLM_PICTURE,
  SLM_FLAG,
  SLM_MARK,
  SLM_EXTEND,
  SLM_EXTEND_CONSONANT,
  SLM_LINKER,
  SLM_JOINER
};

/* first character * 16 + kind, sorted, of each range of characters of one kind. */
typedef struct {
  const uint32_t *kinds;
  int count;
} slm_graphemes;

static int slm_grapheme_kind(const slm_graphemes *g, uint32_t character) {
  if (character >= 0xac00 && character <= 0xd7a3) return (character - 0xac00) % 28 == 0 ? SLM_HANGUL_LV : SLM_HANGUL_LVT;
  return (int)(g->kinds[slm_lower_bound(g->kinds, g->count, character * 16 + 16) - 1] & 15);
}

static int slm_joins_hangul(int last, int kind) {
  if (last == SLM_HANGUL_L) return kind == SLM_HANGUL_L || kind == SLM_HANGUL_V || kind == SLM_HANGUL_LV || kind == SLM_HANGUL_LVT;
  if (last == SLM_HANGUL_V || last == SLM_HANGUL_LV) return kind == SLM_HANGUL_V || kind == SLM_HANGUL_T;
  return (last == SLM_HANGUL_T || last == SLM_HANGUL_LVT) && kind == SLM_HANGUL_T;
}

/* Where the grapheme ends that starts at `at`. */
static size_t slm_grapheme_end(const slm_graphemes *g, const unsigned char *text, size_t bytes, size_t at) {
  int32_t first = slm_character(text, bytes, &at);
  int last = slm_grapheme_kind(g, (uint32_t)first);
  /* How much is there of a consonant with a linker, of a picture with a joiner; flags before this place. */
  int consonant = last == SLM_CONSONANT, picture = last == SLM_PICTURE, flags = last == SLM_FLAG;
  if (first == '\r' && at < bytes && text[at] == '\n') return at + 1;
  while (last != SLM_CONTROL && at < bytes) {
    size_t next = at;
    int kind = slm_grapheme_kind(g, (uint32_t)slm_character(text, bytes, &next));
    int isExtend = kind == SLM_EXTEND || kind == SLM_EXTEND_CONSONANT || kind == SLM_LINKER;
    int joins = last == SLM_PREPEND || kind >= SLM_MARK || slm_joins_hangul(last, kind);
    joins |= (kind == SLM_CONSONANT && consonant == 2) || (kind == SLM_PICTURE && picture == 2) || (kind == SLM_FLAG && flags % 2 == 1);
    if (kind == SLM_CONTROL || !joins) break;
    if (kind == SLM_CONSONANT) consonant = 1;
    else if (consonant > 0 && kind == SLM_LINKER) consonant = 2;
    else if (kind != SLM_EXTEND_CONSONANT && kind != SLM_JOINER) consonant = 0;
    if (kind == SLM_PICTURE) picture = 1;
    else if (picture == 1 && kind == SLM_JOINER) picture = 2;
    else if (picture == 2 || !isExtend) picture = 0;
    flags = kind == SLM_FLAG ? flags + 1 : 0;
    last = kind;
    at = next;
  }
  return at;
}
