/**
 * A decoder-only model with the input and output names of transformers.js and Optimum: one graph, `model`.
 *
 * ```
 * input_ids int64 [batch, target], attention_mask int64 [batch, past + target], num_logits_to_keep int64 [],
 * past_key_values.l.{key,value} [batch, kvHeads, past, headDim]
 *    -> logits float32 [batch, kept, vocab], present.l.{key,value} [batch, kvHeads, past + target, headDim]
 * ```
 *
 * `num_logits_to_keep` is the number of last positions that get logits; 0 means all. There is no `position_ids`: rotations depend only on
 * distances, which padding on the left does not change.
 */
import type { Graph } from "@slm/onnx";
import { cacheCapacity, decodeStep, outputHead, type DecoderOnlyConfig } from "@slm/model";
import type { Tensor } from "@slm/tensor";
import { sizeOf } from "../lowerings/emit.js";
import { recordGraph, type GraphSource, type Recording } from "./record.js";
import { MIN_POSITIONS, TRANSFORMERS_IO } from "./transformers-graphs.js";

/** Names of inputs and outputs. Source: optimum-onnx, exporters/onnx/model_configs.py (TextDecoderOnnxConfig). */
export const TRANSFORMERS_DECODER_IO = {
  ids: TRANSFORMERS_IO.ids,
  mask: "attention_mask",
  kept: "num_logits_to_keep",
  past: (layer: number, part: "key" | "value") => `past_key_values.${layer}.${part}`,
  present: (layer: number, part: "key" | "value") => `present.${layer}.${part}`,
  logits: TRANSFORMERS_IO.logits,
} as const;

const IO = TRANSFORMERS_DECODER_IO;

/** Records the whole model, for the first and all later runs. */
export function transformersDecoderOnlyGraph(source: GraphSource<DecoderOnlyConfig>): Graph {
  const { config } = source;
  const { kvHeads, headDim, decoderLayers, vocabularySize } = config;
  const positions = Math.max(cacheCapacity(config), MIN_POSITIONS);
  const spec = { name: "model", positions, biases: { keyMask: IO.mask } };
  return recordGraph(source, spec, (recording) => {
    const { recorder, input, output, parameters } = recording;
    const ids = input(IO.ids, "int64", [1, 1], ["batch_size", "sequence_length"]);
    input(IO.mask, "int64", [1, 1], ["batch_size", "total_sequence_length"]);
    const kept = input(IO.kept, "int64", [], []);
    const cacheShape = (length: string): (string | number)[] => ["batch_size", kvHeads, length, headDim];
    const past = (layer: number, part: "key" | "value"): Tensor =>
      input(IO.past(layer, part), "precision", [1, kvHeads, 1, headDim], cacheShape("past_sequence_length"));
    const caches = Array.from({ length: decoderLayers }, (_, layer) => ({
      key: past(layer, "key"),
      value: past(layer, "value"),
    }));
    const pastLength = recorder.tensor(sizeOf(recorder, recorder.nameOf(caches[0]!.key), 2), [1], "int32");
    const step = decodeStep(config, parameters, ids, { caches, capacity: positions, pastLength });
    const logits = recorder.builder.scope("decoder", () =>
      outputHead(config, parameters, lastPositions(recording, step.hidden, kept)),
    );
    output(IO.logits, logits, "float32", ["batch_size", "num_logits", vocabularySize]);
    step.caches.forEach((made, layer) => {
      for (const part of ["key", "value"] as const)
        output(IO.present(layer, part), made[part]!, "precision", cacheShape("total_sequence_length"));
    });
  });
}

/** The last `kept` positions of `[batch, target, width]`: a slice from -kept, which is everything for 0. */
function lastPositions({ recorder }: Recording, hidden: Tensor, kept: Tensor): Tensor {
  const { builder } = recorder;
  const start = builder.op("Neg", [builder.op("Reshape", [recorder.nameOf(kept), builder.ints([1])])]);
  const end = builder.ints([Number.MAX_SAFE_INTEGER]);
  const last = builder.op("Slice", [recorder.nameOf(hidden), start, end, builder.ints([1])]);
  return recorder.tensor(last, hidden.shape);
}
