/**
 * The greedy loop: feeds a decoder its own picks. A runtime loads this module in the worker or process that owns its sessions, so that no message is
 * sent between two runs.
 */
import { SlmError } from "@slm/core";
import { createHostTensor, type HostTensor, type LoopBody } from "@slm/runtime";
import { Feedback, type FeedbackRule } from "./feedback.js";

/** How a decoder is repeated. Plain data, because the loop may run in another thread or process. */
export interface GreedyLoopOptions extends FeedbackRule {
  /** Name of the input of ids: int32 `[rows, length]` in the first run, then `[rows, 1]` with the picks. */
  readonly ids: string;
  /** Name of the input of the past length, int32 `[1]`. After each run it grows by the number of ids per row. */
  readonly position: string;
}

/** Each run adds one token to every row. The picks are the first fetched output. */
export const loop: LoopBody = async function* (run, { feeds, options }) {
  const rule = options as GreedyLoopOptions; // Sent by `greedyRuns`.
  const feedback = new Feedback(hostFeed(feeds, rule.ids), hostFeed(feeds, rule.position), rule);
  const position = createHostTensor("int32", [1], feedback.position);
  const begin = feedback.position[0]!;
  let ids = idsOf(feedback);
  for (let goesOn = true; goesOn;) {
    // The same array is reused from the second run on.
    if (ids.data !== feedback.ids) ids = idsOf(feedback);
    const [picks] = await run({ [rule.ids]: ids, [rule.position]: position }, feedback.position[0]! - begin);
    goesOn = feedback.take(picks!);
    yield;
  }
  return undefined;
};

const idsOf = ({ rows, length, ids }: Feedback): HostTensor => createHostTensor("int32", [rows, length], ids);

function hostFeed(feeds: Readonly<Record<string, HostTensor>>, name: string): HostTensor {
  const value = feeds[name];
  if (value !== undefined) return value;
  throw new SlmError("SHAPE_MISMATCH", `generation: repeated runs need '${name}' as a host tensor`);
}
