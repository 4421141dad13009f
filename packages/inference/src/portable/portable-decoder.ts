/** A portable model as a `StepDecoder` of `@slm/generation`: one row of the decoder is one model of a shared memory. */
import type { PortableModel } from "@slm/c-export/portable";
import type { CopySource, GreedyStepsOptions, StepDecoder, TopTokens } from "@slm/generation";
import { hostDraftedSteps } from "../steps/host-drafted-steps.js";
import { RunLog } from "../steps/run-log.js";
import { breathe, keepsThread } from "./breathe.js";

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
  /** Present if drafts are verified, which requires a single row. */
  readonly greedySteps?: NonNullable<StepDecoder["greedySteps"]>;
  #models: readonly PortableModel[];
  readonly #prefix: readonly number[];
  /** Made in the first step that returns logits. */
  #logits: Float32Array | undefined;
  readonly #top: TopTokens;
  #hasStarted = false;

  /** @param drafts source of the drafts that runs of one row verify. Default: every run has one token. */
  constructor({ models, prefix }: PortableDecoderParts, drafts?: CopySource) {
    this.#models = models;
    this.#prefix = prefix;
    this.rows = models.length;
    this.vocabularySize = models[0]!.vocabulary;
    this.#top = { ids: new Int32Array(this.rows), logProbabilities: new Float32Array(this.rows) };
    if (drafts !== undefined)
      this.greedySteps = (tokens, options) => this.#draftedSteps(tokens, options, drafts);
  }

  /** @throws SlmError USAGE for tokens that do not fit */
  async step(tokens: Int32Array): Promise<Float32Array> {
    if (!this.#hasStarted) await this.#start();
    const logits = (this.#logits ??= new Float32Array(this.rows * this.vocabularySize));
    for (const [row, model] of this.#models.entries()) {
      if (keepsThread(performance.now())) await breathe();
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
    if (keepsThread(now)) await breathe();
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
      if (keepsThread(performance.now())) await breathe();
      first!.read(this.#prefix.slice(at, at + fresh));
    }
    for (const row of others) row.copyFrom(first!);
  }

  async *#draftedSteps(
    tokens: Int32Array,
    options: GreedyStepsOptions,
    drafts: CopySource,
  ): AsyncGenerator<TopTokens, undefined> {
    if (!this.#hasStarted) await this.#start();
    const { past, capacities } = this.#models[0]!;
    const read = (ids: Int32Array, position: number): Promise<TopTokens> => this.#readAt(ids, position);
    const ids = Int32Array.from(tokens);
    const steps = { ids, past, capacity: capacities.target, drafts, log: this.log, read };
    yield* hostDraftedSteps(steps, options);
  }

  /** The most probable token after each of the tokens of the one row, in as many steps as the model needs. */
  async #readAt(ids: Int32Array, position: number): Promise<TopTokens> {
    if (keepsThread(performance.now())) await breathe();
    const model = this.#models[0]!;
    const { fresh, wanted } = model.capacities;
    const most = Math.min(fresh, wanted);
    model.rewind(position);
    const [best, logProbabilities] = [new Int32Array(ids.length), new Float32Array(ids.length)];
    for (let from = 0; from < ids.length; from += most) {
      const part = ids.subarray(from, from + most);
      model.read(part, part.length);
      for (let row = 0; row < part.length; row++) {
        const { token, logProbability } = model.best(row);
        best[from + row] = token;
        logProbabilities[from + row] = logProbability;
      }
    }
    return { ids: best, logProbabilities };
  }
}
