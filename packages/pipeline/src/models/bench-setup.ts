/** Measures models together with a decoder-only baseline of equal size and quantization. */
import { tmpdir } from "node:os";
import { mkdtemp, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { readDeviceModel } from "@slm/exported-model";
import { type StageContext } from "@slm/core";
import {
  benchModels,
  type BenchConfig,
  type BenchModel,
  type BenchPrompt,
  type BenchResult,
} from "@slm/bench";
import { draftPlan } from "@slm/inference";
import { SlmError } from "@slm/core/errors";
import { BASELINE_NAME } from "@slm/onnx-export";
import { RUNTIME_MODULE, RUNTIMES, type RuntimeRecipe } from "../compute/devices.js";
import { makeBaseline } from "./make-baseline.js";
import type { BenchPrompts } from "./bench-prompts.js";

export interface BenchRequest {
  /** Exported models. The baseline is made like the first one. */
  readonly models: readonly { readonly name: string; readonly directory: string }[];
  readonly baseline: "decoder-only" | null;
  readonly prompts: BenchPrompts;
  readonly config: BenchConfig;
  /** Numbers of draft tokens to measure of models with draft rules. Default: none, and 12. */
  readonly draftTokens?: readonly number[] | undefined;
  /** The runtime, opened separately in every process. */
  readonly runtime: RuntimeRecipe;
  readonly context: StageContext;
}

/** Tokens that every model generates when a baseline is measured and there are no reference answers. */
const ASSUMED_ANSWER_TOKENS = 16;

/** Runs the benchmark. @throws SlmError as benchModels, and what making the baseline throws */
export async function benchWithBaseline(request: BenchRequest): Promise<BenchResult> {
  const { models: given, baseline, prompts, context } = request;
  // Beside a baseline the question is how a model answers, not what its drafts bring, unless numbers of draft tokens are asked for.
  const comparesDrafts = baseline === null || request.draftTokens !== undefined;
  const models = comparesDrafts
    ? (await Promise.all(given.map((model) => withDrafts(model, request)))).flat()
    : given;
  if (baseline === null) {
    const measured = await measureModels({
      ...request,
      models,
      prompts: prompts.prompts,
      baseline: undefined,
    });
    return withNotes(measured, [...prompts.notes, ...draftNotes(models, measured)]);
  }
  const [student] = models;
  if (student === undefined) throw new SlmError("USAGE", "bench: expected at least one model, got none");
  const directory = await mkdtemp(join(tmpdir(), "slm-baseline-"));
  try {
    context.progress({ stage: "bench", message: "making the decoder-only baseline" });
    await makeBaseline({ like: student.directory, outputDirectory: directory, context });
    const { length, notes } = await lengthOfAnswers(request);
    const contestants = [...models, { name: BASELINE_NAME, directory }];
    const measured = await measureModels({
      ...request,
      ...length,
      prompts: prompts.prompts,
      models: contestants,
      baseline: BASELINE_NAME,
    });
    return withNotes(measured, [...prompts.notes, ...notes, ...draftNotes(contestants, measured)]);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/**
 * A model with draft rules once for each number of draft tokens, those with some compared with plain greedy decoding; any other model as it
 * is, and one whose drafts would change answers.
 */
async function withDrafts(
  model: BenchRequest["models"][number],
  { config, draftTokens: requested }: Pick<BenchRequest, "config" | "draftTokens">,
): Promise<readonly BenchModel[]> {
  // Rows of a batch go on one token at a time.
  if (config.batch > 1) return [model];
  const described = await readDeviceModel(model.directory);
  const { tokens: most } = draftPlan(described, undefined);
  if (most === 0) return [model];
  const plain = { ...model, name: `${model.name}${PLAIN}`, draftTokens: 0 };
  const counts = requested?.filter((count) => count > 0) ?? [most];
  const drafted = counts.map((draftTokens) => ({
    ...model,
    name: requested === undefined ? model.name : `${model.name}, ${draftTokens} draft tokens`,
    draftTokens,
    against: plain.name,
  }));
  return [...drafted, plain];
}

/**
 * How many tokens every model generates. A model with random weights does not reach EOS as a trained one does, so each generation is as
 * long as the prompt's own answer, or as `forceTokens` says.
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
    `The prompts have no answers, so every generation has ${forceTokens} tokens. ` +
    "--data FILE measures prompts and answers of real lengths.";
  return { length: { config: { ...config, forceTokens } }, notes: [note] };
}

/** What the name of a model ends with where it is decoded without its drafts. */
const PLAIN = ", plain greedy";

/** Which number of draft tokens was fastest, where several were measured. */
function draftNotes(models: readonly BenchModel[], { models: figures }: BenchResult): readonly string[] {
  const plain = new Set(models.flatMap(({ against }) => against ?? []));
  return [...plain].flatMap((name) => {
    const places = models.flatMap((model, at) => (model.name === name || model.against === name ? [at] : []));
    if (places.length < 3) return [];
    const rates = places.map((at) => figures[at]!.tokensPerSecond.p50);
    const fastest = models[places[rates.indexOf(Math.max(...rates))]!]!.draftTokens ?? 0;
    return [
      `${name.slice(0, -PLAIN.length)}: the decode rate was highest with ${fastest} draft tokens; make it the model's own by ` +
        `{"num_assistant_tokens": ${fastest}} in generation_config.json beside its checkpoint, or pass --draft-tokens ${fastest}.`,
    ];
  });
}

const withNotes = (result: BenchResult, notes: readonly string[]): BenchResult => ({
  ...result,
  notes: [...result.notes, ...notes],
});

/** Tokens that every model can generate after BOS. */
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
  /** Reference answer of each prompt, whose lengths the generations have. Default: models stop at EOS. */
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
    engine: `onnxruntime-node ${version}`,
    config,
    seed: context.seed,
    progress: context.progress,
    signal: context.signal,
  });
}
