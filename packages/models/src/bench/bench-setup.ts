/** Measures models and a decoder-only baseline of the same size and quantization. */
import { tmpdir } from "node:os";
import { mkdtemp } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { engineLine, readDeviceModel, type EngineChoice } from "@slm/exported-model";
import { removePath, SLM_VERSION, type StageContext } from "@slm/core";
import {
  benchModels,
  type BenchConfig,
  type BenchModel,
  type BenchPrompt,
  type BenchResult,
} from "@slm/bench";
import { SlmError } from "@slm/core/errors";
import { BASELINE_NAME } from "@slm/onnx-export";
import {
  engineFor,
  RUNTIME_MODULE,
  RUNTIMES,
  type DeviceRequest,
  type RuntimeRecipe,
} from "../compute/devices.js";
import { makeBaseline } from "./make-baseline.js";
import type { BenchPrompts } from "./bench-prompts.js";

interface BenchRequest {
  /** The requested device and engine. Default: those that the models were exported for. */
  readonly asked?: DeviceRequest | undefined;
  /** Exported models. The baseline gets the size and quantization of the first one. */
  readonly models: readonly { readonly name: string; readonly directory: string }[];
  readonly baseline: "decoder-only" | null;
  readonly prompts: BenchPrompts;
  readonly config: BenchConfig;
  /** The runtime, opened separately in every process. */
  readonly runtime: RuntimeRecipe;
  readonly context: StageContext;
}

/** Number of tokens that every model generates if a baseline is measured and there are no reference answers. */
const ASSUMED_ANSWER_TOKENS = 16;

/** Runs the benchmark. @throws SlmError as benchModels, and from making the baseline */
export async function benchWithBaseline(request: BenchRequest): Promise<BenchResult> {
  const { models: given, baseline, prompts, context } = request;
  const choices = await Promise.all(
    given.map(async (model) => ({ model, choice: await engineOf(model, request.asked) })),
  );
  const models = choices.map(({ model, choice: { engine } }): BenchModel => ({ ...model, engine }));
  const engineNotes = choices.map(({ model, choice }) => `${model.name}: ${engineLine(choice)}`);
  if (baseline === null) {
    const measured = await measureModels({
      ...request,
      models,
      prompts: prompts.prompts,
      baseline: undefined,
    });
    return withNotes(measured, [...prompts.notes, ...engineNotes]);
  }
  const [student] = models;
  if (student === undefined) throw new SlmError("USAGE", "bench: expected at least one model, got none");
  const directory = await mkdtemp(join(tmpdir(), "slm-baseline-"));
  try {
    context.progress({ stage: "bench", message: "making the decoder-only baseline" });
    await makeBaseline({ like: student.directory, outputDirectory: directory, context });
    const { length, notes } = await lengthOfAnswers(request);
    const { engine } = await engineOf({ directory }, request.asked);
    const withBaseline: readonly BenchModel[] = [...models, { name: BASELINE_NAME, directory, engine }];
    const measured = await measureModels({
      ...request,
      ...length,
      prompts: prompts.prompts,
      models: withBaseline,
      baseline: BASELINE_NAME,
    });
    return withNotes(measured, [...prompts.notes, ...notes, ...engineNotes]);
  } finally {
    await removePath(directory);
  }
}

const engineOf = async (
  { directory }: Pick<BenchModel, "directory">,
  asked: DeviceRequest = {},
): Promise<EngineChoice> => engineFor(await readDeviceModel(directory), asked);

/**
 * How many tokens every model generates. A model with random weights does not reach EOS like a trained model, so each generation has the
 * length of the prompt's answer, or `forceTokens` tokens.
 */
async function lengthOfAnswers({ models, prompts, config }: BenchRequest): Promise<{
  readonly length: Pick<MeasureRequest, "answers" | "config">;
  readonly notes: readonly string[];
}> {
  const { answers } = prompts;
  if (config.forceTokens !== undefined) return { length: { config }, notes: [] };
  if (answers !== undefined) return { length: { config, answers }, notes: [] };
  const forceTokens = Math.min(ASSUMED_ANSWER_TOKENS, await roomOf(models));
  const note =
    `The prompts have no answers, so every model generates ${forceTokens} tokens. ` +
    "Use --data FILE to measure with real lengths.";
  return { length: { config: { ...config, forceTokens } }, notes: [note] };
}

const withNotes = (result: BenchResult, notes: readonly string[]): BenchResult => ({
  ...result,
  notes: [...result.notes, ...notes],
});

/** Number of tokens that every model can generate after BOS. */
async function roomOf(models: BenchRequest["models"]): Promise<number> {
  const descriptions = await Promise.all(models.map(({ directory }) => readDeviceModel(directory)));
  return Math.min(
    ...descriptions.map(({ architecture, maxTarget, maxSource }) => {
      return architecture === "decoder-only" ? maxTarget - maxSource - 1 : maxTarget - 1;
    }),
  );
}

interface MeasureRequest extends Pick<BenchRequest, "config" | "runtime" | "context"> {
  readonly models: readonly BenchModel[];
  /** Name of the model that the others are compared with. */
  readonly baseline: string | undefined;
  readonly prompts: readonly BenchPrompt[];
  /** Reference answer of each prompt; each generation gets the length of its answer. Default: models stop at EOS. */
  readonly answers?: readonly string[] | undefined;
}

/** Runs the benchmark of existing models. @throws SlmError as benchModels */
function measureModels(request: MeasureRequest): Promise<BenchResult> {
  const { models, baseline, prompts, answers, config, runtime, context } = request;
  const require = createRequire(import.meta.url);
  const { version } = require("onnxruntime-node/package.json") as { readonly version: string };
  return benchModels({
    models,
    baseline,
    prompts,
    answers,
    runtime: {
      module: pathToFileURL(require.resolve(RUNTIME_MODULE)).href,
      export: RUNTIMES[runtime.kind].export,
      options: runtime.options,
    },
    engine:
      models[0]?.engine === "wasm" ? `slm ${SLM_VERSION} in WebAssembly` : `onnxruntime-node ${version}`,
    config,
    seed: context.seed,
    progress: context.progress,
    signal: context.signal,
  });
}
