/** The static decoder as a `StepDecoder` of `@slm/generation`. The host keeps the caches and the attention mask. */
import { openTextCache, type TextCache } from "@slm/exported-model";
import type { StepDecoder } from "@slm/generation";
import { RunLog } from "../steps/run-log.js";
import { runStatic, type StaticRunParts } from "./static-run.js";

export interface StaticDecoderParts extends StaticRunParts {
  /** Ids before the first token, the same for all rows: the source of a decoder-only model. */
  readonly prefix: readonly number[];
}

/** One step of every row. A run of the graph processes one row. */
export class StaticDecoder implements StepDecoder {
  readonly rows: number;
  readonly vocabularySize: number;
  readonly log = new RunLog();
  readonly #parts: StaticDecoderParts;
  readonly #logits: Float32Array;
  #caches: readonly TextCache[];
  #position = 0;

  /** @param rows such as beams */
  constructor(parts: StaticDecoderParts, rows: number) {
    const { model, window } = parts;
    this.#parts = parts;
    this.rows = rows;
    this.vocabularySize = model.vocabularySize;
    this.#logits = new Float32Array(rows * model.vocabularySize);
    this.#caches = Array.from({ length: rows }, () => openTextCache(model, window));
  }

  /** @throws SlmError as {@link runStatic} */
  async step(tokens: Int32Array): Promise<Float32Array> {
    if (this.#position === 0) await this.#readPrefix();
    for (const [row, cache] of this.#caches.entries()) {
      const logits = await runStatic(this.#parts, cache, {
        tokens: tokens.subarray(row, row + 1),
        position: this.#position,
      });
      this.#logits.set(logits, row * this.vocabularySize);
    }
    this.#position += 1;
    this.log.add(performance.now());
    return this.#logits;
  }

  permuteRows(rows: readonly number[]): Promise<void> {
    const taken = new Set<number>();
    this.#caches = rows.map((row) => {
      const cache = this.#caches[row]!;
      if (taken.has(row)) return cache.copy();
      taken.add(row);
      return cache;
    });
    return Promise.resolve();
  }

  /** Rows share their source: it is read once, and its keys and values are copied. */
  async #readPrefix(): Promise<void> {
    const { prefix } = this.#parts;
    if (prefix.length === 0) return;
    await runStatic(this.#parts, this.#caches[0]!, { tokens: prefix, position: 0 });
    await this.permuteRows(this.#caches.map(() => 0));
    this.#position = prefix.length;
  }
}
