/** Compares this implementation with expected outputs, losses and gradients in the reference layout. */
import { join } from "node:path";
import { SlmError } from "@slm/core";
import { createHostTensor, type HostTensor } from "@slm/runtime";
import {
  crossEntropy,
  forwardKl,
  maskBias,
  math,
  reverseKl,
  valueAndGradients,
  type Engine,
  type ProgramDefinition,
  type Tensor,
  type TensorSpec,
} from "@slm/tensor";
import {
  type Parameters,
  type EncoderDecoderConfig,
  decode,
  outputHead,
  crossCaches,
  encode,
  parameterSpecs,
} from "@slm/model";
import { maxAbsDifference, OUTPUT_TOLERANCE } from "./differences.js";
import { readReferenceConfig, readReferenceWeights } from "./reference.js";
import { readSafetensors } from "../safetensors.js";

/** Tolerance of each quantity. */
export const REFERENCE_TOLERANCES = {
  /** Largest absolute difference of encoder output and logits. */
  output: OUTPUT_TOLERANCE,
  /** Relative difference of a loss. */
  loss: 1e-5,
  /** Largest difference of a gradient, over the largest value of its tensor. */
  gradient: 1e-3,
} as const;

/**
 * A tensor is zero in theory and rounding error in practice if its largest gradient is below this fraction of the model's largest. It is then
 * compared at this scale. (Example: the key bias of cross-attention shifts all scores of a row equally, which softmax ignores.)
 */
const ZERO_GRADIENT = 1e-3;

/** Weights of the two losses in the stored gradient. */
const KL_WEIGHT = 0.9;

interface LossComparison {
  readonly expected: number;
  readonly actual: number;
}

export interface ReferenceReport {
  readonly encoderOutput: { readonly maxAbs: number };
  readonly logits: { readonly maxAbs: number };
  readonly losses: Readonly<Record<"crossEntropy" | "forwardKl" | "reverseKl", LossComparison>>;
  readonly gradients: { readonly maxRel: number; readonly worst: string };
  readonly pass: boolean;
}

/**
 * Runs the model in `directory` (config.json, model.safetensors, expected.safetensors, gradients.safetensors) through
 * `engine`, forward and backward, and compares.
 *
 * @throws SlmError INPUT_MISSING, DATA_INVALID, CONFIG_INVALID or SHAPE_MISMATCH if the directory does not have that layout.
 */
export async function checkReference(directory: string, engine: Engine): Promise<ReferenceReport> {
  const config = await readReferenceConfig(directory);
  const weights = await readReferenceWeights(config, join(directory, "model.safetensors"));
  const expectedFile = join(directory, "expected.safetensors");
  const expected = await readSafetensors(expectedFile);
  const gradients = await readReferenceWeights(config, join(directory, "gradients.safetensors"));
  const need = (name: string): HostTensor => {
    const tensor = expected.tensors.get(name);
    if (tensor === undefined)
      throw new SlmError("DATA_INVALID", `${expectedFile}: tensor '${name}' is missing`);
    return tensor;
  };
  const feeds = batchFeeds(config, {
    source: need("encoder_input_ids"),
    target: need("decoder_input_ids"),
    labels: need("labels"),
  });
  const inputs: Record<string, HostTensor> = {
    ...Object.fromEntries(weights),
    ...feeds,
    teacher: need("teacher_logits"),
  };
  const program = await engine.compile(checkProgram(config, inputs));
  const outputs = ["encoded", "logits", "crossEntropy", "forwardKl", "reverseKl", ...weights.keys()].map(
    outputName,
  );
  const { fetched } = await program.run({ feeds: inputs, fetch: outputs });
  await program.release();

  const scalar = (name: string): number => Number(fetched[outputName(name)]!.data[0]);
  const stated = (key: string): number => {
    const value = Number(expected.metadata[key]);
    if (!Number.isFinite(value))
      throw new SlmError("DATA_INVALID", `${expectedFile}: metadata '${key}' is not a number`);
    return value;
  };
  const losses = {
    crossEntropy: { expected: stated("cross_entropy"), actual: scalar("crossEntropy") },
    forwardKl: { expected: stated("forward_kl"), actual: scalar("forwardKl") },
    reverseKl: { expected: stated("reverse_kl"), actual: scalar("reverseKl") },
  };
  const floor = ZERO_GRADIENT * Math.max(...[...gradients.values()].map(maxAbs));
  let worst = { maxRel: 0, worst: "" };
  for (const [name, gradient] of gradients) {
    const maxRel = maxAbsDifference(fetched[outputName(name)]!, gradient) / Math.max(maxAbs(gradient), floor);
    // Written so that NaN fails.
    if (!(maxRel <= worst.maxRel)) worst = { maxRel, worst: name };
  }
  const encoderOutput = { maxAbs: maxAbsDifference(fetched[outputName("encoded")]!, need("encoder_output")) };
  const logits = { maxAbs: maxAbsDifference(fetched[outputName("logits")]!, need("logits")) };
  const pass =
    encoderOutput.maxAbs <= REFERENCE_TOLERANCES.output &&
    logits.maxAbs <= REFERENCE_TOLERANCES.output &&
    worst.maxRel <= REFERENCE_TOLERANCES.gradient &&
    Object.values(losses).every(
      ({ expected: e, actual }) => Math.abs(actual - e) <= REFERENCE_TOLERANCES.loss * Math.abs(e),
    );
  return { encoderOutput, logits, losses, gradients: worst, pass };
}

const outputName = (name: string): string => `out.${name}`;

function batchFeeds(
  config: EncoderDecoderConfig,
  ids: { source: HostTensor; target: HostTensor; labels: HostTensor },
): Record<string, HostTensor> {
  const { pad } = config.tokens;
  const int32 = (tensor: HostTensor, name: string): HostTensor => {
    const values = Int32Array.from(tensor.data as ArrayLike<number | bigint>, Number);
    const wrong = values.find((id) => id < 0 || id >= config.vocabularySize);
    if (wrong !== undefined)
      throw new SlmError(
        "DATA_INVALID",
        `${name}: token id ${wrong} outside the vocabulary of ${config.vocabularySize}`,
      );
    return createHostTensor("int32", tensor.shape, values);
  };
  const source = int32(ids.source, "encoder_input_ids");
  const target = int32(ids.target, "decoder_input_ids");
  const labels = int32(ids.labels, "labels");
  const notPad = ({ shape, data }: HostTensor): HostTensor =>
    createHostTensor(
      "float32",
      shape,
      Float32Array.from(data as Int32Array, (id) => (id === pad ? 0 : 1)),
    );
  const count = (mask: HostTensor): HostTensor =>
    createHostTensor(
      "float32",
      [],
      Float32Array.of((mask.data as Float32Array).reduce((sum, value) => sum + value, 0)),
    );
  const masks = { sourceMask: notPad(source), targetMask: notPad(target), labelMask: notPad(labels) };
  return {
    source,
    target,
    labels,
    ...masks,
    targetCount: count(masks.targetMask),
    labelCount: count(masks.labelMask),
  };
}

function checkProgram(
  config: EncoderDecoderConfig,
  feeds: Readonly<Record<string, HostTensor>>,
): ProgramDefinition {
  const inputs: Record<string, TensorSpec> = {};
  for (const [name, { dtype, shape }] of Object.entries(feeds)) {
    if (dtype !== "float32" && dtype !== "int32") throw new SlmError("DATA_INVALID", `'${name}' is ${dtype}`);
    inputs[name] = { dtype, shape };
  }
  const names = parameterSpecs(config).map(({ name }) => name);
  return { name: "reference-check", inputs, build: (x) => buildCheck(config, names, x) };
}

function buildCheck(
  config: EncoderDecoderConfig,
  names: readonly string[],
  x: Readonly<Record<string, Tensor>>,
): Record<string, Tensor> {
  const get = (name: string): Tensor => x[name]!;
  const [batch, source] = get("source").shape as [number, number];
  const forward = (parameters: Parameters): { encoded: Tensor; logits: Tensor } => {
    const { states: encoded } = encode(config, parameters, get("source"), { mask: get("sourceMask") });
    const bias = maskBias(math.reshape(get("sourceMask"), [batch, 1, 1, source]));
    const context = { cross: crossCaches(config, parameters, encoded), bias };
    const hidden = decode(config, parameters, get("target"), { source: context, mask: get("targetMask") });
    return { encoded, logits: outputHead(config, parameters, hidden) };
  };
  const losses = (logits: Tensor): Record<"crossEntropy" | "forwardKl" | "reverseKl", Tensor> => {
    const flat = (tensor: Tensor): Tensor => math.reshape(tensor, [-1, config.vocabularySize]);
    const row = (tensor: Tensor): Tensor => math.reshape(tensor, [-1]);
    const byTarget = { logits: flat(logits), mask: row(get("targetMask")), count: get("targetCount") };
    const byLabel = { logits: flat(logits), mask: row(get("labelMask")), count: get("labelCount") };
    return {
      crossEntropy: crossEntropy(byLabel, row(get("labels"))),
      forwardKl: forwardKl(byTarget, flat(get("teacher"))),
      reverseKl: reverseKl(byTarget, flat(get("teacher"))),
    };
  };
  const { gradients } = valueAndGradients((tensors) => {
    const parameters = Object.fromEntries(names.map((name, index) => [name, tensors[index]!]));
    const terms = losses(forward(parameters).logits);
    return math.add(math.mul(terms.forwardKl, KL_WEIGHT), math.mul(terms.crossEntropy, 1 - KL_WEIGHT));
  }, names.map(get));
  const { encoded, logits } = forward(x);
  const outputs: Record<string, Tensor> = { encoded, logits, ...losses(logits) };
  names.forEach((name, index) => (outputs[name] = gradients[index]!));
  return Object.fromEntries(Object.entries(outputs).map(([name, tensor]) => [outputName(name), tensor]));
}

const maxAbs = ({ data }: HostTensor): number => {
  let largest = 0;
  for (const value of data as Float32Array) if (!(Math.abs(value) <= largest)) largest = Math.abs(value);
  return largest;
};
