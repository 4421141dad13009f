/** Makes a dynamic decoder return the top-1 token of every position, so that a host can verify several tokens per run. */
import { GRAPH_IO } from "@slm/exported-model";
import { int } from "@slm/onnx";
import { outputHead } from "@slm/model";
import type { Tensor } from "@slm/tensor";
import { cast } from "../lowerings/emit.js";
import type { PrunedVocabulary } from "./pruned-vocabulary.js";
import type { Recording } from "./record.js";

/**
 * Declares `best_ids` int32 and `best_log_probabilities` float32, both `[batch, target]`.
 *
 * @param hidden the decoder's states `[batch, target, width]`
 * @returns logits `[batch, vocab]` of the last position
 */
export function pickOutputs({ recorder }: Recording, spoken: PrunedVocabulary, hidden: Tensor): Tensor {
  const { builder } = recorder;
  const [batch] = hidden.shape;
  const logits = spoken.logitsOf(
    builder.scope("decoder", () => outputHead(spoken.config, spoken.parameters, hidden)),
  );
  const rows = recorder.nameOf(logits);
  const best = cast(
    recorder,
    builder.op("ArgMax", [rows], { attributes: { axis: int(-1), keepdims: int(0) } }),
    "int32",
  );
  builder.output(GRAPH_IO.bestIds, best, "int32", ["batch", "target"]);
  const all = builder.op("Softmax", [rows], { attributes: { axis: int(-1) } });
  const highest = builder.op("ReduceMax", [all, builder.ints([-1])], { attributes: { keepdims: int(0) } });
  builder.output(GRAPH_IO.bestLogProbabilities, builder.op("Log", [highest]), "float32", ["batch", "target"]);
  const last = builder.op("Gather", [rows, builder.constant("int64", [], [-1])], {
    attributes: { axis: int(1) },
  });
  return recorder.tensor(last, [batch, spoken.logitsSize]);
}
