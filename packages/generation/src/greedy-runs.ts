/** Repeats a decoder with its own picks, in the thread or process of its session. */
import type { RepeatedRun, RepeatRequest, RunLoop, Session } from "@slm/runtime";
import { loop, type GreedyLoopOptions } from "./greedy-loop.js";

/** The compiled loop: a worker cannot read TypeScript on every supported Node. `../dist/` is correct from `src/` and from `dist/`. */
const GREEDY_LOOP: RunLoop = {
  module: () => new URL("../dist/greedy-loop.js", import.meta.url).href,
  body: loop,
};

export interface GreedyRunsRequest
  extends Pick<RepeatRequest, "feeds" | "into" | "append" | "signal">, GreedyLoopOptions {
  /** Name of the output of the next ids, int32 `[rows]`. */
  readonly picks: string;
  /** Other outputs that are copied to the host after every run. */
  readonly fetch?: readonly string[] | undefined;
}

/**
 * Runs a decoder and feeds each run the picks (argmax ids) of the run before. It stops when every row has ended, `runs` is reached, the signal fires,
 * or the caller stops iterating.
 *
 * @throws SlmError (while iterating) the errors of a run; SHAPE_MISMATCH for ids, a position or picks of the wrong type
 */
export function greedyRuns(
  session: Pick<Session, "repeat">,
  { feeds, into, append, signal, picks, fetch = [], ...options }: GreedyRunsRequest,
): AsyncIterable<RepeatedRun> {
  const { ids, position, end, pad, runs } = options;
  const request: RepeatRequest = {
    feeds,
    into,
    append,
    signal,
    fetch: [picks, ...fetch],
    loop: GREEDY_LOOP,
    options: { ids, position, end, pad, runs } satisfies GreedyLoopOptions,
  };
  return session.repeat(request);
}

/** The same request without an end token. For runtimes that must measure the same number of steps for every model. */
export const endlessRequest = (request: RepeatRequest): RepeatRequest =>
  request.loop === GREEDY_LOOP
    ? { ...request, options: { ...(request.options as GreedyLoopOptions), end: undefined } }
    : request;
