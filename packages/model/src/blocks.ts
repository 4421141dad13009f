/** Layers of both architectures, written with the op set. */
import {
  add,
  gelu,
  qkNorm,
  linear,
  multiply,
  rmsNorm,
  scope,
  silu,
  type HeadLayout,
  type Rotation,
  type Tensor,
} from "@slm/tensor";
import { SlmError } from "@slm/core";
import type { EncoderDecoderConfig, ModelConfig } from "./config.js";
import { observe } from "./observe.js";
import { hasCrossQkNorm } from "./parameters.js";

/** A model's weights by name. */
export type Parameters = Readonly<Record<string, Tensor>>;

/** A weight by name. @throws SlmError UNEXPECTED when the parameter list and the model disagree. */
export function parameter(parameters: Parameters, name: string): Tensor {
  const found = parameters[name];
  if (found === undefined) throw new SlmError("UNEXPECTED", `model: no parameter '${name}'`);
  return found;
}

/** How a model splits its attention width into heads. */
export const headLayout = ({ heads, kvHeads, headDim, headOrder }: ModelConfig): HeadLayout => ({
  heads,
  kvHeads,
  headDim,
  headOrder,
});

/** RoPE of one self-attention layer of an encoder-decoder. */
export function layerRotation(
  { ropeTheta, ropeInverseFrequencies, localRope }: EncoderDecoderConfig,
  side: "encoderLayers" | "decoderLayers",
  layer: number,
): Rotation {
  return localRope?.[side].includes(layer) === true
    ? { ropeTheta: localRope.ropeTheta }
    : { ropeTheta, ropeInverseFrequencies };
}

/** Names of a linear layer's low-rank adapter in a program, `[rank, inputs]` and `[outputs, rank]`; see `withLora`. */
export const adapterDown = (name: string): string => `${name}.adapter.down`;
export const adapterUp = (name: string): string => `${name}.adapter.up`;

/** x · weightᵀ + bias with the weights called `name`, and x through its adapter's down and up, if it has one. */
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

/** RMSNorm with the gain called `name`. */
export function normalize(config: ModelConfig, parameters: Parameters, name: string, x: Tensor): Tensor {
  observe(name, x);
  return scope(name.slice(name.lastIndexOf(".") + 1), () =>
    rmsNorm({ x, weight: parameter(parameters, `${name}.weight`) }, { epsilon: config.normEpsilon }),
  );
}

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

/** Activations of a gated feed-forward block. */
const GATES = { swiglu: silu, geglu: gelu } as const;

/** x + end(down(gelu(up(norm(x))))), or x + end(down(f(gate(norm(x))) · up(norm(x)))). */
export function feedForwardBlock(
  config: ModelConfig,
  parameters: Parameters,
  layer: string,
  x: Tensor,
  end: ResidualBranch,
): Tensor {
  const normed = normalize(config, parameters, `${layer}.feedForwardNorm`, x);
  return scope("feedForward", () => {
    const name = `${layer}.feedForward`;
    const up = project(parameters, `${name}.up`, normed);
    const { activation } = config;
    const inner =
      activation === undefined || activation === "gelu"
        ? gelu({ x: up }, {})
        : multiply(
            { a: GATES[activation]({ x: project(parameters, `${name}.gate`, normed) }, {}), b: up },
            {},
          );
    const down = project(parameters, `${name}.down`, inner);
    return add({ a: x, b: finish(config, parameters, name, down, end) }, {});
  });
}

/**
 * x + end(output(attend(query, key, value))) with query, key and value projected from norm(x).
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
  const normed = normalize(config, parameters, `${layer}.attentionNorm`, x);
  return scope("attention", () => {
    const name = `${layer}.attention`;
    const isNormed = config.qkNorm === true;
    const attended = attend({
      query: projectHeads(config, parameters, { name: `${name}.query`, isNormed }, normed),
      key: projectHeads(config, parameters, { name: `${name}.key`, isNormed }, normed),
      value: project(parameters, `${name}.value`, normed),
    });
    const output = project(parameters, `${name}.output`, attended);
    return add({ a: x, b: finish(config, parameters, name, output, end) }, {});
  });
}

/** As {@link project}, with the heads' norms. */
const projectHeads = (
  config: ModelConfig,
  parameters: Parameters,
  heads: { readonly name: string; readonly isNormed: boolean },
  x: Tensor,
): Tensor => normalizeHeads(config, parameters, heads, project(parameters, heads.name, x));

/** A query or key of cross-attention, with its heads' norms where the model has them. */
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
    qkNorm({ x, weight }, { epsilon: config.normEpsilon, headDim: config.headDim }),
  );
}
