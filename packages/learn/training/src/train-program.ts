/** One training step as a program: forward, backward, clipping and AdamW, state updated in place. */
import type { Parameters } from "@slm/model";
import { math, termsAndGradients, type ProgramDefinition, type Tensor, type TensorSpec } from "@slm/tensor";
import { ADAM_SCALARS, adamUpdate } from "./adamw.js";
import { packTensors, unpackParameters, valueInput, type Chunk } from "./parameter-layout.js";
import type { TrainingSettings } from "./training-config.js";

/** What is minimized, for batches of one shape. */
export interface LossDefinition {
  readonly inputs: Readonly<Record<string, TensorSpec>>;
  /** Names of the scalars that `build` returns as terms. */
  readonly terms: readonly string[];
  /** A scalar loss, and scalars worth logging (the loss's terms). */
  readonly build: (
    parameters: Parameters,
    inputs: Readonly<Record<string, Tensor>>,
  ) => { readonly loss: Tensor; readonly terms: Readonly<Record<string, Tensor>> };
}

/** The optimizer's constants inside the program. */
export type AdamSettings = Pick<TrainingSettings, "beta1" | "beta2">;

/** State tensors of a chunk: weights, first and second moment. */
export const STATE_PARTS = ["value", "first", "second"] as const;
export type StatePart = (typeof STATE_PARTS)[number];

export const stateInput = (chunk: Chunk, part: StatePart): string =>
  part === "value" ? valueInput(chunk) : `state.${chunk.name}.${part}`;

/** Program output that is written over {@link stateInput}. */
export const stateOutput = (chunk: Chunk, part: StatePart): string => `next.${chunk.name}.${part}`;

/**
 * The program of one optimizer step.
 *
 * Every update is scaled by the clipping factor, which depends on all gradients and so on every read of every weight:
 * the in-place writes are safe by construction, and tracing proves it.
 * Outputs: `loss`, `gradientNorm` (before clipping), `term.*`, and the next state.
 */
export function trainProgram(
  name: string,
  chunks: readonly Chunk[],
  definition: LossDefinition,
  settings: AdamSettings,
): ProgramDefinition {
  const scalar: TensorSpec = { dtype: "float32", shape: [] };
  const inputs: Record<string, TensorSpec> = { ...definition.inputs };
  const inPlace: Record<string, string> = {};
  for (const chunk of chunks) {
    for (const part of STATE_PARTS) {
      inputs[stateInput(chunk, part)] = { dtype: "float32", shape: [chunk.size] };
      inPlace[stateOutput(chunk, part)] = stateInput(chunk, part);
    }
  }
  for (const scalarName of [...ADAM_SCALARS, "clipNorm"]) inputs[scalarName] = scalar;
  return { name, inputs, inPlace, build: (x) => buildStep(chunks, definition, settings, x) };
}

function buildStep(
  chunks: readonly Chunk[],
  definition: LossDefinition,
  settings: AdamSettings,
  x: Readonly<Record<string, Tensor>>,
): Record<string, Tensor> {
  const parameters = unpackParameters(chunks, x);
  const names = Object.keys(parameters);
  const { value, gradients, terms } = termsAndGradients(
    (tensors) => definition.build(Object.fromEntries(names.map((key, index) => [key, tensors[index]!])), x),
    Object.values(parameters),
  );
  const byName = Object.fromEntries(names.map((key, index) => [key, gradients[index]!]));
  const packed = chunks.map((chunk) => packTensors(chunk, byName));
  const squares = packed.map((gradient) => math.square(gradient));
  const norm = math.sqrt(
    squares.map((square) => math.sum(square)).reduce((sum, part) => math.add(sum, part)),
  );
  const clip = math.minimum(1, math.div(x["clipNorm"]!, math.add(norm, NORM_EPSILON)));
  const outputs: Record<string, Tensor> = { loss: value, gradientNorm: norm };
  for (const [key, term] of Object.entries(terms)) outputs[`term.${key}`] = term;
  chunks.forEach((chunk, index) => {
    const state = {
      value: x[stateInput(chunk, "value")]!,
      first: x[stateInput(chunk, "first")]!,
      second: x[stateInput(chunk, "second")]!,
    };
    const scalars = {
      stepSize: x["stepSize"]!,
      denominatorEpsilon: x["denominatorEpsilon"]!,
      decay: chunk.decays ? x["decay"] : undefined,
      clip,
    };
    const next = adamUpdate(state, packed[index]!, squares[index]!, scalars, settings);
    for (const part of STATE_PARTS) outputs[stateOutput(chunk, part)] = next[part];
  });
  return outputs;
}

/** Keeps the clipping factor finite for a zero gradient. */
const NORM_EPSILON = 1e-6;
