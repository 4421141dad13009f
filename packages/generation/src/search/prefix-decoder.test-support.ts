/** A decoder whose logits are a function of all tokens that a row was fed, as with a cache. */
import { createRandom } from "../sampling/random.js";
import type { StepDecoder } from "./step-decoder.js";

export type Model = (prefix: readonly number[]) => readonly number[];

/** A model with unrelated logits after every prefix, reproducible by seed. */
export function randomModel(seed: number, vocabulary: number): Model {
  return (prefix) => {
    const mixed = prefix.reduce((hash, token) => (Math.imul(hash, 31) + token + 1) >>> 0, seed);
    const { next } = createRandom(mixed);
    return Array.from({ length: vocabulary }, () => Math.fround(4 * next()));
  };
}

export class PrefixDecoder implements StepDecoder {
  readonly rows: number;
  readonly vocabularySize: number;
  steps = 0;
  fed: readonly (readonly number[])[];
  readonly #model: (row: number) => Model;

  constructor(rows: number, vocabularySize: number, model: (row: number) => Model) {
    this.rows = rows;
    this.vocabularySize = vocabularySize;
    this.#model = model;
    this.fed = Array.from({ length: rows }, () => []);
  }

  step(tokens: Int32Array): Promise<Float32Array> {
    this.steps++;
    return Promise.resolve(Float32Array.from(this.feed(tokens).flat()));
  }

  permuteRows(rows: readonly number[]): Promise<void> {
    this.fed = rows.map((row) => this.fed[row]!);
    return Promise.resolve();
  }

  /** A row that has ended keeps its place. The model's logits for it must not matter. */
  protected feed(tokens: Int32Array): (readonly number[])[] {
    this.fed = this.fed.map((row, at) => [...row, tokens[at]!]);
    return this.fed.map((row, at) => this.#model(at)(row.slice(1)));
  }
}
