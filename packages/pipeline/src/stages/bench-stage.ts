/** Stage `bench`: speed and memory of the models of this run, compared with a decoder-only baseline of equal size. */
import { benchConfig, writeBenchReport, type BenchResult } from "@slm/bench";
import { readManifest } from "@slm/core";
import { readDeviceModel } from "@slm/exported-model";
import { z } from "zod";
import { runtimeRecipe } from "../compute/devices.js";
import { promptsFromFile } from "../models/bench-prompts.js";
import { benchWithBaseline } from "../models/bench-setup.js";
import { locateModel } from "../models/locate-model.js";
import { heldOutFile } from "../models/held-out-rows.js";
import { defineStage } from "../stage/stage.js";
import { BENCH_NAMES, summarizeStages } from "../summary/run-summary.js";
import { factsOf, headlineOf, modelsSection, parametersOf, titleOf } from "../summary/summary-page.js";
import { requireInput } from "./require-input.js";

/** Settings of the benchmark. Read from the `bench:` section of a recipe. */
export const benchSection = benchConfig.pick({ runs: true }).extend({
  baseline: z
    .enum(["decoder-only"])
    .nullable()
    .default("decoder-only")
    .describe(
      "Baseline to compare with: a decoder-only model with as many parameters, exported and quantized " +
        "in the same way, with random weights (they do not affect speed). Null: no baseline.",
    ),
});

export const benchStage = defineStage<z.infer<typeof benchSection>>({
  name: "bench",
  summary: "speed and memory, compared with a decoder-only baseline of equal size",
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
    // Graphs for an NPU run here as a simulation, which says so. A baseline on the CPU has nothing in common with it.
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
