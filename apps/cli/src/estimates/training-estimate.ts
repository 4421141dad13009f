/**
 * Estimates of training time and memory: the FLOPs of forward and backward passes divided by a rate that is measured on this machine.
 * They are rough: attention, softmax, the optimizer and evaluation are left out, and a single MatMul is faster than a graph.
 */
import { CONFIG_FILE, importConfig, readModelConfig, resolveCached } from "@slm/checkpoints";
import {
  largestShare,
  hasTeacherShape,
  notSingle,
  publishedTowerOf,
  readSingleConfig,
  requiresTeacher,
  studentShape,
  type StudentShape,
  type DistillConfig,
} from "@slm/distillation";
import {
  flopsPerImage,
  flopsPerToken,
  imageTokenCount,
  imageTokensOf,
  parameterCount,
  parseModelConfig,
  moduleOf,
  parameterSpecs,
  type ModelConfig,
} from "@slm/model";
import {
  cacheConfig,
  readTeacherConfigs,
  teacherConfig,
  type CacheConfig,
  type CacheRowKind,
  type TeacherConfig,
  type TeacherMemberConfig,
} from "@slm/teacher";
import { resolveModules, type ModuleSettings, type TrainingSettings } from "@slm/training";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { dataFacts, type DataFacts } from "./data-facts.js";
import { estimateLabelling } from "./labelling-estimate.js";
import { openExternal } from "../models/open-external.js";
import { publishedTowerShape } from "../models/published-tower.js";
import { formatCount } from "../ui/format.js";
import type { EstimateRequest, StageEstimate } from "../pipeline/stage.js";
import { productRate, type ProductShape } from "@slm/bench";
import { withRuntime } from "../compute/open-engine.js";

// A short measurement of this machine's MatMul rate.

/**
 * Rate of float32 matrix products of a shape on ONNX Runtime.
 *
 * Units: floating-point operations per second, a multiply-add counted as two.
 */
async function measureMatmulRate(shape: ProductShape, threads: number | undefined): Promise<number> {
  return withRuntime(threads, (runtime) => productRate(runtime, shape));
}

/**
 * Share of the rate of one large matrix product that a training step reaches: 0.74 with 6.8M parameters (481 ms a step), 0.6 in the quick start
 * (0.6M parameters, 32,700 tokens/s), both in docs/benchmarks/training.md, two cores.
 */
const TRAINING_SHARE = 0.65;
/** A backward pass costs twice a forward pass: one product per input, one per weight. */
const PASSES = 3;
/** Copies of every trained weight besides the weight and its gradient. */
const MOMENTS: { readonly [O in TrainingSettings["optimizer"]]: number } = { adamw: 2, muon: 1 };
/** Values kept per token, layer and unit of width for the backward pass, roughly. */
const ACTIVATIONS_PER_WIDTH = 24;
/** Copies of a batch's logits in memory at once: logits, probabilities, and gradients. */
const LOGIT_COPIES = 4;
/** Node, ONNX Runtime and the rows [bytes]. */
const PROCESS_BYTES = 300 * 1024 * 1024;

/** Time and memory of training a teacher; nothing for one that is copied. */
export async function estimateTeacher(request: EstimateRequest<TeacherConfig>): Promise<StageEstimate> {
  const { settings, compute } = request;
  if (settings.kind !== "train") return {};
  const facts = await dataFacts(request, settings.model);
  const config = parseModelConfig({ ...settings.model, ...vocabularyFields(facts) }, "teacher.model");
  return trainingEstimate({ config, facts, settings, threads: compute.threads });
}

/** Time and memory of a distillation, the teacher's work included where its shape is known. */
export async function estimateDistill(request: EstimateRequest<DistillConfig>): Promise<StageEstimate> {
  const { settings, compute } = request;
  const shape = await plannedStudent(request);
  if (shape === undefined) return {};
  const { maxSource, maxTarget } = shape;
  const before =
    shape.architecture === "encoder-decoder" && shape.vision !== undefined
      ? imageTokenCount(shape.vision)
      : 0;
  const facts = await dataFacts(request, { maxSource: maxSource - before, maxTarget });
  const config = parseModelConfig({ ...shape, ...vocabularyFields(facts) }, "distill: student");
  const scored = pairsScored(request, facts);
  const extraFlops = scored === 0 ? 0 : scored * (await teacherFlops(request, facts));
  return trainingEstimate({ config, facts, settings, threads: compute.threads, extraFlops });
}

/** The student's shape; undefined until the teacher or the tower that it depends on is on disk. @throws SlmError CONFIG_INVALID */
async function plannedStudent(request: EstimateRequest<DistillConfig>): Promise<StudentShape | undefined> {
  const { student } = request.settings;
  const published = publishedTowerOf(student);
  const tower = published === undefined ? undefined : await publishedTowerShape(published);
  if (published !== undefined && tower === undefined) return undefined;
  const teacher = hasTeacherShape(student) ? await singleTeacherShape(request) : undefined;
  if (hasTeacherShape(student) && teacher === undefined) return undefined;
  return studentShape(student, { tower, teacher });
}

/**
 * The student's configuration, with a vocabulary of usual size where there is no tokenizer yet; undefined until the teacher or the tower
 * that it depends on is on disk.
 *
 * @throws SlmError CONFIG_INVALID for sizes that do not fit together
 */
export async function plannedStudentConfig(
  request: EstimateRequest<DistillConfig>,
): Promise<ModelConfig | undefined> {
  const shape = await plannedStudent(request);
  if (shape === undefined) return undefined;
  const facts = await dataFacts(request, shape);
  return parseModelConfig({ ...shape, ...vocabularyFields(facts) }, "distill: student");
}

/**
 * Pairs that the teacher scores while distilling: gold pairs once, unless a cache has them; others once per draw, and samples that the
 * teacher corrects in every round at worst.
 */
function pairsScored(
  { settings, sections }: EstimateRequest<DistillConfig>,
  { pairs = 0 }: DataFacts,
): number {
  if (!requiresTeacher(settings, storedBy(sections.cache))) return 0;
  const gold = sections.cache === undefined ? pairs : 0;
  const { targets, sampling } = settings;
  const drawn = Object.values(targets).reduce<number>((sum, share) => sum + largestShare(share), 0);
  const corrected = ((sampling.speculative?.rounds ?? 1) - 1) * largestShare(targets.onPolicyFraction);
  return gold + (drawn + corrected) * pairsSeen(settings);
}

/** Targets that the cache stage of a recipe stores, if the data has sources for them. */
function storedBy(section: unknown): ReadonlySet<CacheRowKind> {
  const settings = cacheConfig.safeParse(section).data;
  if (settings === undefined) return new Set();
  return new Set(settings.generate === "none" ? ["labelled"] : ["labelled", "generated"]);
}

/** Pairs that a run reads, repetitions counted. */
const pairsSeen = ({
  steps,
  batchSize,
  gradientAccumulationSteps,
}: Pick<TrainingSettings, "steps" | "batchSize" | "gradientAccumulationSteps">): number =>
  steps * batchSize * gradientAccumulationSteps;

/** Bytes of a stored position per token kept, roughly. */
const CACHED_BYTES_PER_KEPT_TOKEN = 2;

/** Time and disk of storing the teacher's distributions over the training targets; labelling is left out. */
export async function estimateCache(request: EstimateRequest<CacheConfig>): Promise<StageEstimate> {
  const labelling = await estimateLabelling(request);
  if (labelling !== undefined) return labelling;
  const limits = { maxSource: 1, maxTarget: 1 };
  const facts = await dataFacts(request, limits);
  if (facts.pairs === undefined || request.settings.distributions === "none") return {};
  const [shape] = await teacherShapes(request, facts);
  if (shape === undefined) return {};
  const rate = await measureMatmulRate(
    { rows: 64 * (facts.source + facts.target), inner: shape.width, columns: shape.feedForward },
    request.compute.threads,
  );
  const flops = facts.pairs * (await teacherFlops(request, facts));
  const kept = Math.min(request.settings.k, facts.vocabulary);
  return {
    tokens: facts.pairs * (facts.source + facts.target),
    flops,
    seconds: flops / rate,
    diskBytes: facts.pairs * facts.target * kept * CACHED_BYTES_PER_KEPT_TOKEN,
    basis: `at ${formatCount(rate)}FLOP/s of matrix products measured now; the real rate is lower`,
  };
}

interface TrainingPlan {
  readonly config: ModelConfig;
  readonly facts: DataFacts;
  readonly settings: TrainingSettings & ModuleSettings;
  readonly threads: number | undefined;
  /** Work besides the steps. */
  readonly extraFlops?: number;
}

async function trainingEstimate({
  config,
  facts,
  settings,
  threads,
  extraFlops = 0,
}: TrainingPlan): Promise<StageEstimate> {
  const { batchSize, optimizer, emaDecay, gradientAccumulationSteps, buckets, gradientCheckpointing } =
    settings;
  const pairTokens = imageTokensOf(config) + facts.source + facts.target;
  const batchTokens = batchSize * pairTokens;
  const rate = await measureMatmulRate(
    { rows: Math.min(batchTokens, 4096), inner: config.width, columns: config.feedForward },
    threads,
  );
  const flops =
    pairsSeen(settings) * (PASSES + (gradientCheckpointing ? 1 : 0)) * forwardFlops(config, facts) +
    extraFlops;
  const layers =
    config.decoderLayers + (config.architecture === "encoder-decoder" ? config.encoderLayers : 0);
  const logits = batchSize * facts.target * facts.vocabulary * LOGIT_COPIES;
  // The program of each length bucket keeps its memory.
  // With gradient checkpointing only the inputs of layers are kept, and the other activations of one layer at a time.
  const perToken = gradientCheckpointing ? layers + ACTIVATIONS_PER_WIDTH : layers * ACTIVATIONS_PER_WIDTH;
  const activations = buckets * (batchTokens * config.width * perToken + logits);
  const all = parameterCount(config);
  const trained = trainedParameters(config, settings);
  const copies = 2 + MOMENTS[optimizer] + (emaDecay > 0 ? 1 : 0) + (gradientAccumulationSteps > 1 ? 1 : 0);
  return {
    parameters: trained,
    tokens: pairsSeen(settings) * pairTokens,
    flops,
    seconds: flops / (TRAINING_SHARE * rate),
    memoryBytes: 4 * (all + copies * trained + activations) + PROCESS_BYTES,
    diskBytes: 4 * all,
    basis: [
      `at ${formatCount(TRAINING_SHARE * rate)}FLOP/s, the share of the matrix products measured now that training reaches`,
      ...(facts.pairs === undefined
        ? [
            "until the data is prepared, all lengths are assumed to be the model's limits; real ones are mostly far shorter",
          ]
        : []),
    ].join("; "),
  };
}

/** Weights of the modules that are trained in full, and adapters. */
function trainedParameters(config: ModelConfig, settings: ModuleSettings): number {
  const { modules, adapters } = resolveModules(config, settings, "distill");
  const whole = parameterSpecs(config).filter(({ name }) => modules[moduleOf(name)] === "full");
  return [...whole, ...adapters].reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
}

/** FLOPs of one pair, its image included. */
function forwardFlops(config: ModelConfig, { source, target }: DataFacts): number {
  const { encoderPerSourceToken, decoderPerTargetToken } = flopsPerToken(config);
  if (config.architecture === "decoder-only") return (source + target) * decoderPerTargetToken;
  const { vision, width } = config;
  const image = vision === undefined ? 0 : flopsPerImage(vision, width);
  return image + (imageTokensOf(config) + source) * encoderPerSourceToken + target * decoderPerTargetToken;
}

/** FLOPs of scoring one pair by all teachers whose shapes are known. */
async function teacherFlops(request: EstimateRequest<unknown>, facts: DataFacts): Promise<number> {
  const shapes = await teacherShapes(request, facts);
  return shapes.reduce((sum, config) => sum + forwardFlops(config, facts), 0);
}

/** Kinds of teachers whose weights are a checkpoint here. */
const CHECKPOINT_KINDS: ReadonlySet<TeacherConfig["kind"]> = new Set(["train", "checkpoint", "import"]);

/**
 * The shape that a student takes from its teacher; undefined before a teacher that is not on disk has been fetched.
 *
 * @throws SlmError CONFIG_INVALID unless the teacher is a single checkpoint
 */
async function singleTeacherShape(request: EstimateRequest<DistillConfig>): Promise<ModelConfig | undefined> {
  const { artifacts, sections } = request;
  if (artifacts.teacher !== undefined) return readSingleConfig(artifacts.teacher, "student.shape");
  if (sections.teacher === undefined) return readSingleConfig(undefined, "student.shape");
  const { maxSource, maxTarget } = request.settings.student;
  const kind = teacherConfig.safeParse(sections.teacher).data?.kind;
  if (kind !== undefined && !CHECKPOINT_KINDS.has(kind))
    throw notSingle("student.shape", `a teacher of kind ${kind}`);
  const [shape] = await teacherShapes(request, await dataFacts(request, { maxSource, maxTarget }));
  return shape;
}

async function teacherShapes(
  { artifacts, sections }: EstimateRequest<unknown>,
  facts: DataFacts,
): Promise<readonly ModelConfig[]> {
  if (artifacts.teacher !== undefined) return readTeacherConfigs(artifacts.teacher);
  const settings = teacherConfig.safeParse(sections.teacher).data;
  if (settings === undefined) return [];
  const members = settings.kind === "ensemble" ? settings.members : [settings];
  const shapes: ModelConfig[] = [];
  for (const member of members) {
    const shape = await plannedShape(member, facts);
    if (shape !== undefined) shapes.push(shape);
  }
  return shapes;
}

/** The shape of a teacher that is still to be made; undefined where it is not known. */
async function plannedShape(
  member: Exclude<TeacherConfig, { readonly kind: "ensemble" }> | TeacherMemberConfig,
  facts: DataFacts,
): Promise<ModelConfig | undefined> {
  if (member.kind === "train")
    return parseModelConfig({ ...member.model, ...vocabularyFields(facts) }, "teacher.model");
  if (member.kind === "checkpoint" && existsSync(join(member.path, CONFIG_FILE)))
    return readModelConfig(member.path);
  if (member.kind !== "import") return undefined;
  const found = await resolveCached(member.model);
  if (found === undefined) return undefined;
  return importConfig((await openExternal(found.path)).checkpoint, member).config;
}

function vocabularyFields({ vocabulary }: DataFacts): object {
  return { vocabularySize: vocabulary, tokens: { pad: 0, bos: 1, eos: 2, unknown: 3 } };
}
