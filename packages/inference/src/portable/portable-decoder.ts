/** A portable model as a `StepDecoder` of `@slm/generation`: one row of the decoder is one model of a shared memory. */
import type { PortableModel } from "@slm/c-export/portable";
import type { StepDecoder, TopTokens } from "@slm/generation";
import { RunLog } from "../steps/run-log.js";
import { yieldToEventLoop, keepsThread } from "./yield-to-event-loop.js";

export interface PortableDecoderParts {
  /** One for each row, such as beams; the first has read the source, if there is an encoder. */
  readonly models: readonly PortableModel[];
  /** Ids before the first token, the same for all rows: the source of a decoder-only model. */
  readonly prefix: readonly number[];
}

export class PortableDecoder implements StepDecoder {
  readonly rows: number;
  readonly vocabularySize: number;
  readonly log = new RunLog();
  #models: readonly PortableModel[];
  readonly #prefix: readonly number[];
  /** Made in the first step that returns logits. */
  #logits: Float32Array | undefined;
  readonly #top: TopTokens;
  #hasStarted = false;

  constructor({ models, prefix }: PortableDecoderParts) {
    this.#models = models;
    this.#prefix = prefix;
    this.rows = models.length;
    this.vocabularySize = models[0]!.vocabulary;
    this.#top = { ids: new Int32Array(this.rows), logProbabilities: new Float32Array(this.rows) };
  }

  /** @throws SlmError USAGE for tokens that do not fit */
  async step(tokens: Int32Array): Promise<Float32Array> {
    if (!this.#hasStarted) await this.#start();
    const logits = (this.#logits ??= new Float32Array(this.rows * this.vocabularySize));
    for (const [row, model] of this.#models.entries()) {
      if (keepsThread(performance.now())) await yieldToEventLoop();
      logits.set(model.step([tokens[row]!]), row * this.vocabularySize);
    }
    this.log.add(performance.now());
    return logits;
  }

  /** @throws SlmError USAGE for tokens that do not fit */
  async topStep(tokens: Int32Array): Promise<TopTokens> {
    if (!this.#hasStarted) await this.#start();
    const { ids, logProbabilities } = this.#top;
    for (let row = 0; row < this.rows; row++) {
      const model = this.#models[row]!;
      model.read([tokens[row]!]);
      const { token, logProbability } = model.best();
      ids[row] = token;
      logProbabilities[row] = logProbability;
    }
    const now = performance.now();
    this.log.add(now);
    if (keepsThread(now)) await yieldToEventLoop();
    return this.#top;
  }

  rewind(steps: number): void {
    if (this.#hasStarted) for (const model of this.#models) model.rewind(this.#prefix.length + steps);
    this.log.truncate(steps);
  }

  permuteRows(rows: readonly number[]): Promise<void> {
    const free = this.#models.filter((_, row) => !rows.includes(row));
    const taken = new Set<number>();
    this.#models = rows.map((row) => {
      const model = this.#models[row]!;
      if (!taken.has(row)) {
        taken.add(row);
        return model;
      }
      const copy = free.pop()!; // As many rows are dropped as others are repeated.
      copy.copyFrom(model);
      return copy;
    });
    return Promise.resolve();
  }

  /** Reads the prefix once, and copies the first row to the others. */
  async #start(): Promise<void> {
    this.#hasStarted = true;
    const [first, ...others] = this.#models;
    const { fresh } = first!.capacities;
    for (let at = 0; at < this.#prefix.length; at += fresh) {
      if (keepsThread(performance.now())) await yieldToEventLoop();
      first!.read(this.#prefix.slice(at, at + fresh));
    }
    for (const row of others) row.copyFrom(first!);
  }
}
