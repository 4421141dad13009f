/** A batch whose rows are portable models of one shared memory. They compute in this thread, one after the other. */
import type { DeviceModel } from "@slm/exported-model";
import { maskLogits, topOfLogits, type PortableModel, type PortableParts } from "@slm/inference/portable";
import type { Batch, Step } from "./batch.js";
import type { ChosenToken, Row } from "./job.js";
import { isSliceOver, nextSlice } from "./time-slices.js";

/** The model of a row, and the tokens that its answer may have. */
interface Place {
  readonly model: PortableModel;
  mayAnswer: Uint8Array | undefined;
}

export class PortableBatch implements Batch {
  readonly rows: (Row | undefined)[] = [];
  readonly #parts: PortableParts;
  readonly #places: Place[] = [];

  constructor(parts: PortableParts) {
    this.#parts = parts;
  }

  get model(): DeviceModel {
    return this.#parts.description.model;
  }

  async admit(rows: readonly Row[]): Promise<void> {
    const free = this.rows.flatMap((row, at) => (row === undefined ? [at] : []));
    const places = rows.map((row, at) => {
      const place = free[at] ?? this.rows.length;
      this.rows[place] = row;
      return place;
    });
    for (const [at, row] of rows.entries()) {
      const { source } = row.job;
      const place = this.#place(places[at]!);
      place.mayAnswer = this.#parts.mayAnswer(source);
      if (this.#parts.hasEncoder) place.model.encode(source);
      if (isSliceOver()) await nextSlice();
    }
  }

  /** Free rows cost nothing. */
  shrink(): Promise<void> {
    return Promise.resolve();
  }

  async step(): Promise<Step> {
    const best: ChosenToken[] = [];
    const logits: Float32Array[] = [];
    for (const [at, row] of this.rows.entries()) {
      if (row === undefined) continue;
      const { model, mayAnswer } = this.#place(at);
      // The row may repeat its last step, and a decoder-only model may have had another source.
      model.rewind(row.past);
      const after = maskLogits(model.step([row.prompt[row.past] ?? row.next]), mayAnswer);
      const top = topOfLogits(after, after.length);
      best[at] = { token: top.ids[0]!, logProbability: top.logProbabilities[0]! };
      if (row.job.choose !== undefined) logits[at] = after.slice();
      if (isSliceOver()) await nextSlice();
    }
    return { drafts: [], best: (row) => best[row]!, logits: (row) => logits[row] };
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #place(at: number): Place {
    return (this.#places[at] ??= { model: this.#parts.take(1)[0]!, mayAnswer: undefined });
  }
}
