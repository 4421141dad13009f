/**
 * What training is expected to take: multiply-adds of forward and backward passes over a rate measured here and now.
 * Rough by nature: attention, softmax, the optimizer and evaluation are left out, and a product is faster than a graph.
 */
import { readManifest } from "@slm/artifact";
import type { DistillConfig } from "@slm/distillation";
import {
  decoderOnlyConfig,
  encoderDecoderConfig,
  flopsPerToken,
  parameterCount,
  readModelConfig,
  type ModelConfig,
} from "@slm/model";
import { teacherConfig, type TeacherConfig } from "@slm/teacher";
import { z } from "zod";
import { formatCount } from "../output/format.js";
import type { EstimateRequest, StageEstimate } from "../pipeline/stage.js";
import { measureMatmulRate } from "./matmul-rate.js";

/** A backward pass costs twice a forward pass: one product per input, one per weight. */
const PASSES = 3;
/** float32 copies of every weight: weights, gradients, two moments, and the new set of all but the gradients. */
const WEIGHT_COPIES = 7;
/** Values kept per token, layer and unit of width for the backward pass, roughly. */
const ACTIVATIONS_PER_WIDTH = 24;
/** Node, ONNX Runtime and the rows [bytes]. */
const PROCESS_BYTES = 300 * 1024 * 1024;

/** What is known of the data before the stage runs. */
interface DataFacts {
  readonly vocabulary: number;
  /** Training pairs; undefined before the data is prepared. */
  readonly pairs: number | undefined;
  readonly source: number;
  readonly target: number;
}

/** Time and memory of training a teacher; nothing for one that is copied. */
export async function estimateTeacher(request: EstimateRequest<TeacherConfig>): Promise<StageEstimate> {
  const { settings, compute } = request;
  if (settings.kind !== "train") return {};
  const facts = await dataFacts(request, settings.model);
  const config = decoderOnlyConfig.parse({ ...settings.model, ...vocabularyFields(facts) });
  return trainingEstimate({ config, facts, settings, threads: compute.threads });
}

/** Time and memory of a distillation, scoring by the teacher included where the teacher's shape is known. */
export async function estimateDistill(request: EstimateRequest<DistillConfig>): Promise<StageEstimate> {
  const { settings, compute } = request;
  const facts = await dataFacts(request, settings.student);
  const config = encoderDecoderConfig.parse({ ...settings.student, ...vocabularyFields(facts) });
  const teacher = await teacherShape(request, facts);
  const scoring =
    teacher === undefined || facts.pairs === undefined ? 0 : facts.pairs * forwardFlops(teacher, facts);
  return trainingEstimate({ config, facts, settings, threads: compute.threads, extraFlops: scoring });
}

interface TrainingPlan {
  readonly config: ModelConfig;
  readonly facts: DataFacts;
  readonly settings: { readonly steps: number; readonly batchSize: number };
  readonly threads: number | undefined;
  /** Work beside the steps. */
  readonly extraFlops?: number;
}

async function trainingEstimate({
  config,
  facts,
  settings: { steps, batchSize },
  threads,
  extraFlops = 0,
}: TrainingPlan): Promise<StageEstimate> {
  const tokens = batchSize * (facts.source + facts.target);
  const rate = await measureMatmulRate(
    { rows: Math.min(tokens, 4096), inner: config.width, columns: config.feedForward },
    threads,
  );
  const flops = steps * batchSize * PASSES * forwardFlops(config, facts) + extraFlops;
  const layers =
    config.decoderLayers + (config.architecture === "encoder-decoder" ? config.encoderLayers : 0);
  const activations = tokens * layers * config.width * ACTIVATIONS_PER_WIDTH;
  const parameters = parameterCount(config);
  return {
    seconds: flops / rate,
    memoryBytes: 4 * (WEIGHT_COPIES * parameters + activations) + PROCESS_BYTES,
    diskBytes: 4 * parameters,
    basis: `${formatCount(flops)}FLOP at ${formatCount(rate)}FLOP/s measured now; the real rate is lower`,
  };
}

/** Of one pair. */
function forwardFlops(config: ModelConfig, { source, target }: DataFacts): number {
  const { encoderPerSourceToken, decoderPerTargetToken } = flopsPerToken(config);
  return config.architecture === "encoder-decoder"
    ? source * encoderPerSourceToken + target * decoderPerTargetToken
    : (source + target) * decoderPerTargetToken;
}

async function teacherShape(
  { artifacts, sections }: EstimateRequest<DistillConfig>,
  facts: DataFacts,
): Promise<ModelConfig | undefined> {
  if (artifacts.teacher !== undefined) return readModelConfig(artifacts.teacher);
  const settings = teacherConfig.safeParse(sections.teacher).data;
  if (settings?.kind !== "train") return undefined;
  return decoderOnlyConfig.parse({ ...settings.model, ...vocabularyFields(facts) });
}

/** The part of the data stage's report that matters here. */
const dataDetails = z.object({
  splits: z.object({ train: z.number() }),
  sourceLengths: z.object({ p50: z.number() }),
  targetLengths: z.object({ p50: z.number() }),
});
const tokenizerDetails = z.object({ vocab: z.number() });

/** Assumed before there is a tokenizer: of a symbol vocabulary; it decides little. */
const ASSUMED_VOCABULARY = 128;
/** Begin and end marks of a target. */
const MARKS = 2;

/** From artifacts where they are, else the limits of the model. */
async function dataFacts(
  { artifacts }: EstimateRequest<unknown>,
  limits: { readonly maxSource: number; readonly maxTarget: number },
): Promise<DataFacts> {
  const detailsOf = async (stage: string): Promise<unknown> =>
    artifacts[stage] === undefined ? undefined : (await readManifest(artifacts[stage])).details;
  const data = dataDetails.safeParse(await detailsOf("data")).data;
  const tokenizer = tokenizerDetails.safeParse(await detailsOf("tokenizer")).data;
  return {
    vocabulary: tokenizer?.vocab ?? ASSUMED_VOCABULARY,
    pairs: data?.splits.train,
    source: data?.sourceLengths.p50 ?? limits.maxSource,
    target: data === undefined ? limits.maxTarget : data.targetLengths.p50 + MARKS,
  };
}

function vocabularyFields({ vocabulary }: DataFacts): object {
  return { vocabularySize: vocabulary, tokens: { pad: 0, bos: 1, eos: 2, unknown: 3 } };
}
