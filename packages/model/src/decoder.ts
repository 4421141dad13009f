/** The decoder of both architectures: over a whole target at once, or step by step with KV caches. */
import type { PresentKv } from "@slm/runtime";
import {
  add,
  cachedAttention,
  crossAttention,
  dropout,
  embedding,
  linear,
  scope,
  segmentAttention,
  selfAttention,
  softcap,
  type Rotation,
  type ScoreAttributes,
  type Tensor,
} from "@slm/tensor";
import {
  feedForwardBlock,
  finish,
  headLayout,
  layerRotation,
  normalize,
  parameter,
  project,
  projectCross,
  selfAttentionBlock,
  type ResidualBranch,
  type Parameters,
} from "./blocks.js";
import type { DecoderOnlyConfig, ModelConfig } from "./config.js";
import type { CrossCache } from "./encoder.js";
import { EMBEDDING_WEIGHT, headWeight } from "./parameters.js";

/** The source as the decoder of an encoder-decoder reads it. */
export interface SourceContext {
  readonly cross: readonly CrossCache[];
  /** `[batch, 1, 1, source]`, added to cross-attention scores. */
  readonly bias: Tensor;
}

/** The parts that differ between a whole target and a cached step. */
interface Pass {
  readonly source: SourceContext | undefined;
  readonly attend: (layer: number, heads: { query: Tensor; key: Tensor; value: Tensor }) => Tensor;
  readonly end: ResidualBranch;
}

/**
 * Hidden states of every target position, with causal attention. Under `withDropout` it takes the masks of
 * `decoderDropoutShapes`.
 *
 * Shapes: ids int32 `[batch, target]`, mask float32 `[batch, target]` (0 = never attended) -> `[batch, target, width]`.
 */
export function decode(
  config: ModelConfig,
  parameters: Parameters,
  ids: Tensor,
  options: { readonly source?: SourceContext; readonly mask?: Tensor } = {},
): Tensor {
  return runLayers(config, parameters, ids, {
    source: options.source,
    attend: (layer, heads) =>
      selfAttention(
        { ...heads, mask: options.mask },
        { ...headLayout(config), ...layerAttention(config, layer), causal: true },
      ),
    end: dropout,
  });
}

/** RoPE and score options of one layer's self-attention. */
function layerAttention(config: ModelConfig, layer: number): Rotation & ScoreAttributes {
  if (config.architecture === "encoder-decoder") return layerRotation(config, "decoderLayers", layer);
  const { ropeTheta, ropeInverseFrequencies, attentionSoftcap: softcap, slidingWindow } = config;
  const own = slidingWindow?.layers.includes(layer) === true ? slidingWindow : undefined;
  const window = own?.window;
  return own?.ropeTheta === undefined
    ? { ropeTheta, ropeInverseFrequencies, window, softcap }
    : { ropeTheta: own.ropeTheta, window, softcap };
}

/** Self-attention cache of one layer, `[batch, kvHeads, capacity, headDim]` each. */
export interface SelfCache {
  readonly key: Tensor;
  readonly value: Tensor;
}

/**
 * Hidden states of new positions given cached ones, and either the updated caches or only their new positions.
 *
 * Shapes: ids int32 `[batch, target]` (target is 1 unless the target fuses cachedAttention), pastLength int32 `[1]` or `[batch]`.
 */
export function decodeStep(
  config: ModelConfig,
  parameters: Parameters,
  ids: Tensor,
  options: {
    readonly source?: SourceContext | undefined;
    readonly caches: readonly SelfCache[];
    readonly capacity: number;
    readonly pastLength: Tensor;
    /** Form of the returned caches, see `CachedAttentionAttributes`. */
    readonly form?: PresentKv;
  },
): { hidden: Tensor; caches: SelfCache[] } {
  const caches: SelfCache[] = [];
  const { capacity, form = "full" } = options;
  const attend: Pass["attend"] = (layer, heads) => {
    const past = options.caches[layer]!;
    const { output, presentKey, presentValue } = cachedAttention(
      { ...heads, pastKey: past.key, pastValue: past.value, pastLength: options.pastLength },
      { ...headLayout(config), ...layerAttention(config, layer), capacity, caches: form },
    );
    caches.push({ key: presentKey, value: presentValue });
    return output;
  };
  const hidden = runLayers(config, parameters, ids, {
    source: options.source,
    attend,
    end: (branch) => branch,
  });
  return { hidden, caches };
}

/** Cached positions of one layer; see `segmentAttention`. */
export interface LayerPast {
  readonly prefix?: SelfCache | undefined;
  readonly past?: (SelfCache & { readonly lengths: Tensor }) | undefined;
}

/**
 * Hidden states of new positions of a decoder-only model after a prefix that all rows share and after cached positions of each row, and
 * their keys and values.
 *
 * Shapes: ids int32 `[batch, fresh]`, fresh is 1 with cached positions -> hidden `[batch, fresh, width]`, caches
 * `[batch, fresh, kvHeads·headDim]`.
 */
export function decodeAfter(
  config: DecoderOnlyConfig,
  parameters: Parameters,
  ids: Tensor,
  layers: readonly LayerPast[],
): { hidden: Tensor; caches: SelfCache[] } {
  const caches: SelfCache[] = [];
  const hidden = runLayers(config, parameters, ids, {
    source: undefined,
    attend: (layer, heads) => {
      const attributes = { ...headLayout(config), ...layerAttention(config, layer) };
      const { output, key, value } = segmentAttention({ ...heads, ...layers[layer]! }, attributes);
      caches.push({ key, value });
      return output;
    },
    end: (branch) => branch,
  });
  return { hidden, caches };
}

/** Next-token logits by the tied embedding or a separate head: `[..., width]` -> `[..., vocab]`. */
export function outputHead(config: ModelConfig, parameters: Parameters, hidden: Tensor): Tensor {
  const { logitSoftcap } = config;
  return scope("head", () => {
    const logits = linear({ x: hidden, weight: parameter(parameters, headWeight(config)) }, {});
    return logitSoftcap === undefined ? logits : softcap({ x: logits }, { limit: logitSoftcap });
  });
}

function runLayers(
  config: ModelConfig,
  parameters: Parameters,
  ids: Tensor,
  { source, attend, end }: Pass,
): Tensor {
  return scope("decoder", () => {
    let x = end(embedding({ table: parameter(parameters, EMBEDDING_WEIGHT), ids }, {}));
    for (let index = 0; index < config.decoderLayers; index++) {
      const layer = `decoder.layers.${index}`;
      x = scope(`layers.${index}`, () => {
        let y = selfAttentionBlock(config, parameters, layer, x, (heads) => attend(index, heads), end);
        if (source !== undefined) {
          const cross = { keyValue: source.cross[index]!, bias: source.bias, end };
          y = crossAttentionBlock(config, parameters, layer, y, cross);
        }
        return feedForwardBlock(config, parameters, layer, y, end);
      });
    }
    return normalize(config, parameters, "decoder.norm", x);
  });
}

/** x + end(output(crossAttention(query of norm(x), keys and values of the source))). */
function crossAttentionBlock(
  config: ModelConfig,
  parameters: Parameters,
  layer: string,
  x: Tensor,
  {
    keyValue,
    bias,
    end,
  }: { readonly keyValue: CrossCache; readonly bias: Tensor; readonly end: ResidualBranch },
): Tensor {
  const normed = normalize(config, parameters, `${layer}.crossAttentionNorm`, x);
  return scope("crossAttention", () => {
    const name = `${layer}.crossAttention`;
    const query = projectCross(config, parameters, `${name}.query`, normed);
    const attended = crossAttention({ query, ...keyValue, bias }, headLayout(config));
    const output = project(parameters, `${name}.output`, attended);
    return add({ a: x, b: finish(config, parameters, name, output, end) }, {});
  });
}
