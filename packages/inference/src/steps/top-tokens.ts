/** The argmax outputs of a decoder, per row. */
import { GRAPH_IO } from "@slm/exported-model";
import type { TopTokens } from "@slm/generation";
import { SlmError } from "@slm/core";
import type { RunResult } from "@slm/runtime";

/** @throws SlmError SHAPE_MISMATCH unless the graph returned the top-1 token of each of `count` rows. */
export function topTokens(fetched: RunResult["fetched"], count: number): TopTokens {
  const [ids, logProbabilities] = [
    fetched[GRAPH_IO.bestIds]?.data,
    fetched[GRAPH_IO.bestLogProbabilities]?.data,
  ];
  if (
    !(ids instanceof Int32Array && logProbabilities instanceof Float32Array) ||
    ids.length !== count ||
    logProbabilities.length !== count
  ) {
    throw new SlmError(
      "SHAPE_MISMATCH",
      `generate: '${GRAPH_IO.bestIds}' must be int32 [${count}] and '${GRAPH_IO.bestLogProbabilities}' float32 [${count}]`,
    );
  }
  return { ids, logProbabilities };
}
