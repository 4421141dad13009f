/** Lines that are no rows: the first are kept word by word, all are counted. */
import { SlmError } from "@slm/core";
import { hintsOf } from "./hints.js";
import type { Rejection } from "./row.js";

/** A rejected line of a named file. */
export interface FileRejection extends Rejection {
  readonly file: string;
}

/** Rejections kept word by word; the rest is counted. */
export const MAX_REJECTIONS = 100;

export class Rejections {
  readonly list: FileRejection[] = [];
  #count = 0;

  get count(): number {
    return this.#count;
  }

  add(rejection: FileRejection): void {
    if (this.list.length < MAX_REJECTIONS) this.list.push(rejection);
    this.#count++;
  }
}

/** Records of files, and those that are no rows: what a wrong setting looks like. Rows that a recipe leaves out on purpose are none. */
export class UnusableRecords {
  readonly #first = new Rejections();
  #records = 0;

  /** Counts a record. @param rejection why it is no row, if it is none */
  add(rejection: FileRejection | undefined): void {
    this.#records++;
    if (rejection !== undefined) this.#first.add(rejection);
  }

  /**
   * @param limit largest accepted share; the number of records that it means is rounded up
   * @throws SlmError DATA_INVALID if more of the records are no rows, with the first reasons and the settings that would help
   */
  check(limit: number): void {
    const { count, list } = this.#first;
    const share = count / Math.max(1, this.#records);
    if (count <= Math.ceil(limit * this.#records)) return;
    throw new SlmError(
      "DATA_INVALID",
      `data: ${count} of ${this.#records} records are no rows (${percent(share)}), expected at most ${percent(limit)} ` +
        `(data.maxRejected): ${firstReasons(list, count)}`,
      {
        context: { records: this.#records, rejectedCount: count, maxRejected: limit, rejected: list },
        suggestions: [
          ...hintsOf(list),
          "slm data inspect FILE",
          `--set data.maxRejected=${(Math.ceil(share * 100) / 100).toString()}`,
        ],
      },
    );
  }
}

/** Reasons that a message lists. */
const SHOWN_REASONS = 3;

/**
 * The first rejected lines as one line of text.
 *
 * @param count how many there are, listed or not
 * @example firstReasons(list, 12) // "a.csv:5: 1 fields, expected 2 as in the header; and 11 more"
 */
export function firstReasons(list: readonly FileRejection[], count: number): string {
  const shown = list.slice(0, SHOWN_REASONS).map(({ file, line, reason }) => `${file}:${line}: ${reason}`);
  return [...shown, ...(count > shown.length ? [`and ${count - shown.length} more`] : [])].join("; ");
}

function percent(share: number): string {
  return `${Number((share * 100).toPrecision(2))} %`;
}
