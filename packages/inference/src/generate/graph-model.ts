/** A model that runs loaded graphs. */
import { SlmError } from "@slm/core";
import type { DeviceModel } from "@slm/exported-model";
import { createRandom, type DecodeOptions } from "@slm/generation";
import type { RuntimeDevice } from "@slm/runtime";
import { type IndexedSource, planBatches } from "../options/batches.js";
import { CachePool } from "../dynamic/caches.js";
import { decodeBatch } from "./decode-batch.js";
import { withModelSettings } from "../options/model-settings.js";
import type { BatchOptions } from "../options/batch-options.js";
import type { Decoding } from "./decoding.js";
import { speculationPlan, type SpeculationPlan } from "../options/draft-tokens.js";
import { BLANK_IMAGE } from "../images/image-encoder.js";
import type { ModelGraphs } from "../load/model-graphs.js";
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
import { schemaConstraint } from "./schema-constraint.js";
import type { Model, ModelEvaluation, OpenModelOptions } from "./model.js";
import { scoreTexts, type ScoringParts } from "./score-texts.js";
import type { TeacherForcing } from "./teacher-forcing.js";
import { evaluateAnswers, type Evaluation } from "../evaluate/evaluate-answers.js";
import { RowTexts } from "../text/row-texts.js";
import { streamPieces } from "../text/stream-pieces.js";
import { Background } from "../dynamic/background.js";

/**
 * A model that runs loaded graphs. Closing it closes the graphs.
 *
 * @throws SlmError USAGE or OP_UNSUPPORTED if the model cannot draft, or if verifying drafts would change answers
 */
export function createModel(
  loaded: ModelGraphs,
  { directory, promptLookup, draftTokens, forcing, closes }: CreateModelOptions,
): Model {
  const { runtime, model, generation } = loaded;
  const speculation = speculationPlan(model, draftTokens, generation.draftTokens);
  const isAlone = promptLookup !== undefined || (draftTokens ?? 0) > 0;
  const decoding = {
    loaded,
    promptLookup,
    byRules: speculation.tokens,
    caches: new CachePool(runtime, model),
    background: new Background(),
  };
  return new GraphModel({ directory, decoding, speculation, isAlone, forcing, closes });
}

interface CreateModelOptions extends Pick<OpenModelOptions, "promptLookup" | "draftTokens" | "closes"> {
  readonly directory: string;
  /** The runtime that the graphs were loaded on, for a model that also scores. */
  readonly forcing?: TeacherForcing | undefined;
}

interface GraphModelParts extends Pick<CreateModelOptions, "directory" | "closes"> {
  readonly decoding: Decoding;
  readonly speculation: SpeculationPlan;
  /** Whether texts are decoded one by one. */
  readonly isAlone: boolean;
  readonly forcing: TeacherForcing | undefined;
}

class GraphModel implements Model {
  readonly directory: string;
  readonly speculation: SpeculationPlan;
  readonly #parts: GraphModelParts;
  readonly #loaded: ModelGraphs;
  #closing: Promise<void> | undefined;

  constructor(parts: GraphModelParts) {
    this.#parts = parts;
    this.#loaded = parts.decoding.loaded;
    this.directory = parts.directory;
    this.speculation = parts.speculation;
  }

  get description(): DeviceModel {
    return this.#loaded.model;
  }

  get device(): RuntimeDevice {
    return this.#loaded.runtime.device;
  }

  get languages(): Model["languages"] {
    return this.#loaded.tokenizer.languages;
  }

  generate(source: Source, options?: GenerateOptions): Promise<Generation>;
  generate(sources: readonly Source[], options?: GenerateOptions): Promise<readonly Generation[]>;
  async generate(
    asked: Source | readonly Source[],
    options: GenerateOptions = {},
  ): Promise<Generation | readonly Generation[]> {
    if (this.#parts.forcing?.isActive === true)
      throw new SlmError(
        "UNEXPECTED",
        "evaluate: a model that scores texts cannot generate at the same time",
      );
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
    const { forcing } = this.#parts;
    if (forcing === undefined)
      throw new SlmError("UNEXPECTED", `score: ${this.description.name} was opened without { scores: true }`);
    const { model, tokenizer } = this.#loaded;
    const generate: ScoringParts["generate"] = (sources, how) => this.#generate(sources, how);
    return scoreTexts({ model, tokenizer, forcing, generate }, pairs, options);
  }

  async evaluate({ jsonSchema, ...input }: ModelEvaluation): Promise<Evaluation> {
    const constraint = jsonSchema === undefined ? undefined : schemaConstraint(jsonSchema, this.#loaded);
    return evaluateAnswers({ ...input, generator: this, scorer: this, constraint });
  }

  async #generate(sources: readonly Source[], options: GenerateOptions): Promise<readonly Generation[]> {
    const { model, tokenizer, encoder } = this.#loaded;
    const { languages, jsonSchema } = options;
    const asked = { ...options, ...samplingOptions(options) };
    checkStops(asked.stop);
    checkTime(asked.maxTimeMs);
    if (jsonSchema !== undefined) asked.constraint = schemaConstraint(jsonSchema, this.#loaded);
    const encoded = encodeSources(sources, tokenizer, { model, languages });
    const batchSize = this.#parts.isAlone ? 1 : checkedBatchSize(asked.batchSize);
    const batches = planBatches(encoded, batchSize, encoder === undefined);
    const results = new Map<number, Generation>();
    for (const batch of batches) {
      for (const [row, generation] of await this.#generateBatch(batch, asked)) results.set(row, generation);
    }
    return sources.map((_, row) => results.get(row)!);
  }

  async warmUp(): Promise<void> {
    const { tokens, maxTarget, vision } = this.#loaded.model;
    // Two steps: the first reads the prompt, the second also the cache.
    const maxTokens = Math.max(1, Math.min(2, maxTarget - 1));
    const source = { ids: [tokens.unknown], image: vision === undefined ? undefined : BLANK_IMAGE };
    await decodeBatch(this.#parts.decoding, [source], { strategy: { kind: "greedy" }, maxTokens });
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const { decoding, closes } = this.#parts;
    await decoding.caches.clear();
    await decoding.loaded.close();
    await closes?.();
  }

  async #generateBatch(
    batch: readonly IndexedSource[],
    options: SampledOptions,
  ): Promise<readonly (readonly [number, Generation])[]> {
    const { model, tokenizer, generation } = this.#loaded;
    const { stop = [], onToken } = options;
    const { strategy, ...settings } = withModelSettings(options, generation, model);
    const rows = batch.map(({ row }) => row);
    const texts = new RowTexts({ decode: (ids) => tokenizer.decode(ids), rows, stop, onPiece: onToken });
    const stopsAfter: DecodeOptions["stopsAfter"] =
      strategy.kind === "beam" ? (_, tokens) => texts.holdsStop(tokens) : (at) => texts.isStopped(at);
    const decoded = await decodeBatch(this.#parts.decoding, batch, {
      strategy,
      ...decodingOptions({ ...options, ...settings }, batch),
      onToken: (at, token) => {
        texts.push(at, token);
      },
      stopsAfter: stop.length === 0 ? undefined : stopsAfter,
    });
    return decoded.map((result, at) => [batch[at]!.row, { text: texts.end(at, result.tokens), ...result }]);
  }
}

type SampledOptions = GenerateOptions & SamplingRequest;

const isList = (asked: Source | readonly Source[]): asked is readonly Source[] => Array.isArray(asked);

/** Options passed on to decoding: a random generator and a constraint per row. */
function decodingOptions(
  { maxTokens, maxTimeMs, rules, constraint, seed, signal }: SampledOptions,
  batch: readonly IndexedSource[],
): Omit<BatchOptions, "strategy"> {
  const random =
    seed === undefined ? undefined : batch.map(({ row }) => createRandom((seed + row) % 2 ** 32).next);
  return {
    ...{ maxTokens, maxTimeMs, rules, signal },
    constraint: constraint && ((at) => constraint(batch[at]!.text)),
    random: random && ((at) => random[at]!()),
  };
}
