/** The decoder graph as a `StepDecoder` of `@slm/generation`: tokens in, logits or tokens out, caches updated in place. */
import { GRAPH_IO } from "@slm/exported-model";
import { greedyRuns, type GreedyStepsOptions, type StepDecoder, type TopTokens } from "@slm/generation";
import {
  type DeviceTensor,
  type RunRequest,
  type Runtime,
  type Session,
  cacheWrites,
  createHostTensor,
} from "@slm/runtime";
import { RunLog } from "../steps/run-log.js";
import { topTokens } from "../steps/top-tokens.js";
import type { CacheSet } from "./caches.js";
import { hasArgmaxOutput } from "../graph-edits/argmax-output.js";
import { logitsOutput, WholeLogits } from "./listed-tokens.js";
import type { TokenGraphs } from "../token-graphs/token-graphs.js";

export interface GraphDecoderParts {
  readonly runtime: Runtime;
  readonly decoder: Session;
  readonly caches: CacheSet;
  readonly vocabularySize: number;
  /** Inputs that depend on the source, the same in every step; empty for a decoder-only model. */
  readonly encoded: Readonly<Record<string, DeviceTensor>>;
  /** Prefix ids before each row's first token, the same number for all rows, fed in the first run. */
  readonly prefixes: readonly (readonly number[])[];
  /** Draws tokens and finds candidates where the logits are. Absent: the host reads logits. */
  readonly tokenGraphs?: TokenGraphs | undefined;
}

export class GraphDecoder implements StepDecoder {
  readonly rows: number;
  readonly vocabularySize: number;
  readonly #parts: GraphDecoderParts;
  readonly log = new RunLog();
  /** Absent if the graph has no argmax outputs. */
  readonly greedySteps?: NonNullable<StepDecoder["greedySteps"]>;
  /** Absent if the host reads logits. */
  readonly sampleStep?: NonNullable<StepDecoder["sampleStep"]>;
  readonly candidateStep?: NonNullable<StepDecoder["candidateStep"]>;
  #sampling: DeviceTensor | undefined;
  #past = 0;
  readonly #logits: WholeLogits;

  constructor(parts: GraphDecoderParts) {
    this.#parts = parts;
    this.rows = parts.caches.rows;
    this.vocabularySize = parts.vocabularySize;
    this.#logits = new WholeLogits(parts.runtime, parts.encoded, parts.vocabularySize);
    if (hasArgmaxOutput(parts.decoder.outputNames))
      this.greedySteps = (tokens, options) => this.#greedySteps(tokens, options);
    const { tokenGraphs } = parts;
    if (tokenGraphs === undefined) return;
    this.sampleStep = async (tokens, { sampling, random }) => {
      const numbers = (this.#sampling ??= await tokenGraphs.samplingTensor(sampling));
      return this.#fromLogits(tokens, (logits) => tokenGraphs.sample(logits, sampling, { numbers, random }));
    };
    this.candidateStep = (tokens, count) =>
      this.#fromLogits(tokens, (logits) => tokenGraphs.candidates(logits, count));
  }

  async step(tokens: Int32Array): Promise<Float32Array> {
    const request = this.#requestOf(tokens);
    const { decoder } = this.#parts;
    const output = logitsOutput(decoder);
    const { fetched } = await decoder.run({ ...request, fetch: [output] });
    this.#past += request.feeds[GRAPH_IO.targetIds]!.shape[1]!;
    this.log.add(performance.now());
    return this.#logits.of(fetched[output]!, output);
  }

  rewind(steps: number): void {
    // A step feeds one token per row: BOS in the first step, after the prefix, then the token of the step before.
    this.#past = steps === 0 ? 0 : (this.#parts.prefixes[0]?.length ?? 0) + steps;
    this.log.truncate(steps);
  }

  /** A step whose logits stay on the device, where `choose` reads them. */
  async #fromLogits<Result>(
    tokens: Int32Array,
    choose: (logits: DeviceTensor) => Promise<Result>,
  ): Promise<Result> {
    const request = this.#requestOf(tokens);
    const { decoder, runtime } = this.#parts;
    const output = logitsOutput(decoder);
    const { kept } = await decoder.run({ ...request, keep: [output] });
    try {
      const chosen = await choose(kept[output]!);
      this.#past += request.feeds[GRAPH_IO.targetIds]!.shape[1]!;
      this.log.add(performance.now());
      return chosen;
    } finally {
      await runtime.release([kept[output]!]);
    }
  }

  async *#greedySteps(
    tokens: Int32Array,
    { eos, pad, steps, signal }: GreedyStepsOptions,
  ): AsyncGenerator<TopTokens, undefined> {
    const runs = greedyRuns(this.#parts.decoder, {
      ...this.#requestOf(tokens),
      ids: GRAPH_IO.targetIds,
      position: GRAPH_IO.pastLength,
      picks: GRAPH_IO.bestIds,
      fetch: [GRAPH_IO.bestLogProbabilities],
      end: eos,
      pad,
      runs: steps,
      signal,
    });
    for await (const { fetched, at } of runs) {
      this.log.add(at);
      yield topTokens(fetched, this.rows);
    }
  }

  #requestOf(tokens: Int32Array): Pick<RunRequest, "feeds" | "into" | "append"> {
    const { caches, encoded } = this.#parts;
    const targetIds = this.#past === 0 ? this.#withPrefixes(tokens) : Int32Array.from(tokens);
    return {
      feeds: {
        [GRAPH_IO.targetIds]: createHostTensor("int32", [this.rows, targetIds.length / this.rows], targetIds),
        [GRAPH_IO.pastLength]: createHostTensor("int32", [1], Int32Array.of(this.#past)),
        ...caches.past,
        ...encoded,
      },
      ...cacheWrites(caches.form, caches.present, [this.#past]),
    };
  }

  /** Reorders the self-attention caches. Rows move only among the beams of one source, which share encoder outputs. */
  async permuteRows(rows: readonly number[]): Promise<void> {
    const { runtime, caches } = this.#parts;
    await Promise.all(caches.tensors.map((tensor) => runtime.permuteRows(tensor, rows)));
  }

  /** Releases the tensors of the steps, but not the caches, which belong to the caller. */
  async release(): Promise<void> {
    if (this.#sampling !== undefined) await this.#parts.runtime.release([this.#sampling]);
    this.#sampling = undefined;
  }

  #withPrefixes(tokens: Int32Array): Int32Array<ArrayBuffer> {
    return Int32Array.from(this.#parts.prefixes.flatMap((prefix, row) => [...prefix, tokens[row]!]));
  }
}
