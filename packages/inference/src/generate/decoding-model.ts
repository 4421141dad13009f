/** A model that decodes, whichever engine runs it. */
import type { DeviceModel } from "@slm/exported-model";
import { createRandom, type DecodeOptions } from "@slm/generation";
import type { RuntimeDevice } from "@slm/runtime";
import { type IndexedSource, planBatches } from "../options/batches.js";
import type { Decoding } from "../load/decoding.js";
import { withModelSettings } from "../options/model-settings.js";
import type { BatchOptions } from "../options/batch-options.js";
import { BLANK_IMAGE } from "../images/image-encoder.js";
import { checkStops, checkTime, checkedBatchSize, encodeSources } from "../options/model-limits.js";
import type {
  GenerateOptions,
  Generation,
  Likelihood,
  ScoredPair,
  ScoreOptions,
  Source,
} from "../options/types.js";
import { samplingOptions, type SamplingRequest } from "../options/sampling-options.js";
import type { Model, ModelEvaluation, GraphModelOptions } from "./model.js";
import { scoreTexts } from "./score-texts.js";
import { judge, thresholdFor } from "../evaluate/abstention.js";
import type { Evaluation } from "../evaluate/evaluate-answers.js";
import { RowTexts } from "../text/row-texts.js";
import { streamPieces } from "../text/stream-pieces.js";

interface CreateModelOptions extends Pick<GraphModelOptions, "closes"> {
  /** Replaces the decoder of every batch. Default: it is used as it is. */
  readonly watch?: BatchOptions["watch"];
}

/** A model that decodes. Closing it closes the decoding. */
export const createModel = (decoding: Decoding, directory: string, options: CreateModelOptions = {}): Model =>
  new DecodingModel(decoding, directory, options);

class DecodingModel implements Model {
  readonly directory: string;
  readonly #decoding: Decoding;
  readonly #options: CreateModelOptions;
  #closing: Promise<void> | undefined;

  constructor(decoding: Decoding, directory: string, options: CreateModelOptions) {
    this.#decoding = decoding;
    this.#options = options;
    this.directory = directory;
  }

  get description(): DeviceModel {
    return this.#decoding.model;
  }

  get device(): RuntimeDevice {
    return this.#decoding.device;
  }

  get languages(): Model["languages"] {
    return this.#decoding.tokenizer.languages;
  }

  generate(source: Source, options?: GenerateOptions): Promise<Generation>;
  generate(sources: readonly Source[], options?: GenerateOptions): Promise<readonly Generation[]>;
  async generate(
    asked: Source | readonly Source[],
    options: GenerateOptions = {},
  ): Promise<Generation | readonly Generation[]> {
    if (isList(asked)) return this.#generate(asked, options);
    const [generation] = await this.#generate([asked], options);
    return generation!;
  }

  stream(
    source: Source,
    options: Omit<GenerateOptions, "onToken" | "batchSize"> = {},
  ): AsyncGenerator<string, Generation> {
    return streamPieces(
      (onPiece, signal) =>
        this.generate(source, {
          ...options,
          signal,
          onToken: (_row, piece) => {
            onPiece(piece);
          },
        }),
      options.signal,
    );
  }

  async score(pairs: readonly ScoredPair[], options: ScoreOptions): Promise<readonly Likelihood[]> {
    return scoreTexts(this.#decoding, pairs, options);
  }

  async evaluate({ jsonSchema, ...input }: ModelEvaluation): Promise<Evaluation> {
    const constraint = jsonSchema === undefined ? undefined : await this.#constraintOf(jsonSchema);
    const { evaluateAnswers } = await import("../evaluate/evaluate-answers.js");
    return evaluateAnswers({ ...input, generator: this, scorer: this, constraint });
  }

  /** Grammars are loaded when they are first needed: most calls have none. */
  async #constraintOf(jsonSchema: unknown): Promise<NonNullable<GenerateOptions["constraint"]>> {
    const { schemaConstraint } = await import("./schema-constraint.js");
    return schemaConstraint(jsonSchema, this.#decoding);
  }

  async #generate(sources: readonly Source[], options: GenerateOptions): Promise<readonly Generation[]> {
    const { model, tokenizer, together } = this.#decoding;
    const { languages, jsonSchema } = options;
    const asked = { ...options, ...samplingOptions(options) };
    checkStops(asked.stop);
    checkTime(asked.maxTimeMs);
    if (jsonSchema !== undefined) asked.constraint = await this.#constraintOf(jsonSchema);
    const encoded = encodeSources(sources, tokenizer, { model, languages, asks: "generate" });
    const batchSize = checkedBatchSize(asked.batchSize);
    const batches = planBatches(encoded, batchSize, together === "equal-lengths");
    const results = new Map<number, Generation>();
    for (const batch of batches) {
      for (const [row, generation] of await this.#generateBatch(batch, asked)) results.set(row, generation);
    }
    return sources.map((_, row) => results.get(row)!);
  }

  async warmUp(): Promise<void> {
    const { tokens, maxTarget, vision } = this.#decoding.model;
    // Two steps: the first reads the prompt, the second also the cache.
    const maxTokens = Math.max(1, Math.min(2, maxTarget - 1));
    const source = { ids: [tokens.unknown], image: vision === undefined ? undefined : BLANK_IMAGE };
    await this.#decoding.decode([source], { strategy: { kind: "greedy" }, maxTokens });
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#decoding.close();
    await this.#options.closes?.();
  }

  async #generateBatch(
    batch: readonly IndexedSource[],
    options: SampledOptions,
  ): Promise<readonly (readonly [number, Generation])[]> {
    const { model, tokenizer, generation } = this.#decoding;
    const { stop = [], onToken } = options;
    const threshold = thresholdFor(options.abstain, model);
    // Whether an answer is withheld is known at its end.
    const onPiece = threshold === undefined ? onToken : undefined;
    const { strategy, rules, maxTokens } = withModelSettings(options, generation, model);
    const { maxTimeMs, signal } = options;
    const rows = batch.map(({ row }) => row);
    const texts = new RowTexts({ decode: (ids) => tokenizer.decode(ids), rows, stop, onPiece });
    const stopsAfter: DecodeOptions["stopsAfter"] =
      strategy.kind === "beam" ? (_, tokens) => texts.holdsStop(tokens) : (at) => texts.isStopped(at);
    const decoded = await this.#decoding.decode(batch, {
      strategy,
      rules,
      maxTokens,
      maxTimeMs,
      signal,
      constraint: constraintsOf(options, batch),
      random: randomOf(options, batch),
      onToken: (at, token) => {
        texts.push(at, token);
      },
      stopsAfter: stop.length === 0 ? undefined : stopsAfter,
      watch: this.#options.watch,
    });
    return decoded.map((result, at) => {
      const { row } = batch[at]!;
      const answer = texts.end(at, result.tokens);
      const judgement = judge(result, threshold);
      const text = judgement.abstained ? "" : answer;
      if (threshold !== undefined && text !== "") onToken?.(row, text);
      return [row, { ...result, ...judgement, text }];
    });
  }
}

type SampledOptions = GenerateOptions & SamplingRequest;

const isList = (asked: Source | readonly Source[]): asked is readonly Source[] => Array.isArray(asked);

/** The constraint of each row. */
function constraintsOf(
  { constraint }: SampledOptions,
  batch: readonly IndexedSource[],
): BatchOptions["constraint"] {
  return constraint && ((at) => constraint(batch[at]!.text));
}

/** A random generator for each row. */
function randomOf({ seed }: SampledOptions, batch: readonly IndexedSource[]): BatchOptions["random"] {
  if (seed === undefined) return undefined;
  const random = batch.map(({ row }) => createRandom((seed + row) % 2 ** 32).next);
  return (at) => random[at]!();
}
