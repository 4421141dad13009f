/** The static decoder behind the interfaces of `@slm/decoding`. The host keeps the caches and the attention mask. */
import { argmax, type DraftVerifier, type StepDecoder, type TopTokens } from "@slm/decoding";
import { openTextCache } from "./open-text-cache.js";
import { runStatic, type StaticRunParts } from "./static-run.js";
import type { TextCache } from "./text-cache.js";

export interface StaticDecoderParts extends StaticRunParts {
  /** Ids before the first token, the same for all rows: the source of a decoder-only model. */
  readonly prefix: readonly number[];
}

/** One token of every row in a step. A run of the graph takes one row. */
export class StaticDecoder implements StepDecoder {
  readonly rows: number;
  readonly vocabularySize: number;
  /** Time when each step's logits were ready, by `performance.now()` [ms]. */
  readonly stepTimes: number[] = [];
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
    this.stepTimes.push(performance.now());
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

/** Several tokens of one text in a run, some of which may be taken back. */
export class StaticDraftVerifier implements DraftVerifier {
  readonly vocabularySize: number;
  /** End time of each run, by `performance.now()` [ms]. */
  readonly stepTimes: number[] = [];
  readonly #parts: StaticDecoderParts;
  readonly #cache: TextCache;

  constructor(parts: StaticDecoderParts) {
    const { model, window } = parts;
    this.#parts = parts;
    this.vocabularySize = model.vocabularySize;
    this.#cache = openTextCache(model, window);
  }

  async feed(past: number, tokens: readonly number[]): Promise<TopTokens> {
    const { prefix } = this.#parts;
    const ids = past === 0 ? [...prefix, ...tokens] : tokens;
    const position = past === 0 ? 0 : prefix.length + past;
    const logits = await runStatic(this.#parts, this.#cache, { tokens: ids, position });
    this.stepTimes.push(performance.now());
    const first = ids.length - tokens.length;
    return bestOf(logits.subarray(first * this.vocabularySize), this.vocabularySize);
  }
}

/** The top-1 token of each row of logits, the lowest id on ties, and its log-probability. */
function bestOf(logits: Float32Array, vocabularySize: number): TopTokens {
  const count = logits.length / vocabularySize;
  const [ids, logProbabilities] = [new Int32Array(count), new Float32Array(count)];
  for (let row = 0; row < count; row += 1) {
    const values = logits.subarray(row * vocabularySize, (row + 1) * vocabularySize);
    const best = argmax(values);
    const highest = values[best]!;
    const total = values.reduce((sum, value) => sum + Math.exp(value - highest), 0);
    ids[row] = best;
    logProbabilities[row] = -Math.log(total);
  }
  return { ids, logProbabilities };
}
