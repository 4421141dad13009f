/** A batch of rows that graphs on a runtime compute together. */
import { GRAPH_IO, type DeviceModel } from "@slm/exported-model";
import { SlmError } from "@slm/core";
import { topTokens, encodeBatch, joinImages, logitsOutput, type ModelGraphs } from "@slm/inference";
import { cacheWrites, createHostTensor } from "@slm/runtime";
import type { Batch, Step } from "./batch.js";
import { BatchState, roomFor } from "./batch-state.js";
import { encodeAlone, positionsOf, sourceWidth } from "./encode-alone.js";
import type { Row } from "./job.js";

/** The decoder with a position and a top-1 token per row (`perRowDecoder`, `withArgmaxOutput`). */
export type BatchedGraphs = Pick<ModelGraphs, "runtime" | "model" | "encoder" | "decoder"> & {
  readonly listing?: ModelGraphs["listing"];
};

/**
 * Weight formats with dynamically quantized activations, scaled by the largest value of the whole batch: so a row's result depends
 * on the others. Sources are then encoded one by one, so that an answer does not depend on concurrent requests.
 */
const BATCH_SCALED: ReadonlySet<string> = new Set(["int8-dynamic"]);

export class GraphBatch implements Batch {
  readonly #graphs: BatchedGraphs;
  readonly #maxRows: number;
  readonly #state: BatchState;
  #rows: (Row | undefined)[] = [];

  private constructor(graphs: BatchedGraphs, maxRows: number, state: BatchState) {
    this.#graphs = graphs;
    this.#maxRows = maxRows;
    this.#state = state;
  }

  /** @param maxRows largest batch */
  static async open(graphs: BatchedGraphs, maxRows: number): Promise<GraphBatch> {
    const { runtime, model, listing } = graphs;
    return new GraphBatch(graphs, maxRows, await BatchState.open(runtime, model, listing));
  }

  get model(): DeviceModel {
    return this.#graphs.model;
  }

  get rows(): (Row | undefined)[] {
    return this.#rows;
  }

  async admit(rows: readonly Row[]): Promise<void> {
    const { model } = this;
    const jobs = rows.map(({ job }) => job);
    const width =
      model.architecture === "decoder-only"
        ? 1
        : roomFor(sourceWidth(jobs, model), positionsOf(model.maxSource, model));
    const needed = this.#active + rows.length;
    const { rows: held, width: room } = this.#state.size;
    if (needed > held || width > room)
      await this.#resize(Math.max(held, rowsFor(needed, this.#maxRows)), Math.max(room, width));
    const free = this.#rows.flatMap((row, at) => (row === undefined ? [at] : []));
    const places = free.slice(0, rows.length);
    for (const [at, place] of places.entries()) this.#rows[place] = rows[at];
    await this.#encode(rows, places);
  }

  /** Halves the batch while most of its rows are free, because free rows cost computation. */
  async shrink(waiting: number): Promise<void> {
    const { rows, width } = this.#state.size;
    const active = this.#active;
    if (waiting > 0 || active * 4 > rows) return;
    const smaller = rowsFor(active * 2, this.#maxRows);
    if (smaller < rows) await this.#resize(smaller, width);
  }

  async step(): Promise<Step> {
    const { model, decoder } = this.#graphs;
    const { rows } = this.#state.size;
    const ids = Int32Array.from(this.#rows, (row) =>
      row === undefined ? model.tokens.pad : (row.prompt[row.past] ?? row.next),
    );
    const past = Int32Array.from(this.#rows, (row) => row?.past ?? 0);
    // Logits stay on the device unless a request samples from them.
    const takesLogits = this.#rows.some((row) => row?.job.choose !== undefined);
    const logitsName = logitsOutput(decoder);
    const { fetched } = await decoder.run({
      feeds: {
        [GRAPH_IO.targetIds]: createHostTensor("int32", [rows, 1], ids),
        [GRAPH_IO.pastLength]: createHostTensor("int32", [rows], past),
        ...(await this.#state.feeds()),
      },
      fetch: [GRAPH_IO.bestIds, GRAPH_IO.bestLogProbabilities, ...(takesLogits ? [logitsName] : [])],
      ...cacheWrites(model.caches, this.#state.present, [...past]),
    });
    const best = topTokens(fetched, rows);
    const logits = takesLogits ? await this.#state.wholeLogits(fetched[logitsName]!, logitsName) : undefined;
    return {
      best: (row) => ({ token: best.ids[row]!, logProbability: best.logProbabilities[row]! }),
      logits: logitRows(logits, rows, model.vocabularySize),
    };
  }

  /** Releases the batch's tensors. */
  close(): Promise<void> {
    return this.#state.close();
  }

  get #active(): number {
    return this.#rows.reduce((count, row) => count + (row === undefined ? 0 : 1), 0);
  }

  async #encode(rows: readonly Row[], places: readonly number[]): Promise<void> {
    const { runtime, model, encoder } = this.#graphs;
    if (encoder === undefined) return;
    const jobs = rows.map(({ job }) => job);
    const width = sourceWidth(jobs, model);
    if (BATCH_SCALED.has(model.graphs.encoder?.scheme ?? "")) {
      const { specs } = this.#state;
      await this.#state.place(await encodeAlone(encoder, model, { jobs, specs }), places, width);
      return;
    }
    const encoded = await encodeBatch(
      { runtime, encoder, model },
      {
        sources: jobs.map(({ source }) => source),
        images: joinImages(jobs.flatMap(({ image }) => image ?? [])),
        rowsPerSource: 1,
      },
    );
    try {
      await this.#state.place(encoded, places, width);
    } finally {
      await runtime.release(Object.values(encoded));
    }
  }

  async #resize(rows: number, width: number): Promise<void> {
    const kept = this.#rows.flatMap((row, at) => (row === undefined ? [] : [at]));
    await this.#state.resize({ rows, width }, kept);
    this.#rows = Array.from({ length: rows }, (_, at) =>
      at < kept.length ? this.#rows[kept[at]!] : undefined,
    );
  }
}

/** @throws SlmError SHAPE_MISMATCH if the shape is not `[rows, vocab]`. */
function logitRows(data: Float32Array | undefined, rows: number, vocabulary: number): Step["logits"] {
  if (data === undefined) return () => undefined;
  if (data.length !== rows * vocabulary)
    throw new SlmError(
      "SHAPE_MISMATCH",
      `serve: logits must be [${rows}, ${vocabulary}], got ${data.length} elements`,
    );
  return (row) => data.subarray(row * vocabulary, (row + 1) * vocabulary);
}

/** Batch sizes are powers of two, so that there are few. The largest is the limit in the options. */
function rowsFor(needed: number, most: number): number {
  return Math.min(2 ** Math.ceil(Math.log2(needed)), most);
}
