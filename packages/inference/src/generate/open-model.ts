import { SlmError } from "@slm/core";
import type { DeviceModel } from "@slm/exported-model";
import { createRandom, type DecodeOptions } from "@slm/generation";
import type { Runtime } from "@slm/runtime";
import { type IndexedSource, planBatches } from "../options/batches.js";
import { CachePool } from "../dynamic/caches.js";
import { decodeBatch } from "./decode-batch.js";
import { withModelSettings } from "../options/model-settings.js";
import type { BatchOptions } from "../options/batch-options.js";
import type { Decoding } from "./decoding.js";
import { checkPromptLookup, draftPlan, type DraftPlan } from "../options/draft-tokens.js";
import { BLANK_IMAGE, type ImageEncoderOptions } from "../images/image-encoder.js";
import { type ModelGraphs, loadGraphs } from "../load/model-graphs.js";
import { verifyingDecoder } from "../load/verifying-decoder.js";
import { checkStops, checkTime, checkedBatchSize, encodeSources } from "../options/model-limits.js";
import type {
  GenerateOptions,
  Generation,
  Likelihood,
  Model,
  ScoredPair,
  ScoreOptions,
  Source,
} from "../options/types.js";
import { scoreTexts } from "./score-texts.js";
import { TeacherForcing } from "./teacher-forcing.js";
import { StopText, textBeforeStop } from "../text/stop-text.js";
import { TextStream } from "../text/text-stream.js";
import { Background } from "../dynamic/background.js";

// The texts of a batch's rows while they grow, cut at stop sequences.

interface RowTextsOptions {
  readonly decode: (ids: readonly number[]) => string;
  /** Index of each row's source in the caller's list. */
  readonly rows: readonly number[];
  readonly stop: readonly string[];
  readonly onPiece: ((row: number, piece: string) => void) | undefined;
}

interface RowText {
  readonly stream: TextStream;
  readonly cut: StopText;
}

class RowTexts {
  readonly #options: RowTextsOptions;
  /** Undefined without streaming and stop sequences; the text is then decoded once, at the end. */
  readonly #texts: readonly RowText[];

  constructor(options: RowTextsOptions) {
    const { decode, rows, stop, onPiece } = options;
    this.#options = options;
    const isWatched = onPiece !== undefined || stop.length > 0;
    this.#texts = (isWatched ? rows : []).map((row) => {
      const cut = new StopText(stop, (piece) => onPiece?.(row, piece));
      const stream = new TextStream(decode, row, (_, piece) => {
        cut.push(piece);
      });
      return { stream, cut };
    });
  }

  /** Adds a row's next token and returns the text that has become final. */
  push(at: number, token: number): void {
    this.#texts[at]?.stream.push(token);
  }

  /** Whether a row's text has reached a stop sequence. */
  isStopped(at: number): boolean {
    return this.#texts[at]?.cut.isStopped === true;
  }

  /** Whether the text of these tokens contains a stop sequence. */
  holdsStop(tokens: readonly number[]): boolean {
    const { decode, stop } = this.#options;
    return textBeforeStop(decode(tokens), stop) !== undefined;
  }

  /** Emits the rest of a row's text. @returns the whole text */
  end(at: number, tokens: readonly number[]): string {
    const text = this.#texts[at];
    text?.stream.end();
    text?.cut.end();
    const whole = this.#options.decode(tokens);
    return textBeforeStop(whole, this.#options.stop) ?? whole;
  }
}

/**
 * Opens an exported, quantized or bundled model.
 *
 * Reads: `model.json`, the graphs it names, `tokenizer.json`, `tokenizer_config.json`.
 *
 * @throws SlmError INPUT_MISSING for a missing file, DATA_INVALID for an invalid one.
 * @example
 * const model = await openModel("runs/g2p/export", await createCpuRuntime());
 * const [{ text }] = await model.generate(["hello"]);
 */
export async function openModel(
  directory: string,
  runtime: Runtime,
  options: OpenModelOptions = {},
): Promise<Model> {
  const { promptLookup, draftTokens, keptImageBytes, batchSize = 1, scores = false } = options;
  checkPromptLookup(promptLookup);
  if (scores) {
    const forcing = new TeacherForcing(runtime);
    // Tokens are chosen from the replaced logits.
    const graphs = await loadGraphs(directory, forcing.runtime, { picks: false, draftTokens: 0 });
    return createModel(graphs, { draftTokens: 0, forcing });
  }
  const editDecoder = promptLookup === undefined ? undefined : verifyingDecoder;
  const loaded = await loadGraphs(directory, runtime, {
    keptImageBytes,
    editDecoder,
    draftTokens,
    batchSize,
  });
  try {
    return createModel(loaded, options);
  } catch (error) {
    await loaded.close();
    throw error;
  }
}

export interface OpenModelOptions extends ImageEncoderOptions {
  /**
   * Prompt lookup decoding: the largest number of draft tokens, copied from the source and the answer, that one decoder run verifies.
   * The answers are the greedy ones, in fewer runs where text repeats. Texts are decoded one by one.
   */
  readonly promptLookup?: number | undefined;
  /**
   * Most draft tokens of the model's draft rules that one decoder run verifies. The answers are the greedy ones, in fewer runs. Default: as
   * many as the rules hold probable, at most 12, for texts that are decoded alone; given a number, texts are decoded one by one. 0: none.
   */
  readonly draftTokens?: number | undefined;
  /**
   * Whether the model also scores given answers, with one copy of its weights. Tokens are then chosen from logits that cross to the host, and
   * nothing is drafted. Default: false.
   */
  readonly scores?: boolean | undefined;
  /** Texts that are usually decoded together: a small model decodes few on one thread, if the runtime's threads were not chosen. Default: 1. */
  readonly batchSize?: number | undefined;
}

/**
 * A model of loaded graphs. Closing it closes the graphs.
 *
 * @throws SlmError USAGE or OP_UNSUPPORTED for draft tokens that the model does not make, or whose verification would change answers
 */
export function createModel(
  loaded: ModelGraphs,
  { promptLookup, draftTokens, forcing }: CreateModelOptions = {},
): Model {
  const { runtime, model, generation } = loaded;
  const drafts = draftPlan(model, draftTokens, generation.draftTokens);
  const isAlone = promptLookup !== undefined || (draftTokens ?? 0) > 0;
  const decoding = {
    loaded,
    promptLookup,
    byRules: drafts.tokens,
    caches: new CachePool(runtime, model),
    background: new Background(),
  };
  return new OpenModel({ decoding, drafts, isAlone, forcing });
}

interface CreateModelOptions extends Pick<OpenModelOptions, "promptLookup" | "draftTokens"> {
  /** What the graphs were loaded on, for a model that also scores. */
  readonly forcing?: TeacherForcing | undefined;
}

interface OpenModelParts {
  readonly decoding: Decoding;
  readonly drafts: DraftPlan;
  /** Whether texts are decoded one by one. */
  readonly isAlone: boolean;
  readonly forcing: TeacherForcing | undefined;
}

class OpenModel implements Model {
  readonly drafts: DraftPlan;
  readonly #decoding: Decoding;
  readonly #isAlone: boolean;
  readonly #forcing: TeacherForcing | undefined;

  constructor({ decoding, drafts, isAlone, forcing }: OpenModelParts) {
    this.#decoding = decoding;
    this.drafts = drafts;
    this.#isAlone = isAlone;
    this.#forcing = forcing;
  }

  get model(): DeviceModel {
    return this.#decoding.loaded.model;
  }

  get languages(): Model["languages"] {
    return this.#decoding.loaded.tokenizer.languages;
  }

  async generate(sources: readonly Source[], options: GenerateOptions = {}): Promise<readonly Generation[]> {
    if (this.#forcing?.isActive === true)
      throw new SlmError(
        "UNEXPECTED",
        "evaluate: a model that scores texts cannot generate at the same time",
      );
    return this.#generate(sources, options);
  }

  async score(pairs: readonly ScoredPair[], options: ScoreOptions): Promise<readonly Likelihood[]> {
    const forcing = this.#forcing;
    if (forcing === undefined)
      throw new SlmError("UNEXPECTED", `score: ${this.model.name} was opened without { scores: true }`);
    const generate: Model["generate"] = (sources, how = {}) => this.#generate(sources, how);
    const { tokenizer } = this.#decoding.loaded;
    return scoreTexts({ model: this.model, tokenizer, forcing, generate }, pairs, options);
  }

  async #generate(sources: readonly Source[], options: GenerateOptions): Promise<readonly Generation[]> {
    const { tokenizer, encoder } = this.#decoding.loaded;
    checkStops(options.stop);
    checkTime(options.maxTimeMs);
    const { languages } = options;
    const encoded = encodeSources(sources, tokenizer, { model: this.model, languages });
    const batchSize = this.#isAlone ? 1 : checkedBatchSize(options.batchSize);
    const batches = planBatches(encoded, batchSize, encoder === undefined);
    const results = new Map<number, Generation>();
    for (const batch of batches) {
      for (const [row, generation] of await this.#generateBatch(batch, options)) results.set(row, generation);
    }
    return sources.map((_, row) => results.get(row)!);
  }

  async warmUp(): Promise<void> {
    const { tokens, maxTarget, vision } = this.model;
    // Two steps: the first reads the prompt, the second also the cache.
    const maxTokens = Math.max(1, Math.min(2, maxTarget - 1));
    const source = { ids: [tokens.unknown], image: vision === undefined ? undefined : BLANK_IMAGE };
    await decodeBatch(this.#decoding, [source], { strategy: { kind: "greedy" }, maxTokens });
  }

  async close(): Promise<void> {
    const { caches, loaded } = this.#decoding;
    await caches.clear();
    await loaded.close();
  }

  async #generateBatch(
    batch: readonly IndexedSource[],
    options: GenerateOptions,
  ): Promise<readonly (readonly [number, Generation])[]> {
    const { tokenizer, generation } = this.#decoding.loaded;
    const { stop = [], onToken } = options;
    const { strategy, ...settings } = withModelSettings(options, generation, this.model);
    const rows = batch.map(({ row }) => row);
    const texts = new RowTexts({ decode: (ids) => tokenizer.decode(ids), rows, stop, onPiece: onToken });
    const stopsAfter: DecodeOptions["stopsAfter"] =
      strategy.kind === "beam" ? (_, tokens) => texts.holdsStop(tokens) : (at) => texts.isStopped(at);
    const decoded = await decodeBatch(this.#decoding, batch, {
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

/** Options passed on to decoding; a random generator and a constraint per row. */
function decodingOptions(
  { maxTokens, maxTimeMs, rules, constraint, seed, signal }: GenerateOptions,
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
