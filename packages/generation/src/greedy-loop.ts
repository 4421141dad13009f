/**
 * The greedy loop: feeds a decoder what it picked. A runtime loads this module where its sessions are, in a worker or a process of its own, so
 * that no message is sent between two runs.
 */
import { SlmError } from "@slm/core";
import { createHostTensor, type HostTensor, type LoopBody } from "@slm/runtime";
import { DraftFeedback, type DraftedRuns } from "./loop/draft-feedback.js";
import { Feedback, type FeedbackRule, type RunFeedback } from "./loop/feedback.js";

/** How a decoder is repeated. Plain data: the loop may run in another thread or process. */
export interface GreedyLoopOptions extends FeedbackRule {
  /** Name of the input of ids: int32 `[rows, length]` in the first run, then `[rows, 1]` with the picks; of one row with drafts their number more. */
  readonly ids: string;
  /** Name of the input of the past length, int32 `[1]`. After a run it grows by the length of the run's ids. */
  readonly position: string;
  /** Drafts that runs verify; for one row, whose picks are then one for each id of a run. Absent: a run is one token of each row. */
  readonly drafts?: DraftedRuns | undefined;
}

/** Yields how many picks of each run hold: 1 without drafts. The picks are the first output that is fetched. */
export const loop: LoopBody = async function* (run, { feeds, options }) {
  const rule = options as GreedyLoopOptions; // As `greedyRuns` sent them.
  const feedback = feedbackOf(hostFeed(feeds, rule.ids), hostFeed(feeds, rule.position), rule);
  const position = createHostTensor("int32", [1], feedback.position);
  const begin = feedback.position[0]!;
  let ids = idsOf(feedback);
  for (let goesOn = true; goesOn;) {
    // Without drafts the same array has new contents from the second run on.
    if (ids.data !== feedback.ids) ids = idsOf(feedback);
    const [picks] = await run({ [rule.ids]: ids, [rule.position]: position }, feedback.position[0]! - begin);
    const taken = feedback.take(picks!);
    goesOn = taken.goesOn;
    yield taken.accepted;
  }
  return undefined;
};

/** @throws SlmError SHAPE_MISMATCH for ids or a position of another type, or several rows with drafts */
function feedbackOf(ids: HostTensor, position: HostTensor, rule: GreedyLoopOptions): RunFeedback {
  const { drafts } = rule;
  return drafts === undefined
    ? new Feedback(ids, position, rule)
    : new DraftFeedback(ids, position, { ...rule, drafts });
}

const idsOf = ({ rows, length, ids }: RunFeedback): HostTensor =>
  createHostTensor("int32", [rows, length], ids);

function hostFeed(feeds: Readonly<Record<string, HostTensor>>, name: string): HostTensor {
  const value = feeds[name];
  if (value !== undefined) return value;
  throw new SlmError("SHAPE_MISMATCH", `generation: repeated runs need '${name}' as a host tensor`);
}
