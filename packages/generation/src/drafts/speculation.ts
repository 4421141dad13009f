/**
 * Speculative decoding as callers ask for it: how many tokens a run may verify ahead, as options, a flag and trials of a benchmark. Programs hand
 * these through without knowing what the tokens are.
 */

/** How far ahead a model decodes by its own draft rules. */
export interface Speculation {
  /**
   * Most draft tokens of the model's draft rules that one decoder run verifies. The answers are the greedy ones, in fewer runs. Default: as
   * many as the rules hold probable, at most 12, for texts that are decoded alone; given a number, texts are decoded one by one. 0: none.
   */
  readonly draftTokens?: number | undefined;
}

/** What of a benchmark says how far ahead models decode. */
export interface SpeculationTrials {
  /** Numbers of draft tokens to measure of models with draft rules. Default: none, and 12. */
  readonly draftTokens?: readonly number[] | undefined;
}

/** How far ahead is decoded, without what else an object says. */
export const speculationOf = <Given extends { readonly draftTokens?: unknown }>({
  draftTokens,
}: Given): { readonly draftTokens: Given["draftTokens"] } => ({ draftTokens });

/** Options, or a figure, for a number of tokens. */
export const ahead = <Count>(draftTokens: Count): { readonly draftTokens: Count } => ({ draftTokens });

/** The flag of commands that generate, and of the one that measures. */
export const SPECULATION_FLAG = {
  name: "draft-tokens",
  most: 64,
  generate:
    "Verify up to n draft tokens of the model's own draft rules in one run, for one prompt after the other; 0: none. The answers of greedy decoding are the same. " +
    "Default: 12, for prompts that are decoded alone.",
  bench:
    "Measure models with draft rules with n draft tokens a run, compared with plain greedy decoding; repeatable. Default: 12; with --baseline only next to the baseline.",
} as const;

/** A model to measure, under a name of its own. */
interface Named {
  readonly name: string;
}

/** One way to measure a model. */
export type SpeculationTrial<Measured extends Named> = Measured &
  Speculation & {
    /** Name of the trial that this one is compared with. */
    readonly against?: string | undefined;
  };

/** What the name of a model ends with where it is decoded one token at a time. */
const PLAIN = ", plain greedy";

/** Whether numbers of tokens are asked for. */
export const namesTrials = ({ draftTokens }: SpeculationTrials): boolean => draftTokens !== undefined;

/**
 * A model once for each number of tokens, those with some compared with plain greedy decoding.
 *
 * @param most tokens that the model's rules make by default; 0: none, and it is measured as it is
 */
export function speculationTrials<Measured extends Named>(
  model: Measured,
  most: number,
  { draftTokens: requested }: SpeculationTrials,
): readonly SpeculationTrial<Measured>[] {
  if (most === 0) return [model];
  const plain = { ...model, name: `${model.name}${PLAIN}`, draftTokens: 0 };
  const counts = requested?.filter((count) => count > 0) ?? [most];
  const drafted = counts.map((draftTokens) => ({
    ...model,
    name: requested === undefined ? model.name : `${model.name}, ${draftTokens} draft tokens`,
    draftTokens,
    against: plain.name,
  }));
  return [...drafted, plain];
}

/**
 * What to do about the fastest of several trials of a model, in words.
 *
 * @param plain name of the trial that the others are compared with
 */
export function fastestTrialNote(plain: string, { draftTokens: fastest = 0 }: Speculation): string {
  return (
    `${plain.slice(0, -PLAIN.length)}: the decode rate was highest with ${fastest} draft tokens; make it the model's own by ` +
    `{"num_assistant_tokens": ${fastest}} in generation_config.json beside its checkpoint, or pass --draft-tokens ${fastest}.`
  );
}
