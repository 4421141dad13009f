/** One training step as a program: forward pass, backward pass, clipping and optimizer. State is updated in place. */
import { loraScale, withLora, type Parameters } from "@slm/model";
import {
  drawnMasks,
  inFloat32,
  math,
  termsAndGradients,
  withDropout,
  type MaskMaker,
  type ProgramDefinition,
  type Tensor,
  type TensorSpec,
} from "@slm/tensor";
import { decayed, ruleOf, STEP_SCALARS } from "../optimizer/optimizer.js";
import { packTensors, unpackParameters, valueSpecs, type Chunk } from "../parameters/parameter-layout.js";
import { groupInputs, rateInput } from "../optimizer/rate-groups.js";
import {
  partsOf,
  stateInput,
  stateOutput,
  type ChunkPlan,
  type StatePart,
  type StateSettings,
} from "./state-layout.js";
import type { TrainingSettings } from "../training-config.js";

/** The loss for batches of one shape. */
export interface LossDefinition {
  readonly inputs: Readonly<Record<string, TensorSpec>>;
  /** Dropout masks that `build` uses in order under `withDropout`. The trainer draws them if dropout is on. */
  readonly dropoutShapes: readonly (readonly number[])[];
  /** Names of the scalars that `build` returns as terms. */
  readonly terms: readonly string[];
  /** A scalar loss, and scalars to log (the loss's terms). */
  readonly build: (
    parameters: Parameters,
    inputs: Readonly<Record<string, Tensor>>,
  ) => { readonly loss: Tensor; readonly terms: Readonly<Record<string, Tensor>> };
}

export type StepSettings = StateSettings &
  Pick<TrainingSettings, "lora" | "gradientCheckpointing" | "dropout" | "mixedPrecision">;

/** `accumulate` only adds to the accumulated gradients; `update` adds the last batch's gradients and updates the weights. */
export type StepMode = "accumulate" | "update";

/** Scalar input: a batch's share of the step's loss tokens; only with gradient accumulation. */
export const BATCH_SHARE = "batchShare";

/** Scalar input: the factor on the loss that keeps gradients within the range of float16; only with float16. */
export const LOSS_SCALE = "lossScale";

/** Scalar input: the key from which a batch's masks are drawn. */
export const DROPOUT_KEY = "dropoutKey";

const scalar: TensorSpec = { dtype: "float32", shape: [] };

/** Inputs for a program's dropout: its masks in order, or the key to draw them from; none without dropout. */
export function dropoutSpecs(
  { dropoutShapes }: Pick<LossDefinition, "dropoutShapes">,
  { dropout }: Pick<StepSettings, "dropout">,
  masks: MaskMaker = "host",
): Readonly<Record<string, TensorSpec>> {
  if (dropout === 0) return {};
  if (masks === "program") return { [DROPOUT_KEY]: { dtype: "int32", shape: [] } };
  return Object.fromEntries(
    dropoutShapes.map((shape, index) => [`dropout.${index}`, { dtype: "float32", shape }]),
  );
}

/**
 * The program of one batch.
 *
 * Every update is scaled by the clipping factor, which depends on all gradients and so on every read of every weight. The in-place writes are
 * therefore safe by construction, and tracing proves it. In float16 the loss is scaled before the backward pass; a step with non-finite
 * gradients does not change the state.
 * Outputs: `loss`, `term.*`, and in mode `update` `gradientNorm` (before clipping) and the next state.
 */
export function trainProgram(
  name: string,
  plan: ChunkPlan,
  definition: LossDefinition,
  settings: StepSettings,
  mode: StepMode = "update",
  masks: MaskMaker = "host",
): ProgramDefinition {
  const inputs: Record<string, TensorSpec> = {
    ...definition.inputs,
    ...dropoutSpecs(definition, settings, masks),
    ...valueSpecs(plan.frozen),
    ...valueSpecs(plan.trained),
  };
  const inPlace: Record<string, string> = {};
  for (const chunk of plan.trained) {
    for (const part of mode === "update" ? partsOf(chunk, settings) : (["gradient"] as const)) {
      inputs[stateInput(chunk, part)] = { dtype: "float32", shape: [chunk.size] };
      inPlace[stateOutput(chunk, part)] = stateInput(chunk, part);
    }
  }
  if (settings.gradientAccumulationSteps > 1) inputs[BATCH_SHARE] = scalar;
  if (scalesLoss(settings)) inputs[LOSS_SCALE] = scalar;
  if (mode === "update")
    for (const scalarName of [...STEP_SCALARS, ...groupInputs(plan.trained)]) inputs[scalarName] = scalar;
  return {
    name,
    inputs,
    inPlace,
    gradientCheckpointing: settings.gradientCheckpointing,
    precision: settings.mixedPrecision,
    build: (x) => {
      const { outputs, gradients } = batchGradients(plan, definition, settings, x);
      const total = settings.gradientAccumulationSteps > 1 ? addKept(plan.trained, gradients, x) : gradients;
      return { ...outputs, ...inFloat32(() => NEXT_STATE[mode](plan.trained, total, settings, x)) };
    },
  };
}

/** Whether gradients could leave the range of the products' number format: bfloat16 has the range of float32. */
export const scalesLoss = ({ mixedPrecision }: Pick<StepSettings, "mixedPrecision">): boolean =>
  mixedPrecision === "float16";

type Inputs = Readonly<Record<string, Tensor>>;
type Outputs = Record<string, Tensor>;

const NEXT_STATE: {
  readonly [M in StepMode]: (
    chunks: readonly Chunk[],
    gradients: readonly Tensor[],
    settings: StepSettings,
    x: Inputs,
  ) => Outputs;
} = { accumulate: keepGradients, update: takeStep };

/** Loss and terms by output name, and one flat gradient per trained chunk. */
function batchGradients(
  plan: ChunkPlan,
  definition: LossDefinition,
  settings: StepSettings,
  x: Inputs,
): { outputs: Outputs; gradients: readonly Tensor[] } {
  const frozen = unpackParameters(plan.frozen, x);
  const trained = unpackParameters(plan.trained, x);
  const names = Object.keys(trained);
  const { lora } = settings;
  const key = x[DROPOUT_KEY];
  const masks =
    key === undefined
      ? Object.keys(dropoutSpecs(definition, settings)).map((name) => x[name]!)
      : drawnMasks(key, definition.dropoutShapes, settings.dropout);
  const scale = x[LOSS_SCALE];
  const { value, gradients, terms } = termsAndGradients((tensors) => {
    const live = { ...frozen, ...Object.fromEntries(names.map((name, index) => [name, tensors[index]!])) };
    const build = (): ReturnType<LossDefinition["build"]> =>
      definition.build(lora === undefined ? live : withLora(live, live, loraScale(lora)), x);
    const found = masks.length === 0 ? build() : withDropout(masks, build);
    if (scale === undefined) return found;
    return { loss: math.mul(found.loss, scale), terms: { ...found.terms, [UNSCALED]: found.loss } };
  }, Object.values(trained));
  const { [UNSCALED]: loss = value, ...logged } = terms;
  const outputs: Outputs = { loss };
  for (const [name, term] of Object.entries(logged)) outputs[`term.${name}`] = term;
  const byName = Object.fromEntries(names.map((name, index) => [name, gradients[index]!]));
  const packed = plan.trained.map((chunk) => packTensors(chunk, byName));
  return {
    outputs,
    gradients: scale === undefined ? packed : packed.map((gradient) => math.div(gradient, scale)),
  };
}

/** Term for the unscaled loss; no objective has a term with this name. */
const UNSCALED = "/unscaled";

/** The accumulated gradients plus this batch's, weighted by its share of the step's loss tokens. */
function addKept(chunks: readonly Chunk[], gradients: readonly Tensor[], x: Inputs): Tensor[] {
  return chunks.map((chunk, index) =>
    math.add(x[stateInput(chunk, "gradient")]!, math.mul(gradients[index]!, x[BATCH_SHARE]!)),
  );
}

function keepGradients(chunks: readonly Chunk[], gradients: readonly Tensor[]): Outputs {
  return Object.fromEntries(
    chunks.map((chunk, index) => [stateOutput(chunk, "gradient"), gradients[index]!]),
  );
}

function takeStep(
  chunks: readonly Chunk[],
  gradients: readonly Tensor[],
  settings: StepSettings,
  x: Inputs,
): Outputs {
  const squares = gradients.map((gradient) => math.square(gradient));
  const norm = math.sqrt(
    squares.map((square) => math.sum(square)).reduce((sum, part) => math.add(sum, part)),
  );
  const clip = math.minimum(1, math.div(x["maxGradNorm"]!, math.add(norm, NORM_EPSILON)));
  const outputs: Outputs = { gradientNorm: norm };
  const kept = scalesLoss(settings) ? unlessOverflown(norm) : (next: Tensor): Tensor => next;
  chunks.forEach((chunk, index) => {
    const part = (name: StatePart): Tensor | undefined => x[stateInput(chunk, name)];
    const next = ruleOf(chunk, settings).update({
      chunk,
      state: { first: part("first"), second: part("second") },
      gradient: gradients[index]!,
      square: squares[index]!,
      kept: decayed(chunk, part("value")!, x[rateInput("decay", chunk)]!),
      scalars: {
        rate: x[rateInput("rate", chunk)]!,
        stepSize: x[rateInput("stepSize", chunk)]!,
        denominatorEpsilon: x["denominatorEpsilon"]!,
        clip,
      },
    });
    const all: Partial<Record<StatePart, Tensor | undefined>> = {
      ...next,
      average: averaged(part("average"), next.value, x["averageKeep"]!),
      // The zeros depend on the tensor that they overwrite, so that the reset runs after the last read.
      gradient: math.mul(gradients[index]!, 0),
    };
    for (const name of partsOf(chunk, settings))
      outputs[stateOutput(chunk, name)] = kept(
        all[name]!,
        name === "gradient" ? math.zeros([chunk.size]) : part(name)!,
      );
  });
  return outputs;
}

/** The next value of a state tensor if the norm of the gradients is finite, otherwise the old one. Exact: infinity times 0 would be NaN. */
function unlessOverflown(norm: Tensor): (next: Tensor, otherwise: Tensor) => Tensor {
  const isFinite = math.isFinite(norm);
  return (next, otherwise) => math.where(isFinite, next, otherwise);
}

/** keep · average + (1 - keep) · value. */
const averaged = (average: Tensor | undefined, value: Tensor, keep: Tensor): Tensor | undefined =>
  average === undefined ? undefined : math.add(value, math.mul(math.sub(average, value), keep));

/** Epsilon that keeps the clipping factor finite for a zero gradient. */
const NORM_EPSILON = 1e-6;
