/** What computes the steps of a batch whose rows join and leave: graphs on a runtime, or portable models. */
import type { DeviceModel } from "@slm/exported-model";
import type { ChosenToken, Row } from "./job.js";

export interface Batch {
  readonly model: DeviceModel;
  /** Answers in progress, and free rows. The loop frees rows by setting them to undefined. */
  readonly rows: (Row | undefined)[];
  /** Puts each new answer into a free row, which it adds if needed, and then reads the sources. */
  admit(rows: readonly Row[]): Promise<void>;
  /** Called between two steps: the batch may become smaller if no request waits for a row. */
  shrink(waiting: number): Promise<void>;
  /** Computes a step of every row. A row that has not advanced since the last step repeats it. */
  step(): Promise<Step>;
  close(): Promise<void>;
}

/** Results of a step. */
export interface Step {
  /** The most probable token of a row after the one that it was fed. */
  readonly best: (row: number) => ChosenToken;
  /** Logits `[vocab]` of a row that chooses its tokens from them; of other rows they may be undefined. */
  readonly logits: (row: number) => Float32Array | undefined;
}
