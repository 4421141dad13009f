/** Sources as program inputs, and their encoding for the decoder. */
import { lengthBias, type Tensor, type TensorSpec } from "@slm/tensor";
import type { Parameters } from "./layers/blocks.js";
import type { EncoderDecoderConfig, ModelConfig } from "./config/config.js";
import type { SourceContext } from "./decoder.js";
import { crossCaches, encode } from "./encoder.js";
import { visionOf } from "./parameters/parameters.js";
import { imageTokenCount, patchValues, towerTokens } from "./config/vision-config.js";
import { imageEmbeddings } from "./vision/tower.js";

/** Number of image tokens before every source; 0 for text-only models. */
export function imageTokensOf(config: ModelConfig): number {
  const vision = visionOf(config);
  return vision === undefined ? 0 : imageTokenCount(vision);
}

/** Texts, and the length of each source: image tokens plus text tokens. */
interface SourceTensors {
  /** int32 `[batch, text]` */
  readonly ids: Tensor;
  /** int32 `[batch]` */
  readonly lengths: Tensor;
  /** float32 `[batch, towerTokens, patchValues]`; only for a vision-language model. */
  readonly patches?: Tensor | undefined;
}

/** The spec of {@link SourceTensors.patches}; undefined for text-only models. */
export function patchesSpec(
  { vision }: Pick<EncoderDecoderConfig, "vision">,
  batch: number,
): TensorSpec | undefined {
  if (vision === undefined) return undefined;
  return { dtype: "float32", shape: [batch, towerTokens(vision.tower), patchValues(vision.tower)] };
}

/**
 * Encodes sources: the encoder's output `[batch, positions, width]`, and the source context of the decoder. Under `withDropout` it uses the
 * masks of `encoderDropoutShapes`.
 */
export function readSource(
  config: EncoderDecoderConfig,
  parameters: Parameters,
  { ids, lengths, patches }: SourceTensors,
): { readonly encoded: Tensor; readonly context: SourceContext } {
  const { vision } = config;
  const image =
    vision === undefined || patches === undefined ? undefined : imageEmbeddings(vision, parameters, patches);
  const { states, padding } = encode(config, parameters, ids, { lengths }, image);
  const context = {
    cross: crossCaches(config, parameters, states),
    // It reads only the shape of the ids.
    bias: lengthBias({ lengths: padding.lengths, ids: states }, {}),
  };
  return { encoded: states, context };
}
