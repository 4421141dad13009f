import { z } from "zod";

/** Settings of a benchmark: the `bench:` section of a recipe. */
export const benchConfig = z.strictObject({
  runs: z
    .int()
    .min(2)
    .max(100_000)
    .default(40)
    .describe("Measured generations per model; prompts are used in turn [runs]."),
  warmup: z.int().min(0).max(1000).default(3).describe("Generations per model before measuring [runs]."),
  loads: z
    .int()
    .min(1)
    .max(100)
    .default(3)
    .describe("Number of loads per model, each in a new process; the last process is then measured [loads]."),
  maxTokens: z
    .int()
    .min(2)
    .max(65_536)
    .optional()
    .describe("Largest number of tokens per generation [tokens]. Default: the model's limit."),
  forceTokens: z
    .int()
    .min(2)
    .max(65_536)
    .optional()
    .describe(
      "Generate exactly this many tokens and ignore EOS and maxTokens, so that all models do the same work [tokens]. " +
        "Default: stop at EOS; with a baseline, generate as many tokens as each prompt's reference answer has.",
    ),
  batch: z
    .int()
    .min(1)
    .max(1024)
    .default(1)
    .describe("Batch size: copies of a prompt that are decoded together [rows]."),
  settleMs: z
    .int()
    .min(0)
    .max(10_000)
    .default(20)
    .describe("Pause before each run, so that threads of the previous model are idle [ms]."),
  noiseLimit: z
    .number()
    .positive()
    .max(1)
    .default(0.1)
    .describe(
      "Noise limit. A note is added if the two halves of the runs, the quartiles of the time per step, or the machine's rates before and " +
        "after differ by more than this, or if a hypervisor took more CPU time [fraction].",
    ),
});

export type BenchConfig = z.infer<typeof benchConfig>;
