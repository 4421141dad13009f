import { z } from "zod";

/** How to measure. Read from the `bench:` section of a recipe. */
export const benchConfig = z.strictObject({
  runs: z
    .int()
    .min(2)
    .max(100_000)
    .default(40)
    .describe("Measured generations per model; the prompts are taken in turn [runs]."),
  warmup: z.int().min(0).max(1000).default(3).describe("Generations per model before measuring [runs]."),
  loads: z
    .int()
    .min(1)
    .max(100)
    .default(3)
    .describe("Times each model is loaded, each in a new process; the last goes on to be measured [loads]."),
  maxTokens: z
    .int()
    .min(2)
    .max(65_536)
    .optional()
    .describe("Most tokens a generation may get [tokens]. Default: as many as the model holds."),
  forceTokens: z
    .int()
    .min(2)
    .max(65_536)
    .optional()
    .describe(
      "Generate exactly this many tokens, whatever the model would say, so that models that stop at different " +
        "lengths do the same work; then maxTokens does not count [tokens]. Default: each model stops by itself.",
    ),
  batch: z.int().min(1).max(1024).default(1).describe("Copies of a prompt that are answered at once [rows]."),
  settleMs: z
    .int()
    .min(0)
    .max(10_000)
    .default(20)
    .describe("Pause before each run, for what the model before has left running [ms]."),
  noiseLimit: z
    .number()
    .positive()
    .max(1)
    .default(0.1)
    .describe(
      "Medians of the first and second half of the runs, quartiles of the time per step and the machine's rates before " +
        "and after are called noise if they differ by more, and so is more time taken by a hypervisor [fraction].",
    ),
});

export type BenchConfig = z.infer<typeof benchConfig>;
