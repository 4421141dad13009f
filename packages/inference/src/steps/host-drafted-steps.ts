/** Greedy steps that verify drafts, for decoders whose runs return logits to the host, one row at a time. */
import { GRAPH_IO } from "@slm/exported-model";
import { greedyRuns, type CopySource, type GreedyStepsOptions, type TopTokens } from "@slm/generation";
import { createHostTensor, repeatRuns, type HostTensor, type RunRequest, type RunResult } from "@slm/runtime";
import { draftedSteps, GREEDY_NAMES } from "./drafted-steps.js";
import type { RunLog } from "./run-log.js";

export interface HostDecoder {
  /** Ids that the first run reads before any draft. */
  readonly ids: Int32Array;
  /** Number of tokens that the decoder has read before `ids`. */
  readonly past: number;
  /** Most tokens that the decoder can hold. */
  readonly capacity: number;
  readonly drafts: CopySource;
  readonly log: RunLog;
  /** Reads tokens at a position, and returns the most probable token after each. */
  readonly read: (ids: Int32Array, past: number) => Promise<TopTokens>;
}

/** The steps of one row. @throws SlmError as `read` */
export function hostDraftedSteps(
  { ids, past, capacity, drafts, log, read }: HostDecoder,
  { eos, pad, steps, signal }: GreedyStepsOptions,
): AsyncGenerator<TopTokens, undefined> {
  const session = { run: (request: RunRequest) => runOf(request, read) };
  const runs = greedyRuns(
    { repeat: (request) => repeatRuns(session, request) },
    {
      feeds: {
        [GRAPH_IO.targetIds]: createHostTensor("int32", [1, ids.length], ids),
        [GRAPH_IO.pastLength]: createHostTensor("int32", [1], Int32Array.of(past)),
      },
      ...GREEDY_NAMES,
      end: eos,
      pad,
      runs: steps,
      drafts: { from: drafts, tokens: steps, capacity },
      signal,
    },
  );
  return draftedSteps(runs, ids.length, log);
}

/** A run over several tokens, in the form that a decoder with dynamic shapes has. */
async function runOf({ feeds }: RunRequest, read: HostDecoder["read"]): Promise<RunResult> {
  const numbers = (name: string): Int32Array => (feeds[name] as HostTensor).data as Int32Array; // The loop's inputs are host tensors.
  const best = await read(numbers(GRAPH_IO.targetIds), numbers(GRAPH_IO.pastLength)[0]!);
  const shape = [best.ids.length];
  return {
    fetched: {
      [GRAPH_IO.bestIds]: createHostTensor("int32", shape, best.ids),
      [GRAPH_IO.bestLogProbabilities]: createHostTensor("float32", shape, best.logProbabilities),
    },
    kept: {},
  };
}
