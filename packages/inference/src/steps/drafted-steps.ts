/** Greedy runs as steps of one token each. */
import { GRAPH_IO } from "@slm/exported-model";
import type { GreedyRun, TopTokens } from "@slm/generation";
import type { RunLog } from "./run-log.js";
import { topTokens } from "./top-tokens.js";

/** Steps of several rows; every run gives one token of each. */
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
 * Steps of one row whose runs verify drafts: a run gives a token, and one more for each draft that held.
 *
 * @param given ids that the first run is fed before any draft. It has a pick after each of them, of which the last is the first token.
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
