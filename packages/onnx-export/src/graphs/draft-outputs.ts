/**
 * What a decoder with draft heads returns besides logits, so that a host feeds back and verifies drafts without reading logits:
 *
 * ```
 * hidden [batch, target, width] ─► output head ─► argmax ─► best_ids [batch, target]
 *
 * target_ids[1..], -1 ─┐
 *                      ├─► Equal ─► first that differs (ArgMin): the last position that holds
 * best_ids            ─┘
 *
 * hidden and best id of that position ─► draft block ─► output head ─► argmax ─► draft_ids [batch, heads]
 *                                 ▲                                   │
 *                                 └──── state and id of each head ────┘
 * ```
 *
 * With one id per row that position is the only one. Ids that were not drafted, such as a prefix, are no drafts: the host feeds them alone.
 */
import { GRAPH_IO } from "@slm/exported-model";
import { SlmError } from "@slm/core";
import { int } from "@slm/onnx";
import {
  draftHeadsOf,
  draftState,
  outputHead,
  type EncoderDecoderConfig,
  type ModelConfig,
  type SourceContext,
} from "@slm/model";
import type { Tensor } from "@slm/tensor";
import { cast, concat, TO_THE_END } from "../lowerings/emit.js";
import type { PrunedVocabulary } from "./pruned-vocabulary.js";
import type { Recording } from "./record.js";

/** Drafts one after another, each from the state and the pick of the one before. */
export interface Drafts {
  /** The logits of each head, of the rows of the tables. */
  readonly logits: readonly Tensor[];
  /** The token that each head picks, int32 `[batch, n]`. */
  readonly ids: readonly Tensor[];
}

/**
 * Drafts of a decoder in a graph.
 *
 * @param start the decoder's states `[batch, n, width]`, and the tokens picked from them, int32 `[batch, n]`
 * @param logitsOf a state's logits, whose last axis has the tokens
 */
export function draftChain(
  recording: Pick<Recording, "recorder">,
  spoken: Pick<PrunedVocabulary, "config" | "parameters" | "rowsOf">,
  start: { readonly state: Tensor; readonly picked: Tensor; readonly source: SourceContext },
  logitsOf: (state: Tensor) => Tensor,
): Drafts {
  const config = encoderDecoder(spoken.config);
  const { source } = start;
  const [logits, ids]: [Tensor[], Tensor[]] = [[], []];
  let { state, picked } = start;
  for (let head = 0; head < draftHeadsOf(config); head++) {
    const token = spoken.rowsOf(picked);
    state = recording.recorder.builder.scope("decoder", () =>
      draftState(config, spoken.parameters, { state, token, source }),
    );
    const made = logitsOf(state);
    picked = topTokens(recording, made, [...picked.shape]);
    logits.push(made);
    ids.push(picked);
  }
  return { logits, ids };
}

/** The top-1 token of each row of logits, int32, with a shape that a tensor carries while recording. */
export function topTokens(
  { recorder }: Pick<Recording, "recorder">,
  logits: Tensor,
  shape: number[],
): Tensor {
  const best = recorder.builder.op("ArgMax", [recorder.nameOf(logits)], {
    attributes: { axis: int(-1), keepdims: int(0) },
  });
  return recorder.tensor(cast(recorder, best, "int32"), shape, "int32");
}

/** Declares `best_ids` and their log-probabilities for a decoder of dynamic sizes without heads. @returns logits `[batch, vocab]` of the last position */
export function pickOutputs(recording: Recording, spoken: PrunedVocabulary, hidden: Tensor): Tensor {
  return lastOf(recording, spoken, picksOf(recording, spoken, hidden).logits);
}

/** Declares what is picked at every position. @returns the logits and the name of the picks */
function picksOf(
  recording: Recording,
  spoken: PrunedVocabulary,
  hidden: Tensor,
): { readonly logits: Tensor; readonly best: string } {
  const { recorder } = recording;
  const { builder } = recorder;
  const [batch, target] = hidden.shape as [number, number, number];
  const logits = spoken.logitsOf(headLogits(recording, spoken, hidden));
  const best = recorder.nameOf(topTokens(recording, logits, [batch, target]));
  builder.output(GRAPH_IO.bestIds, best, "int32", ["batch", "target"]);
  const all = builder.op("Softmax", [recorder.nameOf(logits)], { attributes: { axis: int(-1) } });
  const highest = builder.op("ReduceMax", [all, builder.ints([-1])], { attributes: { keepdims: int(0) } });
  builder.output(GRAPH_IO.bestLogProbabilities, builder.op("Log", [highest]), "float32", ["batch", "target"]);
  return { logits, best };
}

const headLogits = ({ recorder }: Recording, spoken: PrunedVocabulary, x: Tensor): Tensor =>
  recorder.builder.scope("decoder", () => outputHead(spoken.config, spoken.parameters, x));

/** Logits `[batch, vocab]` of the last position. */
function lastOf({ recorder }: Recording, spoken: PrunedVocabulary, logits: Tensor): Tensor {
  const { builder } = recorder;
  const last = builder.op("Gather", [recorder.nameOf(logits), builder.constant("int64", [], [-1])], {
    attributes: { axis: int(1) },
  });
  return recorder.tensor(last, [logits.shape[0], spoken.logitsSize]);
}

/** Declares the outputs above for a decoder of dynamic sizes. @returns logits `[batch, vocab]` of the last position */
export function draftOutputs(
  recording: Recording,
  spoken: PrunedVocabulary,
  { hidden, source }: { readonly hidden: Tensor; readonly source: SourceContext },
): Tensor {
  const { recorder } = recording;
  const { builder } = recorder;
  const { width } = spoken.config;
  const batch = hidden.shape[0];

  const { logits, best } = picksOf(recording, spoken, hidden);
  const kept = lastThatHolds(best);
  const state = builder.op("GatherND", [recorder.nameOf(hidden), kept], {
    attributes: { batch_dims: int(1) },
  });
  const next = builder.op("GatherElements", [best, kept], { attributes: { axis: int(1) } });
  const start = {
    state: recorder.tensor(builder.op("Unsqueeze", [state, builder.ints([1])]), [batch, 1, width]),
    picked: recorder.tensor(next, [batch, 1], "int32"),
    source,
  };
  const { ids } = draftChain(recording, spoken, start, (drafted) =>
    spoken.logitsOf(headLogits(recording, spoken, drafted)),
  );
  const drafted = concat(
    recorder,
    ids.map((tensor) => recorder.nameOf(tensor)),
    1,
  );
  builder.output(GRAPH_IO.draftIds, drafted, "int32", ["batch", ids.length]);

  return lastOf(recording, spoken, logits);

  /** int64 `[batch, 1]` */
  function lastThatHolds(picked: string): string {
    const range = [builder.ints([1]), builder.ints([TO_THE_END]), builder.ints([1])];
    const fed = builder.op("Slice", [GRAPH_IO.targetIds, ...range]);
    // Nothing follows the last id, so there is a first pick that was not fed.
    const followed = builder.op("Pad", [
      fed,
      builder.ints([0, 0, 0, 1]),
      builder.constant("int32", [], [NO_ID]),
    ]);
    const isFed = cast(recorder, builder.op("Equal", [followed, picked]), "int32");
    return builder.op("ArgMin", [isFed], { attributes: { axis: int(1), keepdims: int(1) } });
  }
}

/** No token has this id. */
const NO_ID = -1;

function encoderDecoder(config: ModelConfig): EncoderDecoderConfig {
  if (config.architecture === "encoder-decoder") return config;
  throw new SlmError("UNEXPECTED", "export: draft heads are of encoder-decoders");
}
