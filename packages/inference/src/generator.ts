import type { DeviceModel } from "@slm/exported-model";
import { createRandom } from "@slm/decoding";
import type { Runtime } from "@slm/runtime";
import { type IndexedSource, planBatches } from "./batches.js";
import { CachePool } from "./caches.js";
import { type BatchEngine, type BatchOptions, decodeBatch } from "./decode-batch.js";
import { BLANK_IMAGE, ImageEncoder, type ImageEncoderOptions } from "./image-encoder.js";
import { type LoadedModel, loadModel } from "./loaded-model.js";
import { checkLookup, checkStops, checkTime, checkedBatchSize, encodeSources } from "./model-limits.js";
import { RowTexts } from "./row-texts.js";
import type { GenerateOptions, Generation, Generator, Source } from "./types.js";

/**
 * Loads an exported, quantized or bundled model for generating text.
 *
 * Reads: `model.json`, the graphs it names, `tokenizer.json`, `tokenizer_config.json`.
 *
 * @throws SlmError INPUT_MISSING for a file that is not there, DATA_INVALID for one that is not what it should be.
 * @example
 * const generator = await loadGenerator("runs/g2p/export", await createCpuRuntime());
 * const [{ text }] = await generator.generate(["hello"]);
 */
export async function loadGenerator(
  directory: string,
  runtime: Runtime,
  options: GeneratorOptions = {},
): Promise<Generator> {
  checkLookup(options.lookup);
  const loaded = await loadModel(directory, runtime, { checksGuesses: options.lookup !== undefined });
  return generatorOf(loaded, runtime, options);
}

export interface GeneratorOptions extends ImageEncoderOptions {
  /**
   * Most tokens guessed at once by copying from the source and the answer, and checked in one run of the decoder. Every answer
   * is then the greedy one, in fewer runs where it repeats what stands before it; texts are decoded one by one.
   */
  readonly lookup?: number | undefined;
}

/** A generator over a model whose parts are loaded already, from wherever they came. */
export function openGenerator(
  loaded: LoadedModel,
  runtime: Runtime,
  options: ImageEncoderOptions = {},
): Generator {
  return generatorOf(loaded, runtime, options);
}

function generatorOf(loaded: LoadedModel, runtime: Runtime, options: GeneratorOptions): Generator {
  const { model, vision: graph } = loaded;
  const images =
    model.vision === undefined || graph === undefined
      ? undefined
      : new ImageEncoder(model.vision, graph, options);
  const { lookup } = options;
  return new ModelGenerator({ runtime, loaded, images, lookup, caches: new CachePool(runtime, model) });
}

class ModelGenerator implements Generator {
  readonly #engine: BatchEngine;

  constructor(engine: BatchEngine) {
    this.#engine = engine;
  }

  get model(): DeviceModel {
    return this.#engine.loaded.model;
  }

  async generate(sources: readonly Source[], options: GenerateOptions = {}): Promise<readonly Generation[]> {
    const { tokenizer, encoder } = this.#engine.loaded;
    checkStops(options.stop);
    checkTime(options.maxTimeMs);
    const encoded = encodeSources(sources, tokenizer, this.model);
    const batches = planBatches(encoded, checkedBatchSize(options.batchSize), encoder === undefined);
    const results = new Map<number, Generation>();
    for (const batch of batches) {
      for (const [row, generation] of await this.#generateBatch(batch, options)) results.set(row, generation);
    }
    return sources.map((_, row) => results.get(row)!);
  }

  async warmUp(): Promise<void> {
    const { tokens, maxTarget, vision } = this.model;
    // Two steps: the first reads the prompt, the second the cache.
    const maxTokens = Math.max(1, Math.min(2, maxTarget - 1));
    const source = { ids: [tokens.unknown], image: vision === undefined ? undefined : BLANK_IMAGE };
    await decodeBatch(this.#engine, [source], { strategy: { kind: "greedy" }, maxTokens });
  }

  async close(): Promise<void> {
    const { caches, loaded, images } = this.#engine;
    await caches.clear();
    await loaded.buckets?.release();
    await loaded.decoder.release();
    await loaded.encoder?.release();
    await images?.release();
  }

  async #generateBatch(
    batch: readonly IndexedSource[],
    options: GenerateOptions,
  ): Promise<readonly (readonly [number, Generation])[]> {
    const { tokenizer } = this.#engine.loaded;
    const { strategy = { kind: "greedy" }, stop = [], onToken } = options;
    const rows = batch.map(({ row }) => row);
    const texts = new RowTexts({ decode: (ids) => tokenizer.decode(ids), rows, stop, onPiece: onToken });
    const decoded = await decodeBatch(this.#engine, batch, {
      strategy,
      ...settingsOf(options, rows),
      onToken: (at, token) => {
        texts.push(at, token);
      },
      ...(stop.length === 0
        ? {}
        : {
            stopsAfter:
              strategy.kind === "beam" ? (_, tokens) => texts.holdsStop(tokens) : (at) => texts.isStopped(at),
          }),
    });
    return decoded.map((result, at) => [batch[at]!.row, { text: texts.end(at, result.tokens), ...result }]);
  }
}

/** The options that decoding takes as they are. */
function settingsOf(
  { maxTokens, maxTimeMs, rules, constraint, seed, signal }: GenerateOptions,
  rows: readonly number[],
): Omit<BatchOptions, "strategy"> {
  const random = seed === undefined ? [] : rows.map((row) => createRandom((seed + row) % 2 ** 32).next);
  return {
    ...(maxTokens === undefined ? {} : { maxTokens }),
    ...(maxTimeMs === undefined ? {} : { maxTimeMs }),
    ...(rules === undefined ? {} : { rules }),
    ...(constraint === undefined ? {} : { constraint }),
    ...(seed === undefined ? {} : { random: (at) => random[at]!() }),
    ...(signal === undefined ? {} : { signal }),
  };
}
