/** Repeated runs, each fed with the picks of the run before: the rules that every runtime shares. */
import { SlmError } from "@slm/core";
import { createHostTensor, type HostTensor } from "./host-tensor.js";
import type { DeviceTensor, RepeatRequest, RepeatedRun, Session } from "./runtime.js";

/** When a row ends, the id that is fed to it then, and how often to run. */
export type FeedbackRule = Pick<RepeatRequest, "end" | "pad" | "runs">;

/** The inputs of the next run. */
export class Feedback {
  /** `[rows, length]`; from the second run on one array `[rows, 1]` that is overwritten. */
  ids: Int32Array;
  /** `[1]`, overwritten before each run. */
  readonly position: Int32Array;
  /** Ids per row. */
  length: number;
  readonly rows: number;
  readonly #rule: FeedbackRule;
  readonly #ended: boolean[];
  #runs = 0;

  constructor(ids: HostTensor, position: HostTensor, rule: FeedbackRule) {
    const [rows = 0, length = 0] = ids.shape;
    this.ids = int32("ids", ids, rows * length);
    this.position = int32("the position", position, 1).slice();
    this.length = length;
    this.rows = rows;
    this.#rule = rule;
    this.#ended = new Array<boolean>(rows).fill(false);
  }

  /**
   * Takes the picks of a run.
   *
   * @returns whether another run follows
   * @throws SlmError SHAPE_MISMATCH unless there is one int32 for each row
   */
  take(picks: HostTensor): boolean {
    const { end, pad, runs } = this.#rule;
    const picked = int32("picks", picks, this.rows);
    this.position[0]! += this.length;
    if (this.#runs++ === 0) this.ids = new Int32Array(this.rows);
    this.length = 1;
    let isOpen = end === undefined;
    for (let row = 0; row < this.rows; row++) {
      if (picked[row] === end) this.#ended[row] = true;
      const hasEnded = this.#ended[row] === true;
      this.ids[row] = hasEnded ? pad : picked[row]!;
      isOpen ||= !hasEnded;
    }
    return isOpen && this.#runs < runs;
  }
}

function int32(what: string, { dtype, shape, data }: HostTensor, count: number): Int32Array {
  if (data instanceof Int32Array && data.length === count) return data;
  throw new SlmError(
    "SHAPE_MISMATCH",
    `runtime: ${what} of repeated runs must be ${count} int32, got ${dtype}[${shape.join(",")}]`,
  );
}

/** The state before the first of these runs. @throws SlmError SHAPE_MISMATCH for ids or a position of another type */
export function feedbackOf({ feeds, ids, position, ...rule }: RepeatRequest): Feedback {
  return new Feedback(hostFeed(feeds, ids), hostFeed(feeds, position), rule);
}

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
  const { feeds, into, append, ids, position, picks, fetch = [], signal } = request;
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
      fetch: [picks, ...fetch],
      into,
      append: append && { ...append, at },
    });
    goesOn = feedback.take(fetched[picks]!);
    yield { fetched, at: performance.now() };
  }
}
