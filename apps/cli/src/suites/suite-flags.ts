/** Flags of `slm bench --suite`. Loads nothing, so that printing help stays quick. */
import { Flags } from "@oclif/core";

const ONLY_SUITE = { dependsOn: ["suite"], helpGroup: "SUITE" };

export const suiteFlags = {
  suite: Flags.option({ options: ["paper"] as const })({
    summary: "Measure a fixed set of models and lengths instead of MODEL; needs -o.",
    dependsOn: ["output"],
    exclusive: ["baseline", "batch", "data", "prompt", "force-tokens", "tune"],
    helpGroup: ONLY_SUITE.helpGroup,
  }),
  shape: Flags.string({
    ...ONLY_SUITE,
    helpValue: "<file>",
    summary: "The model's shape, as for 'slm model init'. Default: the paper's 330M.",
  }),
  schemes: Flags.string({
    ...ONLY_SUITE,
    helpValue: "<s,s,...>",
    summary: "Weights: float32 and schemes of 'slm quantize'. Default: float32,cpu.",
  }),
  sources: Flags.string({
    ...ONLY_SUITE,
    helpValue: "<n,n,...>",
    summary: "Lengths of the source [tokens]. Default: 128,512,2048.",
  }),
  answers: Flags.string({
    ...ONLY_SUITE,
    helpValue: "<n,n,...>",
    summary: "Lengths of the answer [tokens]. Default: 64.",
  }),
  "encoder-layers": Flags.string({
    ...ONLY_SUITE,
    helpValue: "<n,n,...>",
    summary: "Numbers of encoder layers; the first is measured at every length. Default: 20,10,15.",
  }),
  batches: Flags.string({
    ...ONLY_SUITE,
    helpValue: "<n,n,...>",
    summary: "Batch sizes; the first is measured at every length. Default: 1.",
  }),
};

/** The parsed flags of a suite. */
export interface SuiteFlags {
  readonly shape?: string | undefined;
  readonly schemes?: string | undefined;
  readonly sources?: string | undefined;
  readonly answers?: string | undefined;
  readonly "encoder-layers"?: string | undefined;
  readonly batches?: string | undefined;
  readonly output?: string | undefined;
  readonly runs?: number | undefined;
  readonly threads?: number | undefined;
  readonly seed: number;
}
