/**
 * Draft heads: what the tokens after the next one may be, all at once, from the state that the next one was chosen from. One run of the
 * decoder then verifies them, so that an answer takes fewer runs and stays the same.
 *
 * ```
 * state ──────────┐
 *                 ├─► + ─► head 1 .. head k ─► cross-attention ─► feed-forward ─► norm ─► the model's output head
 * next token ─────┘        (a product each)    (keys and values of the last layer)
 * ```
 *
 * Source: Stern et al. 2018 (arXiv:1811.03115), blockwise parallel decoding; Cai et al. 2024 (arXiv:2401.10774), heads that share the output
 * embedding of a model that stays as it is. The attention over the source is ours: a short answer follows its source, and the state of one
 * position has read little of what comes later.
 */
import { SlmError } from "@slm/core";
import { add, scope, type Tensor } from "@slm/tensor";
import { feedForwardBlock, normalize, project, type Parameters } from "./blocks.js";
import type { EncoderDecoderConfig, ModelConfig } from "./config.js";
import { crossAttentionBlock, type SourceContext } from "./decoder.js";
import { embedTokens } from "./embedded-tokens.js";
import { DRAFT } from "./draft-names.js";

/** Number of tokens after the next one that a model's heads predict; 0 without heads. */
export const draftHeadsOf = (config: ModelConfig): number =>
  config.architecture === "encoder-decoder" ? (config.draftHeads ?? 0) : 0;

/** What the state of a draft is made of. */
export interface DraftInputs {
  /** The state that the last token was picked from, `[batch, n, width]`: the decoder's own, or that of the draft before. */
  readonly state: Tensor;
  /** That token, int32 `[batch, n]`. */
  readonly token: Tensor;
  readonly source: SourceContext;
}

/**
 * The state before the output head of the token after the given one, `[batch, n, width]`.
 *
 * @throws SlmError UNEXPECTED for a model without heads
 */
export function draftState(
  config: EncoderDecoderConfig,
  parameters: Parameters,
  { state, token, source }: DraftInputs,
): Tensor {
  if (draftHeadsOf(config) === 0) throw new SlmError("UNEXPECTED", "model: it has no draft heads");
  const end = (branch: Tensor): Tensor => branch;
  return scope(DRAFT, () => {
    const embedded = embedTokens(config, parameters, "decoder", token);
    const joined = add(
      {
        a: project(parameters, `${DRAFT}.state`, state),
        b: project(parameters, `${DRAFT}.token`, embedded),
      },
      {},
    );
    const cross = { keyValue: source.cross.at(-1)!, bias: source.bias, end };
    const last = { name: DRAFT, index: config.decoderLayers - 1 };
    const read = crossAttentionBlock(config, parameters, last, joined, cross);
    return normalize(
      config,
      parameters,
      `${DRAFT}.norm`,
      feedForwardBlock(config, parameters, DRAFT, read, end),
    );
  });
}
