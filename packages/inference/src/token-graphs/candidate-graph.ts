/** The most probable continuations of every beam, found where the logits lie. */
import { CANDIDATES } from "@slm/exported-model";
import { GraphBuilder, type Graph } from "@slm/onnx";
import { intOutput, largest, LOGITS, rowFacts, ROWS } from "./row-facts.js";

/**
 * The `count` highest logits of each row, highest first (ties: the lowest id), their ids and the row's normalizer.
 *
 * Outputs: {@link CANDIDATES}. Log-probabilities are logits less normalizers.
 */
export function candidateGraph(vocabularySize: number, count: number): Graph {
  const builder = new GraphBuilder("candidates");
  builder.input(LOGITS, "float32", [ROWS, vocabularySize]);
  const { values, ids } = largest(builder, LOGITS, { count, of: vocabularySize });
  const { highest, logSum } = rowFacts(builder);
  intOutput(builder, CANDIDATES.ids, ids, count);
  builder.output(CANDIDATES.logits, values, "float32", [ROWS, count]);
  builder.output(CANDIDATES.normalizers, builder.op("Add", [highest, logSum]), "float32", [ROWS, 1]);
  return builder.build();
}
