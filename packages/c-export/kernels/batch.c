/* Greedy answers to several sources. A step reads the weights once for the texts in progress. */
static void slm_answer_batch(slm_model *m, slm_request *requests, int count) {
  slm_text texts[SLM_MOST_LOGITS]; /* Those in progress, then free ones. */
  slm_request *live[SLM_MOST_LOGITS];
  int32_t tokens[SLM_MOST_LOGITS];
  int most = m->texts < SLM_MOST_LOGITS ? m->texts : SLM_MOST_LOGITS, liveCount = 0, next = 0, i;
  for (i = 0; i < most; i++) texts[i] = text_at(m, i);
  for (;;) {
    const float *logits;
    for (; liveCount < most && next < count; next++) {
      slm_request *request = &requests[next];
      m->text = texts[liveCount];
      request->length = slm_start(m, request->source, request->count, &tokens[liveCount]);
      if (request->length != SLM_OK || request->capacity <= 0 || m->text.past == SLM_ROOM) continue;
      texts[liveCount] = m->text;
      live[liveCount++] = request;
    }
    if (liveCount == 0) break;
    logits = step_texts(m, texts, liveCount, tokens, 1, 1);
    for (i = liveCount - 1; i >= 0; i--) {
      const float *scores = logits + (size_t)i * SLM_VOCABULARY;
      slm_request *request = live[i];
      slm_text ended = texts[i];
      int32_t token = tokens[i] = slm_highest(scores, SLM_VOCABULARY);
      if (token < 0 || !(scores[token] > -HUGE_VALF)) request->length = SLM_BAD_LOGITS;
      else if (token != SLM_EOS) {
        request->answer[request->length++] = token;
        if (request->length < request->capacity && ended.past < SLM_ROOM) continue;
      }
      liveCount--; /* The last answer takes its place. */
      live[i] = live[liveCount];
      tokens[i] = tokens[liveCount];
      texts[i] = texts[liveCount];
      texts[liveCount] = ended;
    }
  }
  m->text = text_at(m, 0);
}
