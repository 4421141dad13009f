/**
 * Settings of speculative decoding: options, a flag, and trials of a benchmark. Callers pass them on without knowing how tokens are drafted.
 */

/** How far ahead a model decodes with its own draft rules. */
export interface Speculation {
  /**
   * Maximum number of draft tokens that one decoder run verifies. The answers are those of greedy decoding, in fewer runs. Default: as many as are
   * probable, at most 12, for texts that are decoded alone. If you set a number, texts are decoded one by one. 0: none.
   */
  readonly draftTokens?: number | undefined;
}

/** Options of a benchmark that say how far ahead models decode. */
export interface SpeculationTrials {
  /** Numbers of draft tokens to measure for models with draft rules. Default: none, and 12. */
  readonly draftTokens?: readonly number[] | undefined;
}

/** Picks the setting for draft tokens from an object. */
export const speculationOf = <Given extends { readonly draftTokens?: unknown }>({
  draftTokens,
}: Given): { readonly draftTokens: Given["draftTokens"] } => ({ draftTokens });

/** Options, or a metric, for a number of draft tokens. */
export const ahead = <Count>(draftTokens: Count): { readonly draftTokens: Count } => ({ draftTokens });

/** The flag of commands that generate, and of `bench`. */
export const SPECULATION_FLAG = {
  name: "draft-tokens",
  most: 64,
  generate:
    "Verify up to n draft tokens per run, one prompt at a time; 0: none. Answers do not change. " +
    "Default: 12 if prompts are decoded alone.",
  bench:
    "Measure with n draft tokens per run, compared with plain greedy decoding; repeatable. Default: 12; with --baseline only alongside the baseline.",
} as const;

/** A model to measure, with its name in the results. */
interface Named {
  readonly name: string;
}

/** One way to measure a model. */
export type SpeculationTrial<Measured extends Named> = Measured &
  Speculation & {
    /** Name of the trial that this one is compared with. */
    readonly against?: string | undefined;
  };

/** Suffix of the name of a model that is decoded one token at a time. */
const PLAIN = ", plain greedy";

/** Whether numbers of draft tokens are set. */
export const namesTrials = ({ draftTokens }: SpeculationTrials): boolean => draftTokens !== undefined;

/**
 * One trial of a model per number of draft tokens. Trials with drafts are compared with plain greedy decoding.
 *
 * @param most default number of draft tokens of the model; 0: no draft rules, one trial
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
 * Advice on how to use the fastest trial of a model.
 *
 * @param plain name of the trial that the others are compared with
 */
export function fastestTrialNote(plain: string, { draftTokens: fastest = 0 }: Speculation): string {
  return (
    `${plain.slice(0, -PLAIN.length)}: decoding was fastest with ${fastest} draft tokens. To make this the model's default, set ` +
    `{"num_assistant_tokens": ${fastest}} in generation_config.json next to its checkpoint, or pass --draft-tokens ${fastest}.`
  );
}
