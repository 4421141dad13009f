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
    .describe(`Chips to compile for. They must belong to the profile of the export. ${chips}.`),
  metrics: z.array(metricName).optional().describe("Metrics of the compared rows. In a recipe: metrics."),
  verifyRows: z
    .int()
    .nonnegative()
    .default(0)
    .describe(
      "Held-out rows to decode with the compiled graphs and on the CPU for comparison [rows]. 0: none.",
    ),
});

export type CompileConfig = z.infer<typeof compileConfig>;
