/** Finds the most probable continuations of every beam where the logits are. */
import { CANDIDATES } from "@slm/exported-model";
import { GraphBuilder, int, type Graph } from "@slm/onnx";
import { intOutput, largest, LOGITS, places, rowFacts, ROWS } from "./row-facts.js";

/**
 * The `count` highest logits of each row, highest first (equal ones in any order), their ids and the row's normalizer.
 *
 * Outputs: {@link CANDIDATES}. Log-probabilities are logits minus normalizers.
 */
export function candidateGraph(vocabularySize: number, count: number): Graph {
  const builder = new GraphBuilder("candidates");
  builder.input(LOGITS, "float32", [ROWS, vocabularySize]);
  const { values, found } = largest(builder, LOGITS, count);
  // WebGPU cannot cast to int64, but it gathers with it.
  const ids = builder.op("Gather", [places(builder, vocabularySize), found], {
    attributes: { axis: int(0) },
  });
  const { highest, logSum } = rowFacts(builder);
  intOutput(builder, CANDIDATES.ids, ids, count);
  builder.output(CANDIDATES.logits, values, "float32", [ROWS, count]);
  builder.output(CANDIDATES.normalizers, builder.op("Add", [highest, logSum]), "float32", [ROWS, 1]);
  return builder.build();
}
