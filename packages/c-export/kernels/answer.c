/* One answer, chosen as the options say. */
static int slm_are_valid(const slm_model *m, const slm_options *o) {
  int i;
  if (o->endCount < 0 || o->endCount > SLM_MAX_ENDS) return 0;
  for (i = 0; i < o->endCount; i++)
    if (o->ends == NULL || o->ends[i] < 0 || o->ends[i] >= SLM_VOCABULARY) return 0;
  return o->maxTokens >= 0 && o->beams >= 0 &&
         (o->temperature == 0 || (o->temperature >= 1e-30 && o->temperature < HUGE_VAL)) && o->topK >= 0 && o->topP >= 0 && o->topP <= 1 && o->minP >= 0 &&
         o->minP <= 1 && (o->beams <= 1 || (isfinite(o->lengthPenalty) && o->temperature == 0 && m->beams >= o->beams));
}

static int slm_answer(slm_model *m, const int32_t *source, int count, const slm_options *options, int32_t *answer, int capacity, slm_result *result) {
  slm_options plain;
  slm_answering a;
  int32_t start;
  int status;
  if (options == NULL) {
    memset(&plain, 0, sizeof plain);
    options = &plain;
  }
  if (!slm_are_valid(m, options)) return SLM_BAD_OPTIONS;
  status = slm_start(m, source, count, &start);
  if (status != SLM_OK) return status;
  memset(&a, 0, sizeof a);
  a.m = m;
  a.o = options;
  a.answer = answer;
  a.random = slm_seeded(options->seed);
  a.isMeasured = result != NULL;
  a.end = -1;
  a.limit = SLM_ROOM - m->text.past;
  if (options->maxTokens > 0 && options->maxTokens < a.limit) a.limit = options->maxTokens;
  if (capacity < a.limit) a.limit = capacity;
  if (a.limit <= 0) a.reason = SLM_LIMIT;
  else if (options->beams > 1) status = slm_answer_beams(&a, start);
  else status = slm_answer_tokens(&a, start);
  if (status < 0 || result == NULL) return status;
  result->reason = a.reason;
  result->end = a.end;
  result->steps = a.steps;
  result->logProbability = a.logProbability;
  result->confidence = exp(a.logProbability < 0 ? a.logProbability : 0);
  return status;
}
