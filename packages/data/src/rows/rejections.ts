/** Collects rejected lines: counts all, and keeps the first ones in full. */
import { SlmError } from "@slm/core";
import { hintsOf } from "./hints.js";
import type { Rejection } from "./row.js";

/** A rejected line and its file. */
export interface FileRejection extends Rejection {
  readonly file: string;
}

/** Limit of rejections that are kept in full. */
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

/** Counts unusable records of files, because many of them indicate a wrong setting. Rows that a recipe excludes do not count. */
export class UnusableRecords {
  readonly #first = new Rejections();
  #records = 0;

  /** Counts a record. @param rejection why it is unusable, if it is */
  add(rejection: FileRejection | undefined): void {
    this.#records++;
    if (rejection !== undefined) this.#first.add(rejection);
  }

  /**
   * @param limit largest accepted share; rounded up to whole records
   * @throws SlmError DATA_INVALID if more records are unusable, with the first reasons and the settings that would help
   */
  check(limit: number): void {
    const { count, list } = this.#first;
    const share = count / Math.max(1, this.#records);
    if (count <= Math.ceil(limit * this.#records)) return;
    throw new SlmError(
      "DATA_INVALID",
      `data: ${count} of ${this.#records} records are unusable (${percent(share)}), expected at most ${percent(limit)} ` +
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

/** Limit of reasons in a message. */
const SHOWN_REASONS = 3;

/**
 * The first rejected lines as one line of text.
 *
 * @param count number of all rejections, including unlisted ones
 * @example firstReasons(list, 12) // "a.csv:5: 1 fields, expected 2 as in the header; and 11 more"
 */
export function firstReasons(list: readonly FileRejection[], count: number): string {
  const shown = list.slice(0, SHOWN_REASONS).map(({ file, line, reason }) => `${file}:${line}: ${reason}`);
  return [...shown, ...(count > shown.length ? [`and ${count - shown.length} more`] : [])].join("; ");
}

function percent(share: number): string {
  return `${Number((share * 100).toPrecision(2))} %`;
}
