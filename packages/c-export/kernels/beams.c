/*
 * Beam search: several hypotheses advance together, each with its own caches, and the most probable ones survive. The same answers as
 * packages/generation/src/search/beam-search.ts, which explains the rules. Source: Wu et al. 2016 (arXiv:1609.08144), section 7.
 */
typedef struct { int32_t token; int before; } slm_node;
/* `node` is the last token of a chain, or -1; `slot` says which caches it has. `total` ranks: the log-probability after changes. */
typedef struct { int node, slot; double logProbability, total; } slm_beam;
typedef struct { int beam; int32_t token; double logProbability, total; } slm_candidate;
typedef struct { int node, reason; int32_t end; double logProbability, score; } slm_hypothesis;

/* For each beam: nodes of an answer, two beams, candidates and a hypothesis. */
#define SLM_CONSIDERED(beams) ((2 + SLM_MAX_ENDS) * (beams))
typedef char slm_search_fits[SLM_ROOM * sizeof(slm_node) + 2 * sizeof(slm_beam) + SLM_CONSIDERED(1) * sizeof(slm_candidate) + sizeof(slm_hypothesis) <= SLM_SEARCH_BYTES ? 1 : -1];

typedef struct {
  slm_hypothesis *complete;
  slm_candidate *candidates;
  slm_beam *live, *next;
  slm_node *nodes;
  int completeCount, candidateCount, considered, liveCount, nodeCount;
} slm_search;

/* The caches of a beam. */
static float *slm_slot(const slm_model *m, int slot) { return slot == 0 ? m->text.state : m->arena + SLM_ARENA_FLOATS + (size_t)(slot - 1) * SLM_STATE_FLOATS; }

/* Beams of a step: it leaves the scores of one beam free. */
#define SLM_MOST_BEAMS (SLM_MAX_FRESH < SLM_MAX_WANTED ? SLM_MAX_FRESH : SLM_MAX_WANTED - 1)

/* Keeps the most probable candidates, most probable first; of equal ones the first. */
static void slm_consider(slm_search *s, int beam, int32_t token, double logProbability, double total) {
  int at;
  if (!(total > -HUGE_VAL) || (s->candidateCount == s->considered && !(total > s->candidates[s->considered - 1].total))) return;
  if (s->candidateCount < s->considered) s->candidateCount++;
  for (at = s->candidateCount - 1; at > 0 && total > s->candidates[at - 1].total; at--) s->candidates[at] = s->candidates[at - 1];
  s->candidates[at].beam = beam;
  s->candidates[at].token = token;
  s->candidates[at].logProbability = logProbability;
  s->candidates[at].total = total;
}

static void slm_complete(slm_search *s, const slm_options *o, int length, slm_hypothesis h, double total) {
  int at;
  h.score = total / pow(length, o->lengthPenalty);
  if (s->completeCount == o->beams && !(h.score > s->complete[o->beams - 1].score)) return;
  if (s->completeCount < o->beams) s->completeCount++;
  for (at = s->completeCount - 1; at > 0 && h.score > s->complete[at - 1].score; at--) s->complete[at] = s->complete[at - 1];
  s->complete[at] = h;
}

static int slm_is_settled(const slm_search *s, const slm_options *o, int length, int limit) {
  double hope, penalty = o->lengthPenalty;
  if (s->liveCount == 0) return 1;
  if (s->completeCount == 0) return 0;
  hope = s->live[0].total;
  if (s->complete[0].score >= hope / pow(penalty > 0 ? limit : length + 1, penalty)) return 1;
  if (s->completeCount < o->beams) return 0;
  if (o->earlyStopping == SLM_EARLY) return 1;
  return s->complete[s->completeCount - 1].score >= hope / pow(o->earlyStopping == SLM_NEVER && penalty > 0 ? limit : length, penalty);
}

/* Writes a chain of tokens. @returns how many */
static int slm_chain(const slm_search *s, int node, int32_t *tokens) {
  int count = 0, at;
  for (at = node; at >= 0; at = s->nodes[at].before) count++;
  for (at = count - 1; at >= 0; at--, node = s->nodes[node].before) tokens[at] = s->nodes[node].token;
  return count;
}

/* The candidates of a beam. @returns 0 for logits that are not finite */
static int slm_score_beam(slm_answering *a, slm_search *s, int beam, const float *logits) {
  const slm_options *o = a->o;
  const slm_beam *own = &s->live[beam];
  float *scores = SLM_SCORES(a->m);
  double normalizer = slm_normalizer(logits, 1), base = own->logProbability - normalizer;
  int32_t i;
  if (!isfinite(normalizer)) return 0;
  if (o->change) {
    for (i = 0; i < SLM_VOCABULARY; i++) scores[i] = (float)((double)logits[i] - normalizer);
    o->change(o->context, a->answer, slm_chain(s, own->node, a->answer), scores);
  }
  for (i = 0; i < SLM_VOCABULARY; i++) {
    double logProbability = base + (double)logits[i];
    slm_consider(s, beam, i, logProbability, o->change ? own->total + (double)scores[i] : logProbability);
  }
  return 1;
}

/* Reads the last tokens of the beams, as many at a time as a step can, and collects their candidates. @returns 0 for logits that are not finite */
static int slm_score_beams(slm_answering *a, slm_search *s, int32_t first) {
  slm_model *m = a->m;
  slm_text texts[SLM_MOST_BEAMS];
  int32_t tokens[SLM_MOST_BEAMS];
  int from, count, i;
  s->candidateCount = 0;
  for (from = 0; from < s->liveCount; from += count) {
    const float *logits;
    count = s->liveCount - from < SLM_MOST_BEAMS ? s->liveCount - from : SLM_MOST_BEAMS;
    for (i = 0; i < count; i++) {
      const slm_beam *beam = &s->live[from + i];
      texts[i] = m->text;
      texts[i].state = slm_slot(m, beam->slot);
      tokens[i] = beam->node < 0 ? first : s->nodes[beam->node].token;
    }
    logits = step_texts(m, texts, count, tokens, 1, 1);
    for (i = 0; i < count; i++)
      if (!slm_score_beam(a, s, from + i, logits + (size_t)i * SLM_VOCABULARY)) return 0;
  }
  m->text.past++;
  a->steps++;
  return 1;
}

/* Completes the candidates that end, and makes the first of the others the live beams. Their caches are those of their parents, copied for further children. */
static void slm_advance(slm_answering *a, slm_search *s, int length, int isLast) {
  slm_model *m = a->m;
  const slm_options *o = a->o;
  slm_beam *former = s->live;
  slm_hypothesis h;
  slm_text text;
  int count = 0, at, i, slot;
  h.score = 0;
  for (at = 0; at < s->candidateCount; at++) {
    const slm_candidate *c = &s->candidates[at];
    const slm_beam *parent = &former[c->beam];
    if (slm_is_end(o, c->token)) {
      h.node = parent->node;
      h.reason = SLM_END;
      h.end = c->token;
      h.logProbability = c->logProbability;
      if (at < o->beams) slm_complete(s, o, length, h, c->total);
    } else if (count < o->beams) {
      slm_beam *beam = &s->next[count++];
      s->nodes[s->nodeCount].token = c->token;
      s->nodes[s->nodeCount].before = parent->node;
      beam->node = s->nodeCount++;
      beam->slot = parent->slot;
      beam->logProbability = c->logProbability;
      beam->total = c->total;
    }
  }
  for (i = 0; isLast && i < count; i++) {
    h.node = s->next[i].node;
    h.reason = SLM_LIMIT;
    h.end = -1;
    h.logProbability = s->next[i].logProbability;
    slm_complete(s, o, length, h, s->next[i].total);
  }
  for (i = 1, slot = 0; !isLast && i < count; i++) {
    int isTaken = 0, from = s->next[i].slot;
    for (at = 0; at < i; at++) isTaken |= s->next[at].slot == from;
    if (!isTaken) continue;
    for (;; slot++) { /* a slot that no survivor has: there are as many slots as beams */
      for (at = 0; at < count && s->next[at].slot != slot; at++) {}
      if (at == count) break;
    }
    text = m->text;
    text.state = slm_slot(m, from);
    copy_caches(&text, slm_slot(m, slot));
    s->next[i].slot = slot;
  }
  s->live = s->next;
  s->next = former;
  s->liveCount = count;
}

static int slm_answer_beams(slm_answering *a, int32_t first) {
  slm_model *m = a->m;
  const slm_options *o = a->o;
  slm_search s;
  int length, i, isSettled = 0;
  s.complete = (slm_hypothesis *)(void *)(m->arena + SLM_ARENA_FLOATS + (size_t)(o->beams - 1) * SLM_STATE_FLOATS);
  s.candidates = (slm_candidate *)(void *)(s.complete + o->beams);
  s.live = (slm_beam *)(void *)(s.candidates + SLM_CONSIDERED(o->beams));
  s.next = s.live + o->beams;
  s.nodes = (slm_node *)(void *)(s.next + o->beams);
  s.completeCount = s.nodeCount = 0;
  s.considered = (2 + o->endCount) * o->beams;
  s.liveCount = 1;
  s.live[0].node = -1;
  s.live[0].slot = 0;
  s.live[0].logProbability = s.live[0].total = 0;
  for (length = 1; !isSettled && length <= a->limit; length++) {
    if (!slm_score_beams(a, &s, first)) return SLM_BAD_LOGITS;
    slm_advance(a, &s, length, length == a->limit);
    isSettled = slm_is_settled(&s, o, length, a->limit);
  }
  if (s.completeCount == 0) return SLM_BAD_LOGITS;
  a->length = slm_chain(&s, s.complete[0].node, a->answer);
  a->reason = s.complete[0].reason;
  a->end = s.complete[0].end;
  a->logProbability = s.complete[0].logProbability;
  for (i = 0; o->receive && i < a->length; i++) o->receive(o->context, a->answer[i]);
  return a->length;
}
