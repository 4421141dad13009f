/**
 * Draft heads: what the tokens after the next one may be. Each follows from the state that the token before was picked from, and from that
 * token, so a head knows what the heads before it drafted. All share one block. One run of the decoder then verifies the drafts, so that an
 * answer takes fewer runs and stays the same.
 *
 * ```
 * state ──┐      ┌─► cross-attention (keys and values of the last layer) ─┐
 *         ├─► + ─┼───────────────────────────────────────────────────────► + ─► norm ─► state ─► the model's output head ─► token
 * token ──┘      └─► feed-forward ────────────────────────────────────────┘              │                                    │
 *    ▲                                                                                   └─────────── of the next head ◄──────┘
 * ```
 *
 * Attention and feed-forward read the same rows, and nothing is normed before them: every node of a head is paid for once a draft.
 *
 * Sources: Stern et al. 2018 (arXiv:1811.03115), blockwise parallel decoding; Cai et al. 2024 (arXiv:2401.10774), heads that share the output
 * embedding of a model that stays as it is; Ankner et al. 2024 (arXiv:2402.05109), heads that see the drafts before them; Wang and Komatsuzaki
 * 2021 (GPT-J), attention and feed-forward side by side. The attention over the source is ours: a short answer follows its source.
 */
import { SlmError } from "@slm/core";
import { add, relu, scope, type Tensor } from "@slm/tensor";
import { normalize, project, type Parameters } from "./blocks.js";
import type { EncoderDecoderConfig, ModelConfig } from "./config.js";
import { attendSource, type SourceContext } from "./decoder.js";
import { embedTokens } from "./embedded-tokens.js";
import { DRAFT } from "./parameters.js";

/** Number of tokens after the next one that a model's heads predict; 0 without heads. */
export const draftHeadsOf = (config: ModelConfig): number =>
  config.architecture === "encoder-decoder" ? (config.draftHeads ?? 0) : 0;

/** What the state of a draft is made of. */
interface DraftInputs {
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
  return scope(DRAFT, () => {
    const embedded = embedTokens(config, parameters, "decoder", token);
    const joined = add(
      {
        a: project(parameters, `${DRAFT}.state`, state),
        b: project(parameters, `${DRAFT}.token`, embedded),
      },
      {},
    );
    const layer = { name: DRAFT, index: config.decoderLayers - 1 };
    const read = attendSource(config, parameters, layer, joined, {
      keyValue: source.cross.at(-1)!,
      bias: source.bias,
    });
    const inner = relu({ x: project(parameters, `${DRAFT}.feedForward.up`, joined) }, {});
    const fed = project(parameters, `${DRAFT}.feedForward.down`, inner);
    const sum = add({ a: add({ a: joined, b: read }, {}), b: fed }, {});
    return normalize(config, parameters, `${DRAFT}.norm`, sum);
  });
}
