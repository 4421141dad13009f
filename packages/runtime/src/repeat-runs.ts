/** Repeated runs, each fed with the picks of the run before. */
import { SlmError } from "@slm/core";
import { DraftFeedback } from "./draft-feedback.js";
import { Feedback, type FeedbackRule, type RunFeedback } from "./feedback.js";
import { createHostTensor, type HostTensor } from "./host-tensor.js";
import type { DeviceTensor, RepeatDrafts, RepeatRequest, RepeatedRun, Session } from "./runtime.js";

/** Rules of repeated runs, with or without drafts. */
export type RepeatRule = FeedbackRule & { readonly drafts?: RepeatDrafts | undefined };

/** The state before the first run. @throws SlmError SHAPE_MISMATCH for ids or a position of another type, or several rows with drafts */
export function runFeedback(ids: HostTensor, position: HostTensor, rule: RepeatRule): RunFeedback {
  const { drafts } = rule;
  return drafts === undefined
    ? new Feedback(ids, position, rule)
    : new DraftFeedback(ids, position, { ...rule, drafts });
}

/** The same for a request. */
export function feedbackOf(request: RepeatRequest): RunFeedback {
  const { feeds, ids, position } = request;
  return runFeedback(hostFeed(feeds, ids), hostFeed(feeds, position), request);
}

/** Outputs that repeated runs fetch: picks, and what else is asked for. */
export const repeatedOutputs = ({ picks, fetch = [] }: RepeatRequest): readonly string[] => [picks, ...fetch];

function hostFeed(feeds: RepeatRequest["feeds"], name: string): HostTensor {
  const value: HostTensor | DeviceTensor | undefined = feeds[name];
  if (value !== undefined && "data" in value) return value;
  throw new SlmError("SHAPE_MISMATCH", `runtime: repeated runs need '${name}' as a host tensor`);
}

/** Repeated runs as a loop over `run`: {@link Session.repeat} of runtimes that run in the caller's thread. */
export async function* repeatRuns(
  session: Pick<Session, "run">,
  request: RepeatRequest,
): AsyncGenerator<RepeatedRun, undefined> {
  const { feeds, into, append, ids, position, signal } = request;
  const fetch = repeatedOutputs(request);
  const feedback = feedbackOf(request);
  const begin = feedback.position[0]!;
  for (let goesOn = true; goesOn && signal?.aborted !== true;) {
    const at = append?.at.map((first) => first + feedback.position[0]! - begin) ?? [];
    const { fetched } = await session.run({
      feeds: {
        ...feeds,
        [ids]: createHostTensor("int32", [feedback.rows, feedback.length], feedback.ids),
        [position]: createHostTensor("int32", [1], feedback.position),
      },
      fetch,
      into,
      append: append && { ...append, at },
    });
    const taken = feedback.take(fetched[fetch[0]!]!);
    goesOn = taken.goesOn;
    yield { fetched, accepted: taken.accepted, at: performance.now() };
  }
}
