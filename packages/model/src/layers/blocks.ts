/** Layers of both architectures, written with the op set. */
import {
  add,
  layerNorm,
  qkNorm,
  linear,
  multiply,
  relu,
  rmsNorm,
  scope,
  type HeadLayout,
  type PositionAttributes,
  type ScoreAttributes,
  type SelfAttentionAttributes,
  type Tensor,
} from "@slm/tensor";
import { SlmError } from "@slm/core";
import { ACTIVATIONS } from "../config/activations.js";
import type { EncoderDecoderConfig, ModelConfig } from "../config/config.js";
import { observe } from "./observe.js";
import { isPostNorm, publishedOf, relativeBiasOf, stackHeads, type Side } from "../config/options.js";
import { hasCrossQkNorm } from "../parameters/parameters.js";

/** A model's weights by name. */
export type Parameters = Readonly<Record<string, Tensor>>;

/** Returns a weight by name. @throws SlmError UNEXPECTED if the parameter list does not contain it. */
export function parameter(parameters: Parameters, name: string): Tensor {
  const found = parameters[name];
  if (found === undefined) throw new SlmError("UNEXPECTED", `model: no parameter '${name}'`);
  return found;
}

/** How a stack splits its attention width into heads. */
export function headLayout(config: ModelConfig, side: Side = "decoderLayers"): HeadLayout {
  const { heads, kvHeads, headDim } = stackHeads(config, side);
  return { heads, kvHeads, headDim, headOrder: config.headOrder };
}

/** Positions and score options of one self-attention layer of an encoder-decoder. */
export function layerAttention(
  config: EncoderDecoderConfig,
  side: Side,
  layer: number,
): PositionAttributes & ScoreAttributes & Pick<SelfAttentionAttributes, "windowAfter"> {
  const { ropeTheta, ropeInverseFrequencies, localRope, positions, slidingWindow } = config;
  const scores = { softcap: config.attentionSoftcap, ...windowOf(slidingWindow, side, layer) };
  if (positions !== undefined) {
    const { kind } = positions;
    if (kind !== "relative-bias") return scores;
    return { ...scores, relative: { buckets: positions.buckets, maxDistance: positions.maxDistance } };
  }
  return localRope?.[side].includes(layer) === true
    ? { ...scores, ropeTheta: localRope.ropeTheta }
    : { ...scores, ropeTheta, ropeInverseFrequencies };
}

function windowOf(
  slidingWindow: EncoderDecoderConfig["slidingWindow"],
  side: Side,
  layer: number,
): Pick<SelfAttentionAttributes, "window" | "windowAfter"> {
  if (slidingWindow?.[side].includes(layer) !== true) return {};
  const { window, encoder } = slidingWindow;
  return side === "decoderLayers" || encoder === undefined
    ? { window }
    : { window: encoder.before, windowAfter: encoder.after };
}

/** The relative bias table of a self-attention layer; undefined in models with other positions. */
export function layerRelativeBias(
  config: ModelConfig,
  parameters: Parameters,
  side: Side,
  layer: number,
): Tensor | undefined {
  const name = relativeBiasOf(config, side, layer);
  return name === undefined ? undefined : parameter(parameters, name);
}

/** Names of a linear layer's low-rank adapter in a program, `[rank, inputs]` and `[outputs, rank]`; see `withLora`. */
export const adapterDown = (name: string): string => `${name}.adapter.down`;
export const adapterUp = (name: string): string => `${name}.adapter.up`;

/** x · weightᵀ + bias with the weights called `name`; adds x through the adapter's down and up, if there is one. */
export function project(parameters: Parameters, name: string, x: Tensor): Tensor {
  observe(name, x);
  const segment = name.slice(name.lastIndexOf(".") + 1);
  return scope(segment, () => {
    const y = linear(
      { x, weight: parameter(parameters, `${name}.weight`), bias: parameters[`${name}.bias`] },
      {},
    );
    const [down, up] = [parameters[adapterDown(name)], parameters[adapterUp(name)]];
    if (down === undefined || up === undefined) return y;
    return add({ a: y, b: linear({ x: linear({ x, weight: down }, {}), weight: up }, {}) }, {});
  });
}

/** The model's norm with the weights called `name`. */
export function normalize(config: ModelConfig, parameters: Parameters, name: string, x: Tensor): Tensor {
  observe(name, x);
  const { normEpsilon: epsilon } = config;
  const weight = parameter(parameters, `${name}.weight`);
  return scope(name.slice(name.lastIndexOf(".") + 1), () =>
    publishedOf(config).norm === "layer"
      ? layerNorm({ x, weight, bias: parameter(parameters, `${name}.bias`) }, { epsilon })
      : rmsNorm({ x, weight }, { epsilon }),
  );
}

/** The input of a residual branch: norm(x) in pre-norm models, otherwise x. */
export const branchInput = (
  config: ModelConfig,
  parameters: Parameters,
  branch: string,
  x: Tensor,
): Tensor => (isPostNorm(config) ? x : normalize(config, parameters, `${branch}Norm`, x));

/** Name of a weight `[1]`, which scales a branch before it is added, in programs that divide the residual stream. */
export const carryOf = (branch: string): string => `${branch}.carry`;

/** The residual sum of x and a finished branch, normed in post-norm models. */
export function joinBranch(
  config: ModelConfig,
  parameters: Parameters,
  branch: string,
  { x, y }: { readonly x: Tensor; readonly y: Tensor },
): Tensor {
  const carry = parameters[carryOf(branch)];
  const sum = add({ a: carry === undefined ? x : multiply({ a: x, b: carry }, {}), b: y }, {});
  return isPostNorm(config) ? normalize(config, parameters, `${branch}Norm`, sum) : sum;
}

/** The norm at the end of a stack, if the model has one. */
export const finishStack = (
  config: ModelConfig,
  parameters: Parameters,
  stack: "encoder" | "decoder",
  x: Tensor,
): Tensor => (isPostNorm(config) ? x : normalize(config, parameters, `${stack}.norm`, x));

/** Applied to a residual branch before it is added: `dropout` over whole sequences, nothing in cached steps. */
export type ResidualBranch = (branch: Tensor) => Tensor;

/** The branch's post-norm, if the model has one, and then `ResidualBranch`. */
export const finish = (
  config: ModelConfig,
  parameters: Parameters,
  branch: string,
  x: Tensor,
  end: ResidualBranch,
): Tensor => end(config.postNorm === true ? normalize(config, parameters, `${branch}PostNorm`, x) : x);

/** x + end(down(f(up(norm(x))))), or x + end(down(f(gate(norm(x))) · up(norm(x)))); with post-norm, the norm of the sum with x as input. */
export function feedForwardBlock(
  config: ModelConfig,
  parameters: Parameters,
  layer: string,
  x: Tensor,
  end: ResidualBranch,
): Tensor {
  const name = `${layer}.feedForward`;
  const input = branchInput(config, parameters, name, x);
  return scope("feedForward", () => {
    const up = project(parameters, `${name}.up`, input);
    const { activate, isGated } = ACTIVATIONS[config.activation ?? "gelu"];
    const inner = isGated
      ? multiply({ a: activate({ x: project(parameters, `${name}.gate`, input) }, {}), b: up }, {})
      : activate({ x: up }, {});
    const down = project(parameters, `${name}.down`, inner);
    const y = finish(config, parameters, name, down, end);
    return joinBranch(config, parameters, name, { x, y });
  });
}

/**
 * x + end(output(attend(query, key, value))) with query, key and value projected from norm(x); with post-norm, from x, and the norm of the sum.
 *
 * `attend` and `end` differ between training, encoding and cached decoding.
 */
export function selfAttentionBlock(
  config: ModelConfig,
  parameters: Parameters,
  layer: string,
  x: Tensor,
  attend: (heads: { query: Tensor; key: Tensor; value: Tensor }) => Tensor,
  end: ResidualBranch,
): Tensor {
  const name = `${layer}.attention`;
  const normed = branchInput(config, parameters, name, x);
  return scope("attention", () => {
    const isNormed = config.qkNorm === true;
    const attended = attend({
      query: projectHeads(config, parameters, { name: `${name}.query`, isNormed }, normed),
      key: projectHeads(config, parameters, { name: `${name}.key`, isNormed }, normed),
      value: project(parameters, `${name}.value`, normed),
    });
    const output = project(parameters, `${name}.output`, attended);
    const y = finish(config, parameters, name, output, end);
    return joinBranch(config, parameters, name, { x, y });
  });
}

/**
 * x + end(relu(states(input, gate))) with input and gate projected from norm(x); with post-norm, from x, and the norm of the sum.
 *
 * Source: Kim et al. 2019 (aclanthology.org/D19-5632), section 3.1; Marian 1.9, `DecoderLayerRNN` with the cell `ssru`.
 */
export function recurrenceBlock(
  config: ModelConfig,
  parameters: Parameters,
  layer: string,
  x: Tensor,
  { statesOf, end }: { readonly statesOf: (inputs: Gated) => Tensor; readonly end: ResidualBranch },
): Tensor {
  const name = `${layer}.recurrence`;
  const normed = branchInput(config, parameters, name, x);
  return scope("recurrence", () => {
    const states = statesOf({
      x: project(parameters, `${name}.input`, normed),
      gate: project(parameters, `${name}.gate`, normed),
    });
    const y = finish(config, parameters, name, relu({ x: states }, {}), end);
    return joinBranch(config, parameters, name, { x, y });
  });
}

/** Inputs of a gated recurrence, `[batch, length, width]`. */
export interface Gated {
  readonly x: Tensor;
  readonly gate: Tensor;
}

/** Like {@link project}, with the heads' norms. */
const projectHeads = (
  config: ModelConfig,
  parameters: Parameters,
  heads: { readonly name: string; readonly isNormed: boolean },
  x: Tensor,
): Tensor => normalizeHeads(config, parameters, heads, project(parameters, heads.name, x));

/** The key of a source in merged attention: self-attention's key, with its heads' norms. */
export const projectMergedKey = (
  config: ModelConfig,
  parameters: Parameters,
  name: string,
  x: Tensor,
): Tensor => projectHeads(config, parameters, { name, isNormed: config.qkNorm === true }, x);

/** A query or key of cross-attention, with the heads' norms if the model has them. */
export const projectCross = (config: ModelConfig, parameters: Parameters, name: string, x: Tensor): Tensor =>
  projectHeads(config, parameters, { name, isNormed: hasCrossQkNorm(config) }, x);

/** RMSNorm of every head of x, if the attention has such norms. */
function normalizeHeads(
  config: ModelConfig,
  parameters: Parameters,
  { name, isNormed }: { readonly name: string; readonly isNormed: boolean },
  x: Tensor,
): Tensor {
  if (!isNormed) return x;
  const weight = parameter(parameters, `${name}Norm.weight`);
  const segment = name.slice(name.lastIndexOf(".") + 1);
  return scope(`${segment}Norm`, () =>
    qkNorm({ x, weight }, { epsilon: config.normEpsilon, headDim: weight.shape[0] }),
  );
}
