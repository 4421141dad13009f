/** Computes which tokens may follow in an answer with a restricted format. Runs in a thread, because a schema may make it slow. */
import { SlmError } from "@slm/core";
import type { TokenConstraint } from "@slm/generation";
import type { TextFormats, RestrictingFormat } from "../requests/text-formats.js";
import type { ThreadCalls, TokenSet } from "./thread-calls.js";

/** Number of answers whose states are kept. A dropped state is computed again from the answer's tokens. */
const MOST_ANSWERS = 1024;
/** Longest time for all tokens of one answer [ms]. */
const MOST_MS = 10_000;

interface Cursor {
  state: TokenConstraint;
  /** Number of the answer's tokens before the state. */
  length: number;
  spentMs: number;
}

export class AllowedTokens {
  readonly #formats: TextFormats;
  readonly #scores: Float32Array;
  /** Least recently used first. */
  readonly #cursors = new Map<number, Cursor>();

  constructor(formats: TextFormats, vocabularySize: number) {
    this.#formats = formats;
    this.#scores = new Float32Array(vocabularySize);
  }

  readonly allowed: ThreadCalls["allowed"] = ({ answer, format, ids }) => {
    const began = performance.now();
    const cursor = this.#cursors.get(answer) ?? this.#opened(format);
    if (cursor === undefined) return undefined;
    this.#cursors.delete(answer);
    for (const id of ids.slice(cursor.length)) cursor.state = cursor.state.after(id);
    cursor.length = ids.length;
    const set = this.#setOf(cursor.state);
    cursor.spentMs += performance.now() - began;
    if (cursor.spentMs > MOST_MS)
      throw new SlmError(
        "DATA_INVALID",
        `the format needs more than ${MOST_MS / 1000} s of CPU time for one answer`,
      );
    this.#cursors.set(answer, cursor);
    const [oldest] = this.#cursors.keys();
    if (this.#cursors.size > MOST_ANSWERS && oldest !== undefined) this.#cursors.delete(oldest);
    return set;
  };

  readonly forget: ThreadCalls["forget"] = ({ answer }) => {
    this.#cursors.delete(answer);
    return undefined;
  };

  #opened(format: RestrictingFormat | undefined): Cursor | undefined {
    if (format === undefined) return undefined;
    return { state: this.#formats.constraintOf(format), length: 0, spentMs: 0 };
  }

  #setOf(state: TokenConstraint): TokenSet {
    const scores = this.#scores.fill(0);
    state.mask(scores);
    const set = new Uint32Array(Math.ceil(scores.length / 32));
    for (const [id, score] of scores.entries()) if (score === 0) set[id >>> 5]! |= 1 << (id & 31);
    return set;
  }
}
