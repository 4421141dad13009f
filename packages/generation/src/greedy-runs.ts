/** Repeats a decoder with its own picks, where its session is. */
import type { RepeatedRun, RepeatRequest, RunLoop, Session } from "@slm/runtime";
import { loop, type GreedyLoopOptions } from "./greedy-loop.js";

/** The compiled loop: a worker cannot read TypeScript on every supported Node. `../dist/` is correct from `src/` and from `dist/`. */
const GREEDY_LOOP: RunLoop = {
  module: () => new URL("../dist/greedy-loop.js", import.meta.url).href,
  body: loop,
};

export interface GreedyRunsRequest
  extends Pick<RepeatRequest, "feeds" | "into" | "append" | "signal">, GreedyLoopOptions {
  /** Name of the output of the next ids, int32 `[rows]`; with drafts one for each id of a run. */
  readonly picks: string;
  /** Further outputs that are copied to the host after every run. */
  readonly fetch?: readonly string[] | undefined;
}

/** The result of one of several runs. */
export interface GreedyRun extends Pick<RepeatedRun, "fetched" | "at"> {
  /** How many of the picks hold; 1 for each row without drafts. */
  readonly accepted: number;
}

/**
 * Runs a decoder, each run fed with the picks (argmax ids) of the one before, until every row has ended, `runs` is reached, the signal fires
 * or the reader leaves.
 *
 * @throws SlmError (while it is read) as a run does; SHAPE_MISMATCH for ids, a position or picks of another type
 */
export async function* greedyRuns(
  session: Pick<Session, "repeat">,
  { feeds, into, append, signal, picks, fetch = [], ...options }: GreedyRunsRequest,
): AsyncGenerator<GreedyRun, undefined> {
  const { ids, position, end, pad, runs, drafts } = options;
  const request: RepeatRequest = {
    ...{ feeds, into, append, signal },
    fetch: [picks, ...fetch],
    loop: GREEDY_LOOP,
    options: { ids, position, end, pad, runs, drafts } satisfies GreedyLoopOptions,
  };
  for await (const { fetched, said, at } of session.repeat(request))
    yield { fetched, accepted: said as number, at }; // What the loop yields.
}

/** The same request, whose rows no pick ends. For runtimes that measure as many steps of every model. */
export const endlessRequest = (request: RepeatRequest): RepeatRequest =>
  request.loop === GREEDY_LOOP
    ? { ...request, options: { ...(request.options as GreedyLoopOptions), end: undefined } }
    : request;
