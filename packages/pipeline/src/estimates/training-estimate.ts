/**
 * Estimates training time and memory: building the programs, the steps, and answering the dev rows. The estimates are rough: of the loss,
 * only the cross-entropy is counted.
 */
import { isAlwaysOnPolicy, requiresTeacher, type DistillConfig } from "@slm/distillation";
import {
  imageTokenCount,
  imageTokensOf,
  moduleOf,
  parameterCount,
  parameterSpecs,
  parseModelConfig,
  type ModelConfig,
} from "@slm/model";
import type { TeacherConfig } from "@slm/labelling";
import { finetuneTraining, teacherTraining, trainedShape } from "@slm/teacher";
import { resolveModules, type ModuleSettings, type TrainingSettings } from "@slm/training";
import type { Compute } from "@slm/models/compute";
import type { PlanRequest } from "../stage/plan-request.js";
import type { StageEstimate } from "../stage/stage.js";
import { dataFacts, LENGTHS_ASSUMED, type DataFacts } from "./data-facts.js";
import { forwardFlops, teacherFlops } from "./model-flops.js";
import { plannedStudentShape, plannedTeacher, vocabularyFields } from "./planned-shapes.js";
import { estimateStep } from "./step-time.js";

/** Products per weight and token: one in the forward pass, one for the input's gradient, and one for the gradient of a trained weight. */
const FORWARD_AND_INPUTS = 2;
/** Copies of every trained weight in addition to the weight and its gradient. */
const MOMENTS: { readonly [O in TrainingSettings["optimizer"]]: number } = { adamw: 2, muon: 1 };
/** Approximate number of values stored for the backward pass per token, layer and unit of width. */
const ACTIVATIONS_PER_WIDTH = 24;
/** Copies of a batch's logits in memory at the same time: logits, probabilities and gradients. */
const LOGIT_COPIES = 4;
/** Memory of Node, ONNX Runtime and the rows [bytes]. */
const PROCESS_BYTES = 300 * 1024 * 1024;

/** Time and memory of training or fine-tuning a teacher; empty for a teacher that is copied, and for a hub model before it is downloaded. */
export async function estimateTeacher(request: PlanRequest<TeacherConfig>): Promise<StageEstimate> {
  const { settings, compute } = request;
  if (settings.kind === "train") {
    const facts = await dataFacts(request, settings.model);
    const config = parseModelConfig(
      { ...trainedShape(settings.model), ...vocabularyFields(facts) },
      "teacher.model",
    );
    return trainingEstimate({ config, facts, settings: teacherTraining(settings), compute });
  }
  if (settings.kind !== "import" || settings.finetune === undefined) return {};
  const facts = await dataFacts(request, { maxSource: 1, maxTarget: 1 });
  const config = await plannedTeacher(settings, facts);
  if (config === undefined || facts.pairs === undefined) return {};
  return trainingEstimate({ config, facts, settings: finetuneTraining(settings.finetune), compute });
}

/** Time and memory of a distillation, including the teacher's work if its shape is known. */
export async function estimateDistill(request: PlanRequest<DistillConfig>): Promise<StageEstimate> {
  const { settings, compute } = request;
  const shape = await plannedStudentShape(request);
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
  const steps = settings.steps + (settings.quantize?.steps ?? 0);
  return trainingEstimate({ config, facts, settings: { ...settings, steps }, compute, extraFlops });
}

/** Pairs that the teacher scores during distillation: gold pairs once, on-policy samples once per draw. Cached pairs are not scored. */
function pairsScored({ settings, sections }: PlanRequest<DistillConfig>, { pairs = 0 }: DataFacts): number {
  if (!requiresTeacher(settings)) return 0;
  const { targets } = settings;
  const gold = sections.cache === undefined && !isAlwaysOnPolicy(targets) ? pairs : 0;
  return gold + targets.onPolicyFraction * pairsSeen(settings);
}

/** Pairs that a run reads, including repetitions. */
const pairsSeen = ({
  steps,
  batchSize,
  gradientAccumulationSteps,
}: Pick<TrainingSettings, "steps" | "batchSize" | "gradientAccumulationSteps">): number =>
  steps * batchSize * gradientAccumulationSteps;

interface TrainingPlan {
  readonly config: ModelConfig;
  readonly facts: DataFacts;
  readonly settings: TrainingSettings & ModuleSettings;
  readonly compute: Compute;
  /** Work in addition to the steps and answering dev rows. */
  readonly extraFlops?: number;
}

async function trainingEstimate({
  config,
  facts,
  settings,
  compute,
  extraFlops = 0,
}: TrainingPlan): Promise<StageEstimate> {
  const { steps, batchSize, optimizer, emaDecay, gradientAccumulationSteps, buckets, gradientCheckpointing } =
    settings;
  const pairTokens = imageTokensOf(config) + facts.source + facts.target;
  const batchTokens = batchSize * pairTokens;
  const all = parameterCount(config);
  const trained = trainedParameters(config, settings);
  const passes = FORWARD_AND_INPUTS + Math.min(1, trained / all) + (gradientCheckpointing ? 1 : 0);
  const forward = forwardFlops(config, facts);
  const stepFlops = batchSize * gradientAccumulationSteps * passes * forward;
  const step = await estimateStep({ config, facts, settings, compute, flops: stepFlops });
  // Answers are decoded in batches. A position of an answer costs as much as a position of a target.
  const answerFlops = evaluations(settings) * settings.evaluateRows * forward + extraFlops;
  const layers =
    config.decoderLayers + (config.architecture === "encoder-decoder" ? config.encoderLayers : 0);
  const logits = batchSize * facts.target * facts.vocabulary * LOGIT_COPIES;
  // The program of each length bucket keeps its memory.
  // Gradient checkpointing keeps only the inputs of layers, and the other activations of one layer at a time.
  const perToken = gradientCheckpointing ? layers + ACTIVATIONS_PER_WIDTH : layers * ACTIVATIONS_PER_WIDTH;
  const activations = buckets * (batchTokens * config.width * perToken + logits);
  const copies = 2 + MOMENTS[optimizer] + (emaDecay > 0 ? 1 : 0) + (gradientAccumulationSteps > 1 ? 1 : 0);
  // Mixed precision needs a 16-bit copy of the weights.
  const weights = (settings.mixedPrecision ?? "float32") === "float32" ? all : 1.5 * all;
  return {
    parameters: trained,
    tokens: pairsSeen(settings) * pairTokens,
    flops: steps * stepFlops + answerFlops,
    seconds: steps * step.seconds + step.compileSeconds + answerFlops / step.rate,
    memoryBytes: 4 * (weights + copies * trained + activations) + PROCESS_BYTES,
    diskBytes: 4 * all,
    basis: [step.basis, ...(facts.pairs === undefined ? [LENGTHS_ASSUMED] : [])].join("; "),
  };
}

/** Number of evaluations on dev rows: every `evaluateEvery` steps, and at the end. */
const evaluations = ({ steps, evaluateEvery }: Pick<TrainingSettings, "steps" | "evaluateEvery">): number =>
  Math.ceil(steps / evaluateEvery);

/** Number of trained weights: those of modules trained in full, and of adapters. */
function trainedParameters(config: ModelConfig, settings: ModuleSettings): number {
  const { modules, adapters } = resolveModules(config, settings, "distill");
  const whole = parameterSpecs(config).filter(({ name }) => modules[moduleOf(name)] === "full");
  return [...whole, ...adapters].reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
}
