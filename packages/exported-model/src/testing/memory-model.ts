/** An exported model in plain JavaScript: a `MemoryRuntime` with a vision graph, an encoder and a decoder. */
import { createHostTensor, type HostTensor } from "@slm/runtime";
import { MemoryRuntime, type MemoryGraphs, type MemoryOutputs, type MemoryRun } from "@slm/runtime/testing";
import { GRAPH_IO } from "../graph-io.js";
import { TINY } from "./tiny-model.js";

/** Logits of the next token, given the encoder's ids and all ids of the decoder so far. */
export type LogitsOf = (source: readonly number[], fed: readonly number[]) => readonly number[];

/** Logits that depend on all ids so far, in order. Padding, BOS and the unknown token are never predicted. */
export const hashedLogits: LogitsOf = (source, fed) => {
  const mixed = [...source, 99, ...fed].reduce((hash, id) => (Math.imul(hash, 31) + id + 1) >>> 0, 17);
  const { vocabularySize, tokens } = TINY;
  return Array.from({ length: vocabularySize }, (_, id) => {
    if (id < tokens.eos || id === tokens.unknown) return -Infinity;
    return (Math.imul(mixed ^ (id * 0x9e3779b9), 0x85ebca6b) >>> 0) / 2 ** 30;
  });
};

/** The inputs of one run of the decoder. */
export interface DecoderRun {
  readonly rows: number;
  /** New ids of each row. */
  readonly width: number;
  /** Past length of the first row. */
  readonly past: number;
  readonly fetched: readonly string[];
}

/**
 * The "encoder" returns the source ids as cross-attention keys. The "decoder" stores its input ids in the cache of its only layer, one per
 * position, and computes logits from both. A wrongly moved or masked row therefore produces other tokens.
 */
export class MemoryModel extends MemoryRuntime {
  /** Source lengths of every run of the encoder, image tokens included. */
  readonly encodedBatches: (readonly number[])[] = [];
  /** Samples of every image that the vision graph has read. */
  readonly images: (readonly number[])[] = [];
  readonly decoderRuns: DecoderRun[] = [];
  /** Duration of one decoder run [ms]. */
  stepMs = 0;
  /** Error that the next decoder runs throw. */
  failure: Error | undefined;
  readonly #logitsOf: LogitsOf;

  /** @param more further graphs, such as graphs that move the rows of a batch */
  constructor(logitsOf: LogitsOf = hashedLogits, more: MemoryGraphs = {}) {
    super(more);
    this.#logitsOf = logitsOf;
    this.add({
      vision: (run) => this.#encodeImage(run),
      encoder: (run) => this.#encode(run),
      decoder: (run) => this.#decode(run),
    });
  }

  /** Ids per row of the prefill runs. */
  get prefillWidths(): readonly number[] {
    return this.decoderRuns.filter(({ past }) => past === 0).map(({ width }) => width);
  }

  /** Patches `[1, tokens, 1]` of one sample each are the image's tokens. */
  #encodeImage({ feeds }: MemoryRun): MemoryOutputs {
    const { shape, data } = feeds[GRAPH_IO.patches]!;
    this.images.push(numbersOf(data));
    return { [GRAPH_IO.imageTokens]: createHostTensor("float32", shape, data.slice()) };
  }

  #encode({ feeds }: MemoryRun): MemoryOutputs {
    const ids = feeds[GRAPH_IO.sourceIds]!;
    const images = feeds[GRAPH_IO.imageTokens];
    const lengths = numbersOf(feeds[GRAPH_IO.sourceLengths]!.data);
    this.encodedBatches.push(lengths);
    const [rows = 0, text = 0] = ids.shape;
    const before = images === undefined ? 0 : images.shape[1]!;
    const width = before + text;
    const key = createHostTensor("float32", [rows, 1, 1, width]);
    const bias = createHostTensor("float32", [rows, 1, 1, width]);
    for (let row = 0; row < rows; row++) {
      const seen = images === undefined ? [] : rowOf(images, row, before);
      const source = [...seen, ...rowOf(ids, row, text)];
      for (let at = 0; at < width; at++) {
        key.data[row * width + at] = source[at]!;
        bias.data[row * width + at] = at < lengths[row]! ? 0 : -1e9;
      }
    }
    return {
      [GRAPH_IO.sourceBias]: bias,
      [GRAPH_IO.crossKey(0)]: key,
      [GRAPH_IO.crossValue(0)]: createHostTensor("float32", [rows, 1, width, 1]),
    };
  }

  async #decode({ feeds, request: { fetch = [] } }: MemoryRun): Promise<MemoryOutputs> {
    if (this.failure !== undefined) throw this.failure;
    if (this.stepMs > 0) await new Promise((resolve) => setTimeout(resolve, this.stepMs));
    const ids = feeds[GRAPH_IO.targetIds]!;
    // One position for all rows, or one per row.
    const past = numbersOf(feeds[GRAPH_IO.pastLength]!.data);
    const held = feeds[GRAPH_IO.pastKey(0)]!;
    const [rows = 0, width = 0] = ids.shape;
    const capacity = held.shape[2]!;
    this.decoderRuns.push({ rows, width, past: past[0]!, fetched: fetch });
    const cache = createHostTensor(held.dtype, held.shape, held.data.slice());
    const logits = Array.from({ length: rows }, (_, row) => {
      const end = (past[row] ?? past[0]!) + width;
      if (end > capacity)
        throw new RangeError(`memory: position ${end} exceeds the cache capacity of ${capacity}`);
      const fed = rowOf(ids, row, width);
      fed.forEach((id, at) => {
        cache.data[row * capacity + end - width + at] = id;
      });
      return this.#logitsOf(sourceOf(feeds, row), rowOf(cache, row, capacity).slice(0, end));
    });
    const best = logits.map((row) => row.indexOf(Math.max(...row)));
    return {
      [GRAPH_IO.logits]: createHostTensor(
        "float32",
        [rows, logits[0]?.length ?? 0],
        Float32Array.from(logits.flat()),
      ),
      [GRAPH_IO.bestIds]: createHostTensor("int32", [rows], Int32Array.from(best)),
      [GRAPH_IO.bestLogProbabilities]: createHostTensor("float32", [rows]),
      [GRAPH_IO.presentKey(0)]: cache,
      [GRAPH_IO.presentValue(0)]: feeds[GRAPH_IO.pastValue(0)]!,
    };
  }
}

/** The source ids of a row, as the encoder returned them; empty for a decoder-only model. */
function sourceOf(feeds: MemoryRun["feeds"], row: number): readonly number[] {
  const key = feeds[GRAPH_IO.crossKey(0)];
  if (key === undefined) return [];
  const width = key.shape.at(-1)!;
  const bias = rowOf(feeds[GRAPH_IO.sourceBias]!, row, width);
  return rowOf(key, row, width).filter((_, at) => bias[at] === 0);
}

const numbersOf = (data: HostTensor["data"]): number[] => Array.from(data, Number);

const rowOf = ({ data }: HostTensor, row: number, width: number): number[] =>
  numbersOf(data.subarray(row * width, (row + 1) * width));
