/** Stage `bench`: speed and memory of the run's models, compared with a decoder-only baseline of the same size. */
import { benchConfig, writeBenchReport, type BenchResult } from "@slm/bench";
import { readManifest } from "@slm/core";
import { readDeviceModel } from "@slm/exported-model";
import { z } from "zod";
import { runtimeRecipe } from "@slm/models/devices";
import { promptsFromFile } from "@slm/models/bench";
import { benchWithBaseline } from "@slm/models/bench";
import { locateModel } from "@slm/models/open";
import { heldOutFile } from "@slm/models/rows";
import { defineStage } from "../stage/stage.js";
import { BENCH_NAMES, summarizeStages } from "../summary/run-summary.js";
import { factsOf, headlineOf, modelsSection, parametersOf, titleOf } from "../summary/summary-page.js";
import { requireInput } from "./require-input.js";

/** Settings of the benchmark: the section `bench:` of a recipe. */
export const benchSection = benchConfig.pick({ runs: true }).extend({
  baseline: z
    .enum(["decoder-only"])
    .nullable()
    .default("decoder-only")
    .describe(
      "Baseline to compare with: a decoder-only model of the same size, exported and quantized " +
        "in the same way, with random weights, which do not affect the speed. Null: no baseline.",
    ),
});

export const benchStage = defineStage<z.infer<typeof benchSection>>({
  name: "bench",
  summary: "speed and memory, compared with a decoder-only baseline of the same size",
  section: benchSection,
  kind: "bench",
  revision: 3,
  isResumable: false,
  measuresThreads: true,
  inputs: [
    { stage: "data", required: true },
    { stage: "export", required: true },
    { stage: "quantize", required: false },
  ],
  run: async ({ settings, compute, about, inputs, work, ...context }): Promise<BenchResult> => {
    const { baseline, runs } = settings;
    const config = benchConfig.parse({ runs });
    const { file } = await heldOutFile(requireInput(inputs, "data"));
    const float32 = { name: BENCH_NAMES.float32, directory: requireInput(inputs, "export") };
    const device = await readDeviceModel(float32.directory);
    // NPU graphs are simulated here, and results say so. A baseline on the CPU cannot be compared with a simulation.
    const isForNpu = device.target === "npu";
    if (isForNpu && baseline !== null)
      context.progress({ stage: "bench", message: "no decoder-only baseline: the NPU is simulated" });
    const result = await benchWithBaseline({
      models: [...(await quantizedModel(inputs.quantize)), float32],
      baseline: isForNpu ? null : baseline,
      prompts: await promptsFromFile({
        path: file,
        models: [float32.directory],
        count: runs,
        seed: context.seed,
      }),
      config,
      runtime: runtimeRecipe([device], { device: { kind: "cpu" }, threads: compute.threads }),
      context,
    });
    const summary = await summarizeStages(inputs, result);
    const data = await readManifest(requireInput(inputs, "data"));
    await writeBenchReport(work, result, {
      title: titleOf(about, "speed"),
      facts: factsOf(about, { data, date: new Date().toISOString(), parameters: parametersOf(summary) }),
      headline: headlineOf(summary),
      sections: modelsSection(summary),
    });
    return result;
  },
});

async function quantizedModel(
  directory: string | undefined,
): Promise<readonly { readonly name: string; readonly directory: string }[]> {
  if (directory === undefined) return [];
  const located = await locateModel(directory);
  return [{ name: BENCH_NAMES.deployed, directory: located.directory }];
}
