/** A portable model as a `StepDecoder` of `@slm/generation`: one row of the decoder is one model of a shared memory. */
import type { PortableModel } from "@slm/c-export/portable";
import type { DraftSource, GreedyStepsOptions, StepDecoder, TopTokens } from "@slm/generation";
import { hostDraftedSteps } from "../steps/host-drafted-steps.js";
import { RunLog } from "../steps/run-log.js";
import { topOfLogits } from "../steps/top-of-logits.js";
import { breathe } from "./breathe.js";
import { maskLogits } from "./portable-parts.js";

export interface PortableDecoderParts {
  /** One for each row, such as beams; the first has read the source, if there is an encoder. */
  readonly models: readonly PortableModel[];
  /** Ids before the first token, the same for all rows: the source of a decoder-only model. */
  readonly prefix: readonly number[];
  /** `[vocab]`, 0 for tokens that an answer cannot have. Absent: all are allowed. */
  readonly mayAnswer: Uint8Array | undefined;
}

export class PortableDecoder implements StepDecoder {
  readonly rows: number;
  readonly vocabularySize: number;
  readonly log = new RunLog();
  /** Present if drafts are verified, which requires a single row. */
  readonly greedySteps?: NonNullable<StepDecoder["greedySteps"]>;
  #models: readonly PortableModel[];
  readonly #prefix: readonly number[];
  readonly #mayAnswer: Uint8Array | undefined;
  readonly #logits: Float32Array;
  #hasStarted = false;

  /** @param drafts source of the drafts that runs of one row verify. Default: every run has one token. */
  constructor({ models, prefix, mayAnswer }: PortableDecoderParts, drafts?: DraftSource) {
    this.#models = models;
    this.#prefix = prefix;
    this.#mayAnswer = mayAnswer;
    this.rows = models.length;
    this.vocabularySize = models[0]!.vocabulary;
    this.#logits = new Float32Array(this.rows * this.vocabularySize);
    if (drafts !== undefined)
      this.greedySteps = (tokens, options) => this.#draftedSteps(tokens, options, drafts);
  }

  /** @throws SlmError USAGE for tokens that do not fit */
  async step(tokens: Int32Array): Promise<Float32Array> {
    await this.#start();
    for (const [row, model] of this.#models.entries()) {
      await breathe();
      this.#logits.set(this.#read(model, tokens.subarray(row, row + 1)), row * this.vocabularySize);
    }
    this.log.add(performance.now());
    return this.#logits;
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
    if (this.#hasStarted) return;
    this.#hasStarted = true;
    const [first, ...others] = this.#models;
    const { fresh } = first!.capacities;
    for (let at = 0; at < this.#prefix.length; at += fresh) {
      await breathe();
      first!.step(this.#prefix.slice(at, at + fresh));
    }
    for (const row of others) row.copyFrom(first!);
  }

  /** Logits after each of the tokens; those of tokens that an answer cannot have are masked. */
  #read(model: PortableModel, tokens: Int32Array): Float32Array {
    return maskLogits(model.step(tokens, tokens.length), this.#mayAnswer);
  }

  async *#draftedSteps(
    tokens: Int32Array,
    options: GreedyStepsOptions,
    drafts: DraftSource,
  ): AsyncGenerator<TopTokens, undefined> {
    await this.#start();
    const { past, capacities } = this.#models[0]!;
    const read = (ids: Int32Array, position: number): Promise<TopTokens> => this.#readAt(ids, position);
    const ids = Int32Array.from(tokens);
    const steps = { ids, past, capacity: capacities.target, drafts, log: this.log, read };
    yield* hostDraftedSteps(steps, options);
  }

  /** The most probable token after each of the tokens of the one row, in as many steps as the model needs. */
  async #readAt(ids: Int32Array, position: number): Promise<TopTokens> {
    await breathe();
    const model = this.#models[0]!;
    const { fresh, wanted } = model.capacities;
    const most = Math.min(fresh, wanted);
    model.rewind(position);
    const parts: TopTokens[] = [];
    for (let at = 0; at < ids.length; at += most)
      parts.push(topOfLogits(this.#read(model, ids.subarray(at, at + most)), this.vocabularySize));
    return {
      ids: Int32Array.from(parts.flatMap((part) => [...part.ids])),
      logProbabilities: Float32Array.from(parts.flatMap((part) => [...part.logProbabilities])),
    };
  }
}
