import {
  concatTokens,
  crossKey,
  crossValue,
  dropout,
  poolTokens,
  scope,
  selfAttention,
  type Tensor,
} from "@slm/tensor";
import {
  feedForwardBlock,
  finishStack,
  headLayout,
  layerAttention,
  layerRelativeBias,
  project,
  projectCross,
  projectMergedKey,
  selfAttentionBlock,
  type Parameters,
} from "./layers/blocks.js";
import type { EncoderDecoderConfig } from "./config/config.js";
import { embedTokens, placeTokens } from "./embedded-tokens.js";
import { isMerged } from "./config/options.js";

/**
 * Which source positions are tokens (image tokens included): a count per row (padding on the right) or a 0/1 mask
 * (padding anywhere).
 */
export type SourcePadding =
  | { readonly lengths: Tensor; readonly mask?: undefined }
  | { readonly mask: Tensor; readonly lengths?: undefined };

/** The encoder's output for a source. */
export interface Encoded<Padding extends SourcePadding = SourcePadding> {
  /** `[batch, positions, width]` */
  readonly states: Tensor;
  /** Which positions contain tokens. Without pooling, this is the input. */
  readonly padding: Padding;
}

/**
 * Encodes the source with bidirectional attention. Under `withDropout` it uses the masks of {@link encoderDropoutShapes}.
 *
 * Shapes: ids int32 `[batch, source]`, lengths int32 `[batch]` or mask float32 `[batch, source]` -> `[batch, positions, width]`, where positions
 * is the number of source tokens divided by {@link pooledGroup}. With an image, `[batch, imageTokens, width]` from `imageEmbeddings` comes
 * before the text, and source counts both.
 * Source: arXiv:2501.16273, section 3 (pre-norm, rotary positions, grouped KV heads).
 */
export function encode<Padding extends SourcePadding>(
  config: EncoderDecoderConfig,
  parameters: Parameters,
  ids: Tensor,
  given: Padding,
  image?: Tensor,
): Encoded<Padding> {
  return scope("encoder", () => {
    let padding = given;
    const text = embedTokens(config, parameters, "encoder", ids);
    const tokens = image === undefined ? text : concatTokens({ a: image, b: text }, {});
    let x = dropout(placeTokens(config, parameters, "encoder", { x: tokens }));
    for (let index = 0; index < config.encoderLayers; index++) {
      const layer = `encoder.layers.${index}`;
      x = scope(`layers.${index}`, () => {
        const relativeBias = layerRelativeBias(config, parameters, "encoderLayers", index);
        const attend = (heads: { query: Tensor; key: Tensor; value: Tensor }): Tensor =>
          selfAttention(
            { ...heads, ...padding, relativeBias },
            {
              ...headLayout(config, "encoderLayers"),
              ...layerAttention(config, "encoderLayers", index),
              causal: false,
            },
          );
        const attended = selfAttentionBlock(config, parameters, layer, x, attend, dropout);
        return feedForwardBlock(config, parameters, layer, attended, dropout);
      });
      if (config.encoderPooling?.afterLayers.includes(index + 1) === true)
        ({ states: x, padding } = pool({ states: x, padding }, config.encoderPooling.group));
    }
    return { states: finishStack(config, parameters, "encoder", x), padding };
  });
}

function pool<Padding extends SourcePadding>(
  { states, padding }: Encoded<Padding>,
  group: number,
): Encoded<Padding> {
  const { tokens, lengths, mask } = scope("pool", () => poolTokens({ x: states, ...padding }, { group }));
  // The op returns its argument: lengths or a mask.
  return { states: tokens, padding: { ...padding, ...(lengths && { lengths }), ...(mask && { mask }) } };
}

/** Keys and values of a decoder layer's cross-attention, or of the source in its merged attention. */
export interface CrossCache {
  /** `[batch, kvHeads, headDim, source]` */
  readonly key: Tensor;
  /** `[batch, kvHeads, source, headDim]` */
  readonly value: Tensor;
  /** `[batch, 1, 1, source]`, added to this layer's scores. Default: the mask of all layers. */
  readonly bias?: Tensor | undefined;
}

/** Cross-attention keys and values, computed once per source: one entry per decoder layer. */
export function crossCaches(
  config: EncoderDecoderConfig,
  parameters: Parameters,
  encoded: Tensor,
): CrossCache[] {
  return Array.from({ length: config.decoderLayers }, (_, index) =>
    scope(`cross.${index}`, () => {
      const merged = isMerged(config);
      const name = `decoder.layers.${index}.${merged ? "attention" : "crossAttention"}`;
      const projectKey = merged ? projectMergedKey : projectCross;
      return {
        key: crossKey({ x: projectKey(config, parameters, `${name}.key`, encoded) }, headLayout(config)),
        value: crossValue({ x: project(parameters, `${name}.value`, encoded) }, headLayout(config)),
      };
    }),
  );
}
