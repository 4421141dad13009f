/** Settings of compilation. Read from the `compile:` section of a recipe. */
import { COMPILING_PROFILES, SOCS } from "@slm/devices";
import { metricName } from "@slm/metrics";
import { z } from "zod";

const chips = COMPILING_PROFILES.map(
  (profile) => `${profile}: ${SOCS[profile].map(({ name }) => name).join(", ")}`,
).join("; ");

export const compileConfig = z.strictObject({
  socs: z
    .array(z.string().min(1))
    .min(1)
    .describe(`Chips to compile for, of the profile that the model was exported for. ${chips}.`),
  metrics: z
    .array(metricName)
    .optional()
    .describe("Metrics of those rows. Default in a recipe: distill.metrics."),
  verifyRows: z
    .int()
    .nonnegative()
    .default(0)
    .describe(
      "Held-out rows that are decoded with the compiled graphs and on the CPU, and compared [rows]. 0: none.",
    ),
});

export type CompileConfig = z.infer<typeof compileConfig>;
