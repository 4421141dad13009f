/** The decoder of both architectures: over a whole target at once, or step by step with KV caches. */
import type { PresentKv } from "@slm/runtime";
import {
  cachedAttention,
  crossAttention,
  dropout,
  linear,
  recurrence,
  scope,
  segmentAttention,
  selfAttention,
  softcap,
  type MergedSource,
  type PositionAttributes,
  type Rotation,
  type ScoreAttributes,
  type Tensor,
} from "@slm/tensor";
import {
  branchInput,
  feedForwardBlock,
  finish,
  finishStack,
  headLayout,
  joinBranch,
  layerAttention as encoderDecoderAttention,
  layerRelativeBias,
  parameter,
  project,
  projectCross,
  recurrenceBlock,
  selfAttentionBlock,
  type Gated,
  type ResidualBranch,
  type Parameters,
} from "./layers/blocks.js";
import type { DecoderOnlyConfig, ModelConfig } from "./config/config.js";
import type { CrossCache } from "./encoder.js";
import { embedTokens, placeTokens } from "./embedded-tokens.js";
import { isMerged, isRecurrent, OPTIONAL_WEIGHTS, type CachePart } from "./config/options.js";
import { headWeight } from "./parameters/parameters.js";

/** The source, in the form that the decoder of an encoder-decoder reads. */
export interface SourceContext {
  readonly cross: readonly CrossCache[];
  /** `[batch, 1, 1, source]`, added to cross-attention scores. */
  readonly bias: Tensor;
}

/** The parts that differ between a whole target and a cached step. */
interface Pass {
  readonly source: SourceContext | undefined;
  readonly attend: (layer: number, heads: { query: Tensor; key: Tensor; value: Tensor }) => Tensor;
  /** States of a layer's recurrence, in models with a recurrence instead of self-attention. */
  readonly statesOf?: ((layer: number, inputs: Gated) => Tensor) | undefined;
  readonly end: ResidualBranch;
  /** Number of earlier positions; absent: none. */
  readonly pastLength?: Tensor | undefined;
  readonly placed?: Tensor | undefined;
}

/**
 * Hidden states of every target position, with causal attention. Under `withDropout` it uses the masks of `decoderDropoutShapes`.
 *
 * Shapes: ids int32 `[batch, target]`, mask float32 `[batch, target]` (0 = never attended), placed float32 `[batch, target]` (0 = a token
 * without a position, see `placeTokens`) -> `[batch, target, width]`.
 */
export function decode(
  config: ModelConfig,
  parameters: Parameters,
  ids: Tensor,
  options: {
    readonly source?: SourceContext;
    readonly mask?: Tensor;
    readonly placed?: Tensor | undefined;
  } = {},
): Tensor {
  return runLayers(config, parameters, ids, {
    source: options.source,
    attend: (layer, heads) =>
      selfAttention(
        {
          ...heads,
          ...mergedSource(config, options.source, layer),
          mask: options.mask,
          relativeBias: relativeBias(config, parameters, layer),
        },
        { ...headLayout(config), ...layerAttention(config, layer), causal: true },
      ),
    statesOf: (_, inputs) =>
      recurrence({ ...inputs, mask: options.mask }, { capacity: ids.shape[1]! }).states,
    end: dropout,
    placed: options.placed,
  });
}

/** The source for a layer's merged attention; nothing in other models. */
function mergedSource(config: ModelConfig, source: SourceContext | undefined, layer: number): MergedSource {
  const cross = source?.cross[layer];
  if (!isMerged(config) || cross === undefined) return {};
  return { sourceKey: cross.key, sourceValue: cross.value, sourceBias: cross.bias ?? source?.bias };
}

const relativeBias = (config: ModelConfig, parameters: Parameters, layer: number): Tensor | undefined =>
  layerRelativeBias(config, parameters, "decoderLayers", layer);

/** Positions and score options of one layer's self-attention. */
const layerAttention = (config: ModelConfig, layer: number): PositionAttributes & ScoreAttributes =>
  config.architecture === "encoder-decoder"
    ? encoderDecoderAttention(config, "decoderLayers", layer)
    : decoderOnlyAttention(config, layer);

/** RoPE and score options of one layer of a decoder-only model. */
function decoderOnlyAttention(config: DecoderOnlyConfig, layer: number): Rotation & ScoreAttributes {
  const { ropeTheta, ropeInverseFrequencies, attentionSoftcap: softcap, slidingWindow } = config;
  const own = slidingWindow?.layers.includes(layer) === true ? slidingWindow : undefined;
  const window = own?.window;
  return own?.ropeTheta === undefined
    ? { ropeTheta, ropeInverseFrequencies, window, softcap }
    : { ropeTheta: own.ropeTheta, window, softcap };
}

/** The cache of a layer: the tensors that `cacheParts` names. */
export type SelfCache = Readonly<Partial<Record<CachePart, Tensor>>>;

/** Self-attention cache of one layer, `[batch, kvHeads, capacity, headDim]` each. */
type KeyValueCache = Readonly<Record<"key" | "value", Tensor>>;

/**
 * Hidden states of new positions after cached ones, and either the updated caches or only the cache entries of the new positions.
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
      {
        ...heads,
        ...mergedSource(config, options.source, layer),
        pastKey: past.key!,
        pastValue: past.value!,
        pastLength: options.pastLength,
        relativeBias: relativeBias(config, parameters, layer),
      },
      { ...headLayout(config), ...layerAttention(config, layer), capacity, caches: form },
    );
    caches.push({ key: presentKey, value: presentValue });
    return output;
  };
  const statesOf: Pass["statesOf"] = (layer, inputs) => {
    const { states, presentState } = recurrence(
      { ...inputs, pastState: options.caches[layer]!.state, pastLength: options.pastLength },
      { capacity, caches: form },
    );
    caches.push({ state: presentState });
    return states;
  };
  const hidden = runLayers(config, parameters, ids, {
    source: options.source,
    attend,
    statesOf,
    end: (branch) => branch,
    pastLength: options.pastLength,
  });
  return { hidden, caches };
}

/** Cached positions of one layer; see `segmentAttention`. */
export interface LayerPast {
  readonly prefix?: KeyValueCache | undefined;
  readonly past?: (KeyValueCache & { readonly lengths: Tensor }) | undefined;
}

/**
 * Hidden states, keys and values of new positions of a decoder-only model. The new positions follow a prefix that all rows share and cached
 * positions of each row.
 *
 * Shapes: ids int32 `[batch, fresh]`, fresh is 1 with cached positions -> hidden `[batch, fresh, width]`, caches `[batch, fresh,
 * kvHeads·headDim]`.
 */
export function decodeAfter(
  config: DecoderOnlyConfig,
  parameters: Parameters,
  ids: Tensor,
  layers: readonly LayerPast[],
): { hidden: Tensor; caches: KeyValueCache[] } {
  const caches: KeyValueCache[] = [];
  const hidden = runLayers(config, parameters, ids, {
    source: undefined,
    attend: (layer, heads) => {
      const attributes = { ...headLayout(config), ...decoderOnlyAttention(config, layer) };
      const { output, key, value } = segmentAttention({ ...heads, ...layers[layer]! }, attributes);
      caches.push({ key, value });
      return output;
    },
    end: (branch) => branch,
  });
  return { hidden, caches };
}

/** Next-token logits from the tied embedding or a separate head: `[..., width]` -> `[..., vocab]`. */
export function outputHead(config: ModelConfig, parameters: Parameters, hidden: Tensor): Tensor {
  const { logitSoftcap } = config;
  return scope("head", () => {
    const weight = parameter(parameters, headWeight(config));
    const logits = linear({ x: hidden, weight, bias: parameters[OPTIONAL_WEIGHTS.headBias] }, {});
    return logitSoftcap === undefined ? logits : softcap({ x: logits }, { limit: logitSoftcap });
  });
}

function runLayers(
  config: ModelConfig,
  parameters: Parameters,
  ids: Tensor,
  { source, attend, statesOf, end, pastLength, placed }: Pass,
): Tensor {
  return scope("decoder", () => {
    const tokens = embedTokens(config, parameters, "decoder", ids);
    let x = end(placeTokens(config, parameters, "decoder", { x: tokens, pastLength, placed }));
    for (let index = 0; index < config.decoderLayers; index++) {
      const layer = `decoder.layers.${index}`;
      x = scope(`layers.${index}`, () => {
        let y =
          statesOf !== undefined && isRecurrent(config)
            ? recurrenceBlock(config, parameters, layer, x, {
                statesOf: (inputs) => statesOf(index, inputs),
                end,
              })
            : selfAttentionBlock(config, parameters, layer, x, (heads) => attend(index, heads), end);
        if (source !== undefined && !isMerged(config)) {
          const { bias = source.bias, ...keyValue } = source.cross[index]!;
          const cross = { keyValue, bias, end };
          y = crossAttentionBlock(config, parameters, { name: layer, index }, y, cross);
        }
        return feedForwardBlock(config, parameters, layer, y, end);
      });
    }
    return finishStack(config, parameters, "decoder", x);
  });
}

/**
 * x + end(output(crossAttention(query of norm(x), keys and values of the source))); with post-norm: of x, and the norm of the sum.
 *
 * @param layer name of the layer with the weights, and index of the decoder layer with the score options
 */
function crossAttentionBlock(
  config: ModelConfig,
  parameters: Parameters,
  layer: { readonly name: string; readonly index: number },
  x: Tensor,
  {
    keyValue,
    bias,
    end,
  }: { readonly keyValue: CrossCache; readonly bias: Tensor; readonly end: ResidualBranch },
): Tensor {
  const name = `${layer.name}.crossAttention`;
  const normed = branchInput(config, parameters, name, x);
  return scope("crossAttention", () => {
    const output = attendSource(config, parameters, layer, normed, { keyValue, bias });
    const y = finish(config, parameters, name, output, end);
    return joinBranch(config, parameters, name, { x, y });
  });
}

/** Cross-attention from query to output, without norms and residual sum. */
function attendSource(
  config: ModelConfig,
  parameters: Parameters,
  layer: { readonly name: string; readonly index: number },
  x: Tensor,
  { keyValue, bias }: { readonly keyValue: CrossCache; readonly bias: Tensor },
): Tensor {
  const name = `${layer.name}.crossAttention`;
  const query = projectCross(config, parameters, `${name}.query`, x);
  const { softcap: limit } = layerAttention(config, layer.index);
  const attended = crossAttention({ query, ...keyValue, bias }, { ...headLayout(config), softcap: limit });
  return project(parameters, `${name}.output`, attended);
}
