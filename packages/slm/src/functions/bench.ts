/** Compares models on this machine. */
import type { FileSettings } from "@slm/data";
import { basename, resolve } from "node:path";
import { benchConfig, writeBenchReport, type BenchResult } from "@slm/bench";
import { SlmError } from "@slm/core/errors";
import type { DeviceRequest } from "@slm/models/devices";
import { contextOf, type WorkOptions } from "@slm/core/work";
import { benchWithBaseline, choosePrompts } from "@slm/models/bench";
import { readEarlier, withRegression } from "../runs/bench-outputs.js";
import { withModelsOnDevice } from "@slm/models/open";
import { writeStandalone } from "@slm/models/artifacts";

/** Prompts, devices and outputs of a benchmark. */
export interface BenchOptions extends WorkOptions, DeviceRequest {
  /** Also measures a decoder-only model with as many parameters as the first, random weights and the same quantization. */
  readonly baseline?: "decoder-only" | undefined;
  /** JSONL file whose sources are the prompts, with their images. */
  readonly data?: string | undefined;
  /** How to read files of rows, as in a recipe's `data` section. Default: the settings of the model's recipe. */
  readonly rows?: FileSettings | undefined;
  /** Prompts. Default: random texts from the first model's source tokens. */
  readonly prompts?: readonly string[] | undefined;
  /** Image file for every prompt, for vision-language models. */
  readonly image?: string | undefined;
  /** Measured generations per model. Default: 40. */
  readonly runs?: number | undefined;
  /** Batch size: copies of a prompt that are decoded together. Default: 1. */
  readonly batch?: number | undefined;
  /** Number of tokens of every generation. Default with a baseline: the length of each prompt's own answer. */
  readonly forceTokens?: number | undefined;
  /** Seed for the choice of prompts and the order of runs. Default: 1. */
  readonly seed?: number | undefined;
  /** Directory for bench.json, report.html and table.md. Default: no files are written. */
  readonly output?: string | undefined;
  /** bench.json of an earlier benchmark to compare with. */
  readonly compare?: string | undefined;
  /** Allowed regression, as a fraction. Default: 0.05. */
  readonly maxRegression?: number | undefined;
}

/** Figures of every model, and the directory of the report. */
export interface BenchReport extends BenchResult {
  /** Directory of bench.json and report.html; null if none was requested. */
  readonly report: string | null;
}

/** Measured generations per model. */
const DEFAULT_RUNS = 40;

/**
 * Compares models: latency, throughput, memory.
 *
 * A regression beyond `maxRegression` is part of the result (`regression`), not an error.
 *
 * @param models directories of checkpoints, exports, quantized models or bundles. The first is compared with each of the others
 * @throws SlmError USAGE without a model, INPUT_MISSING, DATA_INVALID, DEVICE_UNAVAILABLE, INTERRUPTED
 * @example
 * const { models } = await bench(["runs/mine/deploy"], { data: "test.jsonl", runs: 20 });
 */
export async function bench(models: readonly string[], options: BenchOptions = {}): Promise<BenchReport> {
  if (models.length === 0)
    throw new SlmError("USAGE", "bench: expected a model, got none", {
      suggestions: ["slm bench MODEL"],
    });
  const { runs = DEFAULT_RUNS, batch, forceTokens, seed = 1, baseline = null, output } = options;
  // Checked before anything is measured.
  const earlier = options.compare === undefined ? undefined : await readEarlier(options.compare);
  const context = contextOf(options, seed);
  const config = benchConfig.parse({ runs, batch, forceTokens });
  const { engine, device, soc, fallback, threads } = options;
  const asked = { engine, device, threads };
  const request = { device, soc, fallback, threads, ...context };
  const result = await withModelsOnDevice(models, request, async ({ directories, recipe }) => {
    const named = directories.map((directory, at) => ({ name: nameOf(models, at), directory }));
    const { data, rows, image, prompts: prompt = [] } = options;
    const prompts = await choosePrompts({
      data,
      rows,
      prompt,
      image,
      models: directories,
      count: runs,
      seed,
    });
    const measure = async (): Promise<BenchResult> => {
      const measured = { models: named, baseline, prompts, config, asked, runtime: recipe, context };
      return withRegression(await benchWithBaseline(measured), earlier, options.maxRegression);
    };
    if (output === undefined) return measure();
    const sources = Object.fromEntries(named.map(({ name, directory }) => [name, directory]));
    return writeStandalone(
      { directory: output, kind: "bench", sources, settings: { ...config, baseline }, seed },
      async (work) => {
        const measured = await measure();
        await writeBenchReport(work, measured);
        return measured;
      },
    );
  });
  return { ...result, report: output ?? null };
}

/** The last part of a path if it is unique among the models, else the whole path. */
function nameOf(paths: readonly string[], at: number): string {
  const names = paths.map((path) => basename(resolve(path)));
  const name = names[at]!;
  return names.filter((other) => other === name).length === 1 ? name : paths[at]!;
}
