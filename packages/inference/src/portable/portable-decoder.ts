/** A portable model as a `StepDecoder` of `@slm/generation`: one row of the decoder is one model of a shared memory. */
import type { PortableModel } from "@slm/c-export/portable";
import { GRAPH_IO, LEXICAL_MASKED } from "@slm/exported-model";
import {
  greedyRuns,
  type DraftSource,
  type GreedyStepsOptions,
  type StepDecoder,
  type TopTokens,
} from "@slm/generation";
import { createHostTensor, repeatRuns, type HostTensor, type RunRequest, type RunResult } from "@slm/runtime";
import { draftedSteps } from "../steps/drafted-steps.js";
import { RunLog } from "../steps/run-log.js";
import { topOfLogits } from "../steps/top-of-logits.js";
import { breathe } from "./breathe.js";

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
    const logits = model.step(tokens, tokens.length);
    const may = this.#mayAnswer;
    if (may !== undefined)
      for (let at = 0; at < logits.length; at++) if (may[at % may.length] === 0) logits[at] = LEXICAL_MASKED;
    return logits;
  }

  async *#draftedSteps(
    tokens: Int32Array,
    { eos, pad, steps, signal }: GreedyStepsOptions,
    drafts: DraftSource,
  ): AsyncGenerator<TopTokens, undefined> {
    await this.#start();
    const model = this.#models[0]!;
    const session = { run: (request: RunRequest) => this.#runOf(request) };
    const runs = greedyRuns(
      { repeat: (request) => repeatRuns(session, request) },
      {
        feeds: {
          [GRAPH_IO.targetIds]: createHostTensor("int32", [1, 1], Int32Array.from(tokens)),
          [GRAPH_IO.pastLength]: createHostTensor("int32", [1], Int32Array.of(model.past)),
        },
        ids: GRAPH_IO.targetIds,
        position: GRAPH_IO.pastLength,
        picks: GRAPH_IO.bestIds,
        fetch: [GRAPH_IO.bestLogProbabilities],
        end: eos,
        pad,
        runs: steps,
        drafts: { from: drafts, tokens: steps, capacity: model.capacities.target },
        signal,
      },
    );
    yield* draftedSteps(runs, 1, this.log);
  }

  /** A run over several tokens of the one row, in the form that a decoder with graphs has. */
  async #runOf({ feeds }: RunRequest): Promise<RunResult> {
    await breathe();
    const [ids, past] = [GRAPH_IO.targetIds, GRAPH_IO.pastLength].map(
      (name) => (feeds[name] as HostTensor).data as Int32Array, // The inputs of the loop are host tensors.
    ) as [Int32Array, Int32Array];
    const model = this.#models[0]!;
    const { fresh, wanted } = model.capacities;
    const most = Math.min(fresh, wanted);
    model.rewind(past[0]!);
    const parts: TopTokens[] = [];
    for (let at = 0; at < ids.length; at += most)
      parts.push(topOfLogits(this.#read(model, ids.subarray(at, at + most)), this.vocabularySize));
    const shape = [ids.length];
    const bestIds = Int32Array.from(parts.flatMap((part) => [...part.ids]));
    const best = Float32Array.from(parts.flatMap((part) => [...part.logProbabilities]));
    return {
      fetched: {
        [GRAPH_IO.bestIds]: createHostTensor("int32", shape, bestIds),
        [GRAPH_IO.bestLogProbabilities]: createHostTensor("float32", shape, best),
      },
      kept: {},
    };
  }
}
