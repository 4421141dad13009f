/*
 * Drafts: tokens that may follow, which the next step verifies. The answer has the same tokens as without drafts, in fewer steps.
 * Source: Leviathan et al. 2023 (arXiv:2211.17192) for verification in one run.
 */
#define SLM_LONGEST_MATCH 8
/* A step reads the last token and the drafts after it, and returns logits for each. */
#define SLM_MOST_DRAFTS (SLM_MOST_LOGITS - 1)

/*
 * Copies what followed the last tokens of the answer in the source, or earlier in the answer, to the end of the answer. Of equally long matches, one in the
 * source wins, the nearest to where a copy of the source would be. Source: Saxena 2023, "Prompt lookup decoding". @returns how many
 */
static int slm_draft_copies(const int32_t *source, int sourceLength, int32_t *answer, int length, int most) {
  const int32_t *from = source;
  int end = sourceLength, found = 0, start = 0, distance = 0, at, drafted;
  for (at = 1; length > 0 && at < sourceLength; at++) {
    int same = slm_common_suffix(source, at, answer, length, SLM_LONGEST_MATCH), off = at > length ? at - length : length - at;
    if (same < found || same == 0 || (same == found && off >= distance)) continue;
    found = same;
    start = at;
    distance = off;
  }
  for (at = length - 1; at > 0 && found < SLM_LONGEST_MATCH; at--) {
    int same = slm_common_suffix(answer, at, answer, length, SLM_LONGEST_MATCH);
    if (same <= found) continue;
    found = same;
    start = at;
    from = answer;
    end = length;
  }
  if (length == 0 ? !SLM_HAS_ENCODER : found == 0) return 0;
  for (drafted = 0; drafted < most && start + drafted < end; drafted++) {
    int32_t token = from[start + drafted];
    if (token >= SLM_VOCABULARY) break; /* a source with a vocabulary of its own */
    answer[length + drafted] = token;
  }
  return drafted;
}

/* Greedy tokens, several for each step. */
static int slm_answer_drafts(slm_answering *a, const int32_t *source, int sourceLength, int32_t token) {
  slm_model *m = a->m;
  const slm_options *o = a->o;
  for (;;) {
    int32_t fed[SLM_MOST_DRAFTS + 1], *drafts = a->answer + a->length;
    int most = o->promptLookup, count, i;
    const float *logits;
    if (most > SLM_MOST_DRAFTS) most = SLM_MOST_DRAFTS;
    if (most > a->limit - a->length - 1) most = a->limit - a->length - 1;
    if (most > SLM_ROOM - m->text.past - 1) most = SLM_ROOM - m->text.past - 1;
    count = slm_draft_copies(source, sourceLength, a->answer, a->length, most);
    fed[0] = token;
    for (i = 0; i < count; i++) fed[i + 1] = drafts[i];
    logits = slm_step(m, fed, count + 1, count + 1);
    if (logits == NULL) return SLM_BAD_TOKEN;
    a->steps++;
    for (i = 0; i <= count; i++, logits += SLM_VOCABULARY) {
      token = slm_highest(logits, SLM_VOCABULARY);
      if (!(logits[token] > -HUGE_VALF) || !slm_measure(a, logits, token)) return SLM_BAD_LOGITS;
      if (slm_take(a, token)) return a->length;
      if (i < count && fed[i + 1] != token) break;
    }
    if (i < count) slm_rewind(m, m->text.past - (count - i));
  }
}
