/** Presents greedy runs as steps of one token each. */
import { GRAPH_IO } from "@slm/exported-model";
import type { GreedyRun, TopTokens } from "@slm/generation";
import type { RunLog } from "./run-log.js";
import { topTokens } from "./top-tokens.js";

/** What a greedy run feeds and fetches, as `greedyRuns` names it. */
export const GREEDY_NAMES = {
  ids: GRAPH_IO.targetIds,
  position: GRAPH_IO.pastLength,
  picks: GRAPH_IO.bestIds,
  fetch: [GRAPH_IO.bestLogProbabilities],
} as const;

/** Steps of several rows. Every run adds one token to each row. */
export async function* singleSteps(
  runs: AsyncIterable<GreedyRun>,
  rows: number,
  log: RunLog,
): AsyncGenerator<TopTokens, undefined> {
  for await (const { fetched, at } of runs) {
    log.add(at);
    yield topTokens(fetched, rows);
  }
}

/**
 * Steps of one row, with runs that verify drafts. A run returns one token, and one more for each accepted draft.
 *
 * @param given ids that the first run is fed before any draft. The run returns a pick after each; the last of these picks is the first token.
 */
export async function* draftedSteps(
  runs: AsyncIterable<GreedyRun>,
  given: number,
  log: RunLog,
): AsyncGenerator<TopTokens, undefined> {
  let first = given - 1;
  for await (const { fetched, accepted, at } of runs) {
    log.add(at, accepted);
    const { ids, logProbabilities } = topTokens(fetched, fetched[GRAPH_IO.bestIds]?.data.length ?? 0);
    for (let token = first; token < first + accepted; token++)
      yield {
        ids: ids.subarray(token, token + 1),
        logProbabilities: logProbabilities.subarray(token, token + 1),
      };
    first = 0;
  }
}
