/** Changes of scores before a token is chosen: bias, penalties, and ids that a model's generation settings force or forbid. */
import { SlmError } from "@slm/core";
import { allowOnly, forbidRepeats, forbidWords } from "./forced-tokens.js";

export interface TokenRules {
  /** Added to the scores of these ids. Source: OpenAI API, `logit_bias`. */
  readonly logitBias?: ReadonlyMap<number, number> | undefined;
  /**
   * Above 1 discourages ids that occurred in the prompt or the answer: a positive score is divided by it, any other is
   * multiplied. 1 changes nothing.
   * Source: Keskar et al. 2019 (arXiv:1909.05858), section 4.1; Hugging Face `RepetitionPenaltyLogitsProcessor`.
   */
  readonly repetitionPenalty?: number | undefined;
  /**
   * Above 1 encourages ids that occur in the source: a positive score is multiplied by it, any other is divided. 1 changes nothing.
   * Source: Hugging Face `encoder_repetition_penalty`, `EncoderRepetitionPenaltyLogitsProcessor`.
   */
  readonly sourcePreference?: number | undefined;
  /** Subtracted once from the score of every id in the answer so far. Source: OpenAI API, `presence_penalty`. */
  readonly presencePenalty?: number | undefined;
  /** Subtracted from the score of an id once per occurrence in the answer so far. Source: OpenAI API, `frequency_penalty`. */
  readonly frequencyPenalty?: number | undefined;
  /** The first token of every answer, such as a target language. Source: Hugging Face `forced_bos_token_id`. */
  readonly forcedFirst?: number | undefined;
  /** Ids that end an answer like EOS. Source: Hugging Face `eos_token_id`, if it is a list. */
  readonly furtherEnds?: readonly number[] | undefined;
  /** The last token of answers that reach `maxTokens`. Source: Hugging Face `forced_eos_token_id`. */
  readonly forcedLast?: number | undefined;
  /** Ids that are never generated, and ids that are not generated first (or second, after a forced first token). Source: `suppress_tokens`. */
  readonly suppressed?: readonly number[] | undefined;
  readonly suppressedFirst?: readonly number[] | undefined;
  /** Sequences of ids that are never generated. Source: Hugging Face `bad_words_ids`. */
  readonly badWords?: readonly (readonly number[])[] | undefined;
  /** No n-gram of this many ids occurs twice, including BOS. Source: Hugging Face `no_repeat_ngram_size`. */
  readonly noRepeatNgram?: number | undefined;
  /** No n-gram of this many ids of the source occurs. Source: Hugging Face `encoder_no_repeat_ngram_size`. */
  readonly noSourceNgram?: number | undefined;
  /** Minimum number of tokens before EOS. Source: Hugging Face `min_length`, minus the start token. */
  readonly minTokens?: number | undefined;
}

/** The properties of a search that some rules need. */
export interface RuleLimits {
  readonly eos: number;
  /** Maximum number of tokens of an answer, including EOS. Absent: `forcedLast` has no effect. */
  readonly maxTokens?: number | undefined;
  /** Ids of the source. Absent: no id of the source is forbidden or preferred. */
  readonly source?: readonly number[] | undefined;
}

/** Largest accepted bias or penalty. Above it, float32 sums cannot resolve the differences between tokens. */
const LARGEST = 1e6;

/** @throws SlmError USAGE with the rule, the allowed values and the actual value. */
export function checkRules(rules: TokenRules, vocabularySize: number): void {
  const { logitBias, presencePenalty = 0, frequencyPenalty = 0 } = rules;
  const { repetitionPenalty = 1, sourcePreference = 1 } = rules;
  const demand = (holds: boolean, problem: string): void => {
    if (!holds) throw new SlmError("USAGE", `decoding: ${problem}`);
  };
  for (const [id, bias] of logitBias ?? []) {
    demand(isIdBelow(vocabularySize, id), `logitBias must name ids below ${vocabularySize}, got ${id}`);
    demand(Math.abs(bias) <= LARGEST, `logitBias of ${id} must be a number up to ${LARGEST}, got ${bias}`);
  }
  for (const [name, value] of Object.entries({ repetitionPenalty, sourcePreference }))
    demand(value > 0 && value <= LARGEST, `${name} must be above 0, got ${value}`);
  for (const [name, value] of Object.entries({ presencePenalty, frequencyPenalty })) {
    demand(Math.abs(value) <= LARGEST, `${name} must be a number up to ${LARGEST}, got ${value}`);
  }
  const {
    forcedFirst,
    forcedLast,
    suppressed,
    suppressedFirst,
    badWords,
    noRepeatNgram,
    noSourceNgram,
    minTokens,
  } = rules;
  const ids = {
    forcedFirst,
    forcedLast,
    suppressed,
    suppressedFirst,
    badWords,
    furtherEnds: rules.furtherEnds,
  };
  for (const [name, value] of Object.entries(ids)) {
    const wrong = [value ?? []].flat(2).find((id) => !isIdBelow(vocabularySize, id));
    demand(wrong === undefined, `${name} must name ids below ${vocabularySize}, got ${wrong ?? ""}`);
  }
  for (const [name, value] of Object.entries({ noRepeatNgram, noSourceNgram, minTokens }))
    demand(
      value === undefined || (Number.isInteger(value) && value >= 0),
      `${name} must be a count, got ${value ?? ""}`,
    );
}

const isIdBelow = (vocabularySize: number, id: number): boolean =>
  Number.isInteger(id) && id >= 0 && id < vocabularySize;

/** Whether any rule changes scores. */
export function isRuling(rules: TokenRules | undefined): rules is TokenRules {
  if (rules === undefined) return false;
  const { logitBias, presencePenalty = 0, frequencyPenalty = 0 } = rules;
  return (
    (logitBias?.size ?? 0) > 0 ||
    (rules.repetitionPenalty ?? 1) !== 1 ||
    (rules.sourcePreference ?? 1) !== 1 ||
    presencePenalty !== 0 ||
    frequencyPenalty !== 0 ||
    restricts(rules)
  );
}

/** Whether an id ends an answer. */
export const isEnd = (
  { eos, rules }: { readonly eos: number; readonly rules?: TokenRules | undefined },
  id: number,
): boolean => id === eos || rules?.furtherEnds?.includes(id) === true;

/** Whether ids are forced or forbidden. */
const restricts = ({ forcedFirst, forcedLast, ...rules }: TokenRules): boolean =>
  forcedFirst !== undefined ||
  forcedLast !== undefined ||
  [rules.suppressed, rules.suppressedFirst, rules.badWords].some((ids) => (ids?.length ?? 0) > 0) ||
  (rules.noRepeatNgram ?? 0) > 0 ||
  (rules.noSourceNgram ?? 0) > 0 ||
  (rules.minTokens ?? 0) > 0;

/** Ids of one text that penalties count. */
export class SeenTokens {
  /** Ids of the prompt and of the answer. */
  readonly anywhere: Set<number>;
  /** How often each id occurs in the answer. */
  readonly answered = new Map<number, number>();
  /** Ids of the prompt and of the answer, in order. */
  readonly sequence: number[];
  /** Number of ids of the answer. */
  length = 0;

  /** @param before ids that are fed before the answer, including BOS */
  constructor(before: Iterable<number>, answer: Iterable<number> = []) {
    this.sequence = [...before];
    this.anywhere = new Set(this.sequence);
    for (const id of answer) this.add(id);
  }

  add(id: number): void {
    this.anywhere.add(id);
    this.sequence.push(id);
    this.length++;
    this.answered.set(id, (this.answered.get(id) ?? 0) + 1);
  }
}

/**
 * Changes scores in place, in the order of Hugging Face's `generate`: bias, preference for the source, repetition penalty, presence and frequency
 * penalties, then forbidden and forced ids. A forced id gets the score 0, all others -Infinity.
 *
 * Shapes: scores `[vocab]`, logits or log-probabilities.
 */
export function applyRules(
  scores: Float32Array,
  rules: TokenRules,
  seen: SeenTokens,
  limits: RuleLimits,
): void {
  const { logitBias, presencePenalty = 0, frequencyPenalty = 0 } = rules;
  const { repetitionPenalty = 1, sourcePreference = 1 } = rules;
  for (const [id, bias] of logitBias ?? []) scores[id]! += bias;
  if (sourcePreference !== 1) penalize(scores, new Set(limits.source), 1 / sourcePreference);
  if (repetitionPenalty !== 1) penalize(scores, seen.anywhere, repetitionPenalty);
  if (presencePenalty !== 0 || frequencyPenalty !== 0)
    for (const [id, count] of seen.answered) scores[id]! -= presencePenalty + count * frequencyPenalty;
  if (restricts(rules)) restrict(scores, rules, seen, limits);
}

/** Divides the positive scores of some ids, and multiplies the others. */
function penalize(scores: Float32Array, ids: Iterable<number>, penalty: number): void {
  for (const id of ids) {
    const score = scores[id]!;
    scores[id] = score > 0 ? score / penalty : score * penalty;
  }
}

function restrict(
  scores: Float32Array,
  rules: TokenRules,
  { sequence, length }: SeenTokens,
  { eos, maxTokens, source = [] }: RuleLimits,
): void {
  const { forcedFirst, forcedLast, noRepeatNgram = 0, noSourceNgram = 0, minTokens = 0 } = rules;
  const forbid = (ids: readonly number[] = []): void => {
    for (const id of ids) scores[id] = -Infinity;
  };
  forbidRepeats(scores, sequence, noRepeatNgram);
  forbidRepeats(scores, sequence, noSourceNgram, source);
  forbidWords(scores, sequence, rules.badWords ?? []);
  if (length < minTokens) forbid([eos, ...(rules.furtherEnds ?? [])]);
  if (forcedFirst !== undefined && length === 0) allowOnly(scores, forcedFirst);
  if (forcedLast !== undefined && maxTokens !== undefined && length === maxTokens - 1)
    allowOnly(scores, forcedLast);
  forbid(rules.suppressed);
  if (length === (forcedFirst === undefined ? 0 : 1)) forbid(rules.suppressedFirst);
}
