/** A batch whose rows are portable models of one shared memory. They compute in this thread, one after the other. */
import type { DeviceModel } from "@slm/exported-model";
import type { PortableModel, PortableParts } from "@slm/inference/portable";
import type { Batch, Step } from "./batch.js";
import type { ChosenToken, Row } from "./job.js";
import { isSliceOver, nextSlice } from "./time-slices.js";

export class PortableBatch implements Batch {
  readonly rows: (Row | undefined)[] = [];
  readonly #parts: PortableParts;
  readonly #models: PortableModel[] = [];

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
      const model = this.#model(places[at]!);
      model.restrict(this.#parts.mayAnswer(source));
      if (this.#parts.hasEncoder) model.encode(source);
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
      const model = this.#model(at);
      // The row may repeat its last step, and a decoder-only model may have had another source.
      model.rewind(row.past);
      const tokens = [row.prompt[row.past] ?? row.next];
      if (row.job.choose === undefined) model.read(tokens);
      else logits[at] = model.step(tokens).slice();
      best[at] = model.best();
      if (isSliceOver()) await nextSlice();
    }
    return { best: (row) => best[row]!, logits: (row) => logits[row] };
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #model(at: number): PortableModel {
    return (this.#models[at] ??= this.#parts.take(1)[0]!);
  }
}
