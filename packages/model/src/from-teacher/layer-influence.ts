import { math, type Tensor } from "@slm/tensor";
import type { Parameters } from "../blocks.js";
import type { DecoderOnlyConfig } from "../config.js";
import { decode } from "../decoder.js";
import { withObserver } from "../observe.js";

/** Keeps a cosine finite where a state is zero. */
const TINY = 1e-20;

/**
 * Block influence of every layer, summed over positions: 1 - cosine of the layer's input and output states.
 *
 * Shapes: ids int32 `[batch, length]`, mask float32 `[batch, length]` (1: the position counts) -> `[layers]`.
 * Source: Men et al. 2024 (arXiv:2403.03853), equation 1.
 */
export function layerInfluence(
  config: DecoderOnlyConfig,
  parameters: Parameters,
  ids: Tensor,
  mask: Tensor,
): Tensor {
  const states: Tensor[] = [];
  const see = (name: string, x: Tensor): void => {
    if (STREAM.test(name)) states.push(x);
  };
  withObserver(see, () => decode(config, parameters, ids));
  const influences = states.slice(1).map((output, layer) => {
    const cosine = cosines(states[layer]!, output);
    return math.reshape(math.sum(math.mul(math.sub(1, cosine), math.reshape(mask, cosine.shape))), [1]);
  });
  return math.concat(influences, 0);
}

/** The norms that read the states between layers, in order: of every layer's first branch, and the last. */
const STREAM = /^decoder\.(layers\.\d+\.attentionNorm|norm)$/u;

/** Cosines along the last axis, which stays with length 1. */
function cosines(a: Tensor, b: Tensor): Tensor {
  const last = [a.rank - 1];
  const dot = (x: Tensor, y: Tensor): Tensor => math.sumAxes(math.mul(x, y), last);
  return math.div(dot(a, b), math.sqrt(math.add(math.mul(dot(a, a), dot(b, b)), TINY)));
}
