/** Changes of scores before a token is chosen: bias and penalties, as Hugging Face and OpenAI define them. */
import { SlmError } from "@slm/core";

export interface TokenRules {
  /** Added to the scores of these ids. Source: OpenAI API, `logit_bias`. */
  readonly logitBias?: ReadonlyMap<number, number> | undefined;
  /**
   * Above 1 discourages ids that occurred in the prompt or the answer: a positive score is divided by it, any other is
   * multiplied. 1 changes nothing.
   * Source: Keskar et al. 2019 (arXiv:1909.05858), section 4.1; Hugging Face `RepetitionPenaltyLogitsProcessor`.
   */
  readonly repetitionPenalty?: number | undefined;
  /** Subtracted once from the score of every id in the answer so far. Source: OpenAI API, `presence_penalty`. */
  readonly presencePenalty?: number | undefined;
  /** Subtracted from the score of an id once per occurrence in the answer so far. Source: OpenAI API, `frequency_penalty`. */
  readonly frequencyPenalty?: number | undefined;
}

/** Largest accepted bias or penalty: above it, float32 sums lose the differences between tokens. */
const LARGEST = 1e6;

/** @throws SlmError USAGE naming the rule, what it may be and what it is. */
export function checkRules(rules: TokenRules, vocabularySize: number): void {
  const { logitBias, repetitionPenalty = 1, presencePenalty = 0, frequencyPenalty = 0 } = rules;
  const demand = (holds: boolean, problem: string): void => {
    if (!holds) throw new SlmError("USAGE", `decoding: ${problem}`);
  };
  for (const [id, bias] of logitBias ?? []) {
    const isId = Number.isInteger(id) && id >= 0 && id < vocabularySize;
    demand(isId, `logitBias must name ids below ${vocabularySize}, got ${id}`);
    demand(Math.abs(bias) <= LARGEST, `logitBias of ${id} must be a number up to ${LARGEST}, got ${bias}`);
  }
  const isFactor = repetitionPenalty > 0 && repetitionPenalty <= LARGEST;
  demand(isFactor, `repetitionPenalty must be above 0, got ${repetitionPenalty}`);
  for (const [name, value] of Object.entries({ presencePenalty, frequencyPenalty })) {
    demand(Math.abs(value) <= LARGEST, `${name} must be a number up to ${LARGEST}, got ${value}`);
  }
}

/** Whether there is anything to change. */
export function isRuling(rules: TokenRules | undefined): rules is TokenRules {
  if (rules === undefined) return false;
  const { logitBias, repetitionPenalty = 1, presencePenalty = 0, frequencyPenalty = 0 } = rules;
  return (
    (logitBias?.size ?? 0) > 0 || repetitionPenalty !== 1 || presencePenalty !== 0 || frequencyPenalty !== 0
  );
}

/** Ids of one text that penalties count. */
export class SeenTokens {
  /** Ids of the prompt and of the answer. */
  readonly anywhere: Set<number>;
  /** How often each id occurs in the answer. */
  readonly answered = new Map<number, number>();

  /** @param before ids that are fed before the answer, BOS included */
  constructor(before: Iterable<number>, answer: Iterable<number> = []) {
    this.anywhere = new Set(before);
    for (const id of answer) this.add(id);
  }

  add(id: number): void {
    this.anywhere.add(id);
    this.answered.set(id, (this.answered.get(id) ?? 0) + 1);
  }
}

/**
 * Changes scores in place: bias first, then the repetition penalty, then presence and frequency.
 *
 * Shapes: scores `[vocab]`, logits or log-probabilities.
 */
export function applyRules(scores: Float32Array, rules: TokenRules, seen: SeenTokens): void {
  const { logitBias, repetitionPenalty = 1, presencePenalty = 0, frequencyPenalty = 0 } = rules;
  for (const [id, bias] of logitBias ?? []) scores[id]! += bias;
  if (repetitionPenalty !== 1) {
    for (const id of seen.anywhere) {
      const score = scores[id]!;
      scores[id] = score > 0 ? score / repetitionPenalty : score * repetitionPenalty;
    }
  }
  if (presencePenalty === 0 && frequencyPenalty === 0) return;
  for (const [id, count] of seen.answered) scores[id]! -= presencePenalty + count * frequencyPenalty;
}
