/**
 * What a decoder with draft heads returns besides logits, so that a host feeds back and verifies drafts without reading logits:
 *
 * ```
 * hidden [batch, target, width] ─► output head ─► argmax ─► best_ids [batch, target]
 *
 * target_ids[1..]   ─┐
 *                    ├─► Equal, Not ─► first wrong place (ArgMax): the last position that holds
 * best_ids[..-1]    ─┘
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
import { cast, reshape } from "../lowerings/emit.js";
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

  const rows = recorder.tensor(reshape(recorder, recorder.nameOf(hidden), [-1, width]), [
    batch * target,
    width,
  ]);
  const logits = spoken.logitsOf(headLogits(rows));
  const sizes = builder.op("Shape", [GRAPH_IO.targetIds]);
  const perPosition = (value: string): string => builder.op("Reshape", [value, sizes]);
  const best = perPosition(recorder.nameOf(topTokens(recording, logits, [batch * target])));
  builder.output(GRAPH_IO.bestIds, best, "int32", ["batch", "target"]);
  builder.output(GRAPH_IO.bestLogProbabilities, perPosition(bestLogProbabilities()), "float32", [
    "batch",
    "target",
  ]);

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
  const flat = reshape(recorder, recorder.nameOf(drafted), [-1, width]);
  const draftLogits = spoken.logitsOf(headLogits(recorder.tensor(flat, [batch * heads, width])));
  const ids = recorder.nameOf(topTokens(recording, draftLogits, [batch * heads]));
  builder.output(GRAPH_IO.draftIds, reshape(recorder, ids, [-1, heads]), "int32", ["batch", heads]);

  const all = builder.op("Concat", [sizes, builder.ints([spoken.logitsSize])], {
    attributes: { axis: int(0) },
  });
  const apart = builder.op("Reshape", [recorder.nameOf(logits), all]);
  const last = builder.op("Gather", [apart, builder.constant("int64", [], [-1])], {
    attributes: { axis: int(1) },
  });
  return recorder.tensor(last, [batch, spoken.logitsSize]);

  function headLogits(x: Tensor): Tensor {
    return builder.scope("decoder", () => outputHead(spoken.config, spoken.parameters, x));
  }

  function bestLogProbabilities(): string {
    const x = recorder.nameOf(logits);
    const over = { attributes: { keepdims: int(0) } };
    const highest = builder.op("ReduceMax", [x, builder.ints([-1])], over);
    return builder.op("Sub", [highest, builder.op("ReduceLogSumExp", [x, builder.ints([-1])], over)]);
  }

  /** int64 `[batch, 1]` */
  function lastThatHolds(picked: string): string {
    const slice = (value: string, from: number, to: number): string =>
      builder.op("Slice", [value, builder.ints([from]), builder.ints([to]), builder.ints([1])]);
    const same = builder.op("Equal", [slice(GRAPH_IO.targetIds, 1, TO_THE_END), slice(picked, 0, -1)]);
    const wrong = cast(recorder, builder.op("Not", [same]), "int32");
    // What follows the last id counts as wrong, so that there is a first wrong place.
    const ended = builder.op("Pad", [wrong, builder.ints([0, 0, 0, 1]), builder.constant("int32", [], [1])]);
    return builder.op("ArgMax", [ended], { attributes: { axis: int(1), keepdims: int(1) } });
  }
}

/** The end of an axis, as far as any sequence goes. */
const TO_THE_END = 2 ** 31 - 1;

function encoderDecoder(config: ModelConfig): EncoderDecoderConfig {
  if (config.architecture === "encoder-decoder") return config;
  throw new SlmError("UNEXPECTED", "export: draft heads are of encoder-decoders");
}
