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
 * hidden and best id of that position ─► draft heads ─► output head ─► argmax ─► draft_ids [batch, heads]
 * ```
 *
 * With one id per row that position is the only one. Ids that were not drafted, such as a prefix, are no drafts: the host feeds them alone.
 */
import { GRAPH_IO } from "@slm/exported-model";
import { SlmError } from "@slm/core";
import { int } from "@slm/onnx";
import {
  draftHeadsOf,
  draftStates,
  outputHead,
  type EncoderDecoderConfig,
  type ModelConfig,
  type SourceContext,
} from "@slm/model";
import type { Tensor } from "@slm/tensor";
import { cast } from "../lowerings/emit.js";
import type { PrunedVocabulary } from "./pruned-vocabulary.js";
import type { Recording } from "./record.js";

interface DraftInputs {
  /** `[batch, n, width]` */
  readonly hidden: Tensor;
  /** The token after each of them, int32 `[batch, n]`. */
  readonly next: Tensor;
  readonly source: SourceContext;
}

/** States of the drafts: see `draftStates` of the model. */
export function drafts(
  { recorder, parameters }: Pick<Recording, "recorder" | "parameters">,
  config: ModelConfig,
  inputs: DraftInputs,
): Tensor {
  return recorder.builder.scope("decoder", () => draftStates(encoderDecoder(config), parameters, inputs));
}

/** The top-1 token of each row of logits, int32, with a shape that a tensor carries while recording. */
export function topTokens(
  { recorder }: Pick<Recording, "recorder">,
  logits: Tensor,
  shape: number[],
): Tensor {
  const { builder } = recorder;
  const best = builder.op("ArgMax", [recorder.nameOf(logits)], {
    attributes: { axis: int(-1), keepdims: int(0) },
  });
  return recorder.tensor(cast(recorder, best, "int32"), shape, "int32");
}

/** Declares the outputs above for a decoder of dynamic sizes. @returns logits `[batch, vocab]` of the last position */
export function draftOutputs(
  recording: Recording,
  spoken: PrunedVocabulary,
  { hidden, source }: Pick<DraftInputs, "hidden" | "source">,
): Tensor {
  const { recorder } = recording;
  const { builder } = recorder;
  const { width } = spoken.config;
  const [batch, target] = hidden.shape as [number, number, number];
  const heads = draftHeadsOf(spoken.config);
  const parts = { recorder, parameters: spoken.parameters };

  const logits = spoken.logitsOf(headLogits(hidden));
  const best = recorder.nameOf(topTokens(recording, logits, [batch, target]));
  builder.output(GRAPH_IO.bestIds, best, "int32", ["batch", "target"]);
  builder.output(GRAPH_IO.bestLogProbabilities, bestLogProbabilities(), "float32", ["batch", "target"]);

  const kept = lastThatHolds(best);
  const state = builder.op("GatherND", [recorder.nameOf(hidden), kept], {
    attributes: { batch_dims: int(1) },
  });
  const next = builder.op("GatherElements", [best, kept], { attributes: { axis: int(1) } });
  const drafted = drafts(parts, spoken.config, {
    hidden: recorder.tensor(builder.op("Unsqueeze", [state, builder.ints([1])]), [batch, 1, width]),
    next: spoken.rowsOf(recorder.tensor(next, [batch, 1], "int32")),
    source,
  });
  const draftLogits = spoken.logitsOf(headLogits(drafted));
  const ids = recorder.nameOf(topTokens(recording, draftLogits, [batch, heads]));
  builder.output(GRAPH_IO.draftIds, ids, "int32", ["batch", heads]);

  const last = builder.op("Gather", [recorder.nameOf(logits), builder.constant("int64", [], [-1])], {
    attributes: { axis: int(1) },
  });
  return recorder.tensor(last, [batch, spoken.logitsSize]);

  function headLogits(x: Tensor): Tensor {
    return builder.scope("decoder", () => outputHead(spoken.config, spoken.parameters, x));
  }

  function bestLogProbabilities(): string {
    const all = builder.op("Softmax", [recorder.nameOf(logits)], { attributes: { axis: int(-1) } });
    const highest = builder.op("ReduceMax", [all, builder.ints([-1])], { attributes: { keepdims: int(0) } });
    return builder.op("Log", [highest]);
  }

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

/** The end of an axis, as far as any sequence goes. */
const TO_THE_END = 2 ** 31 - 1;

function encoderDecoder(config: ModelConfig): EncoderDecoderConfig {
  if (config.architecture === "encoder-decoder") return config;
  throw new SlmError("UNEXPECTED", "export: draft heads are of encoder-decoders");
}
