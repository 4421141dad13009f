/** The inputs of the next run, if each run adds one token to every row. */
import { SlmError } from "@slm/core";
import type { HostTensor } from "@slm/runtime";

/** The id that ends a row, the id that ended rows are fed, and the number of runs. */
export interface FeedbackRule {
  /** Id that ends its row (EOS). Default: none. */
  readonly end?: number | undefined;
  /** Id that ended rows are fed. */
  readonly pad: number;
  /** Maximum number of runs. */
  readonly runs: number;
}

/** Runs of one token after the first run, for any number of rows. */
export class Feedback {
  /** `[rows, length]`; from the second run on, one array `[rows, 1]` that is overwritten. */
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
    this.ids = int32Values("ids", ids, rows * length);
    this.position = int32Values("the position", position, 1).slice();
    this.length = length;
    this.rows = rows;
    this.#rule = rule;
    this.#ended = new Array<boolean>(rows).fill(false);
  }

  /**
   * Receives the picks of a run.
   *
   * @returns whether another run follows
   * @throws SlmError SHAPE_MISMATCH unless the picks are one int32 per row
   */
  take(picks: HostTensor): boolean {
    const { end, pad, runs } = this.#rule;
    const picked = int32Values("picks", picks, this.rows);
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

/** @throws SlmError SHAPE_MISMATCH unless a tensor is `count` int32 */
function int32Values(what: string, { dtype, shape, data }: HostTensor, count: number): Int32Array {
  if (data instanceof Int32Array && data.length === count) return data;
  throw new SlmError(
    "SHAPE_MISMATCH",
    `generation: ${what} of repeated runs must be ${count} int32, got ${dtype}[${shape.join(",")}]`,
  );
}
