/** Measures models together with a decoder-only baseline of equal size and quantization. */
import { availableParallelism, tmpdir } from "node:os";
import { mkdtemp, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { readDeviceModel } from "@slm/exported-model";
import { type StageContext } from "@slm/core";
import { benchModels, type BenchConfig, type BenchPrompt, type BenchResult } from "@slm/bench";
import { imageFolderOf, readFileRows, referencesOf, shuffledOrder, type FileSettings } from "@slm/data";
import { SlmError } from "@slm/core/errors";
import { BASELINE_NAME } from "@slm/onnx-export";
import { RUNTIME_MODULE, RUNTIMES, type RuntimeRecipe } from "../compute/devices.js";
import { makeBaseline } from "./make-baseline.js";
import { pathInside } from "./row-images.js";

export interface BenchRequest {
  /** Exported models. The baseline is made like the first one. */
  readonly models: readonly { readonly name: string; readonly directory: string }[];
  readonly baseline: "decoder-only" | null;
  readonly prompts: BenchPrompts;
  readonly config: BenchConfig;
  /** The runtime, opened separately in every process. */
  readonly runtime: RuntimeRecipe;
  readonly context: StageContext;
}

export interface BenchPrompts {
  readonly prompts: readonly BenchPrompt[];
  /** Median length of a reference answer, EOS included; undefined without references. */
  readonly answerTokens: number | undefined;
}

/** Tokens that every model generates when a baseline is measured and there are no reference answers. */
const ASSUMED_ANSWER_TOKENS = 16;

/** Runs the benchmark. @throws SlmError as benchModels, and what making the baseline throws */
export async function benchWithBaseline(request: BenchRequest): Promise<BenchResult> {
  const { models, baseline, prompts, context } = request;
  if (baseline === null) return measureModels({ ...request, prompts: prompts.prompts, baseline: undefined });
  const [student] = models;
  if (student === undefined) throw new SlmError("USAGE", "bench: expected at least one model, got none");
  const directory = await mkdtemp(join(tmpdir(), "slm-baseline-"));
  try {
    context.progress({ stage: "bench", message: "making the decoder-only baseline" });
    await makeBaseline({ like: student.directory, outputDirectory: directory, context });
    // A model with random weights does not reach EOS as a trained one does, so all models generate the same number of tokens.
    const forceTokens =
      request.config.forceTokens ??
      Math.min(prompts.answerTokens ?? ASSUMED_ANSWER_TOKENS, await roomOf(models));
    const config = { ...request.config, forceTokens };
    return await measureModels({
      ...request,
      config,
      prompts: prompts.prompts,
      models: [...models, { name: BASELINE_NAME, directory }],
      baseline: BASELINE_NAME,
    });
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** Tokens that every model can generate after BOS. */
async function roomOf(models: BenchRequest["models"]): Promise<number> {
  const descriptions = await Promise.all(models.map(({ directory }) => readDeviceModel(directory)));
  return Math.min(
    ...descriptions.map(({ architecture, maxTarget, maxSource }) => {
      return architecture === "decoder-only" ? maxTarget - maxSource - 1 : maxTarget - 1;
    }),
  );
}

export interface MeasureRequest extends Pick<BenchRequest, "models" | "config" | "runtime" | "context"> {
  /** Name of the model that the others are compared with. */
  readonly baseline: string | undefined;
  readonly prompts: readonly BenchPrompt[];
}

/** Runs the benchmark of existing models. @throws SlmError as benchModels */
export function measureModels(request: MeasureRequest): Promise<BenchResult> {
  const { models, baseline, prompts, config, runtime, context } = request;
  const require = createRequire(import.meta.url);
  const { version } = require("onnxruntime-node/package.json") as { readonly version: string };
  return benchModels({
    models,
    baseline,
    prompts,
    runtime: {
      module: pathToFileURL(require.resolve(RUNTIME_MODULE)).href,
      export: RUNTIMES[runtime.kind].export,
      options: { threads: availableParallelism(), ...runtime.options },
    },
    engine: `onnxruntime-node ${version}`,
    config,
    seed: context.seed,
    progress: context.progress,
    signal: context.signal,
  });
}

/** `count` rows of a file of any format drawn by the seed, as prompts; paths of images start from the file's folder. */
export async function promptsFromFile(
  path: string,
  count: number,
  seed: number,
  settings: FileSettings = {},
): Promise<BenchPrompts> {
  const rows = await readFileRows(path, settings);
  const folder = settings.images ?? imageFolderOf(path);
  const chosen = Array.from(shuffledOrder(rows.length, seed, 0).subarray(0, count), (index) => rows[index]!);
  const lengths = chosen.map((row) => wordsOf(referencesOf(row)[0] ?? "")).sort((a, b) => a - b);
  const median = lengths[Math.floor(lengths.length / 2)];
  const prompts: BenchPrompt[] = [];
  for (const { source, image } of chosen)
    prompts.push(image === undefined ? source : { text: source, image: await pathInside(folder, image) });
  return { prompts, answerTokens: median === undefined ? undefined : Math.max(2, median + 1) };
}

const wordsOf = (text: string): number => text.trim().split(/\s+/u).length;
