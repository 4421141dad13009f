/** Layers of both architectures, written once over the op set. */
import { add, gelu, linear, rmsNorm, scope, type HeadLayout, type Tensor } from "@slm/tensor";
import { SlmError } from "@slm/error";
import type { ModelConfig } from "./config.js";

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

/** x · weightᵀ + bias with the weights called `name`. */
export function project(parameters: Parameters, name: string, x: Tensor): Tensor {
  const segment = name.slice(name.lastIndexOf(".") + 1);
  return scope(segment, () =>
    linear({ x, weight: parameter(parameters, `${name}.weight`), bias: parameters[`${name}.bias`] }, {}),
  );
}

/** RMSNorm with the gain called `name`. */
export function normalize(config: ModelConfig, parameters: Parameters, name: string, x: Tensor): Tensor {
  return scope(name.slice(name.lastIndexOf(".") + 1), () =>
    rmsNorm({ x, weight: parameter(parameters, `${name}.weight`) }, { epsilon: config.normEpsilon }),
  );
}

/** What a residual branch ends with before it is added: `dropout` over whole sequences, nothing in cached steps. */
export type BranchEnd = (branch: Tensor) => Tensor;

/** x + end(down(gelu(up(norm(x))))). */
export function feedForwardBlock(
  config: ModelConfig,
  parameters: Parameters,
  layer: string,
  x: Tensor,
  end: BranchEnd,
): Tensor {
  const normed = normalize(config, parameters, `${layer}.feedForwardNorm`, x);
  return scope("feedForward", () => {
    const inner = gelu({ x: project(parameters, `${layer}.feedForward.up`, normed) }, {});
    return add({ a: x, b: end(project(parameters, `${layer}.feedForward.down`, inner)) }, {});
  });
}

/**
 * x + end(output(attend(query, key, value))) with query, key and value projected from norm(x).
 *
 * `attend` and `end` are what differs between training, encoding and cached decoding.
 */
export function selfAttentionBlock(
  config: ModelConfig,
  parameters: Parameters,
  layer: string,
  x: Tensor,
  attend: (heads: { query: Tensor; key: Tensor; value: Tensor }) => Tensor,
  end: BranchEnd,
): Tensor {
  const normed = normalize(config, parameters, `${layer}.attentionNorm`, x);
  return scope("attention", () => {
    const name = `${layer}.attention`;
    const attended = attend({
      query: project(parameters, `${name}.query`, normed),
      key: project(parameters, `${name}.key`, normed),
      value: project(parameters, `${name}.value`, normed),
    });
    return add({ a: x, b: end(project(parameters, `${name}.output`, attended)) }, {});
  });
}
