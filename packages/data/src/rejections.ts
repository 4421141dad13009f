/** Lines that are no rows: the first are kept word by word, all are counted. */
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
