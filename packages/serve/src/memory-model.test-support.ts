/** A model in a temporary directory and a runtime that computes it in plain JavaScript, rows at positions of their own. */
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { GRAPH_IO, writeDeviceModel, type DeviceModel } from "@slm/exported-model";
import { argmax } from "@slm/decoding";
import { SlmError } from "@slm/core";
import { GraphBuilder, int, writeOnnx } from "@slm/onnx";
import {
  createHostTensor,
  elementCount,
  repeatRuns,
  type DeviceTensor,
  type HostTensor,
  type RunRequest,
  type RunResult,
  type Runtime,
  type Session,
} from "@slm/runtime";
import { trainSymbolTokenizer, writeTokenizer } from "@slm/tokenizer";
import { PADDING, ROWS, fresh, placed } from "./batching/row-graphs.js";

const LETTERS = "abcdefgh";
const MAX_TARGET = 12;

/** The answer of the model to a source: its letters from last to first, in capitals, then the end. */
export function expectedAnswer(source: string): string {
  return Array.from(source).toReversed().join(" ").toUpperCase();
}

/** Writes model.json, the tokenizer and the outline of a decoder. @returns the directory */
export async function writeMemoryModel(encoderScheme = "float32"): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "slm-serve-model-"));
  const letters = Array.from(LETTERS);
  const files = trainSymbolTokenizer({
    sources: [LETTERS],
    targets: [letters.join(" ").toUpperCase()],
    sourceLowercase: true,
  });
  await writeTokenizer(files, directory);
  const graph = (file: string): DeviceModel["graphs"]["decoder"] => ({ file, bytes: 1, scheme: "float32" });
  await writeDeviceModel(directory, {
    schemaVersion: 1,
    name: "memory",
    architecture: "encoder-decoder",
    target: "cpu",
    scheme: "float32",
    graphs: { encoder: { ...graph("encoder.onnx"), scheme: encoderScheme }, decoder: graph("decoder.onnx") },
    parameters: 1,
    vocabularySize: 4 + 2 * LETTERS.length,
    decoderLayers: 1,
    kvHeads: 1,
    headDim: 1,
    maxSource: 10,
    maxTarget: MAX_TARGET,
    tokens: { pad: 0, bos: 1, eos: 2, unknown: 3 },
    flops: { encoderPerSourceToken: 1, decoderPerTargetToken: 1 },
  });
  const builder = new GraphBuilder("decoder");
  const past = builder.input(GRAPH_IO.pastLength, "int32", ["batch"]);
  const column = builder.op("Unsqueeze", [past, builder.ints([1])]);
  builder.output(GRAPH_IO.logits, builder.op("Cast", [column], { attributes: { to: int(1) } }), "float32", [
    "batch",
    1,
  ]);
  await writeOnnx(builder.build(), join(directory, "decoder.onnx"));
  return directory;
}

/** What a test may look at and change. */
export class MemoryRuntime implements Runtime {
  readonly device = { provider: "memory", threads: 1, description: "test", simulated: true, fallbacks: [] };
  readonly tensors = new Map<number, HostTensor>();
  /** Rows of every run of the encoder. */
  readonly encoded: number[] = [];
  /** What every decoder step was asked for. */
  readonly asked: (readonly string[])[] = [];
  /** Rows of every decoder step. */
  readonly steps: number[] = [];
  /** Milliseconds of one decoder step. */
  stepMs = 0;
  /** Thrown by the next decoder step. */
  failure: Error | undefined;
  isClosed = false;
  #lastId = 0;

  load(
    source: { kind: "file"; path: string } | { kind: "bytes" },
    options: { name?: string } = {},
  ): Promise<Session> {
    const { name = "" } = options;
    const handlers: Readonly<Record<string, (request: RunRequest) => RunResult | Promise<RunResult>>> = {
      encoder: (request) => this.#encode(request),
      decoder: (request) => this.#decode(request),
      "serve/place": (request) => this.#place(request),
      "serve/move": (request) => this.#move(request),
    };
    const handler = handlers[name];
    if (handler === undefined) throw new SlmError("UNEXPECTED", `no graph '${name}' of ${source.kind}`);
    const run = async (request: RunRequest): Promise<RunResult> => handler(request);
    const repeat: Session["repeat"] = (request) => repeatRuns({ run }, request);
    return Promise.resolve({
      ...{ inputNames: [], outputNames: [], run, repeat },
      release: () => Promise.resolve(),
    });
  }

  upload(tensor: HostTensor): Promise<DeviceTensor> {
    return Promise.resolve(this.#keep(createHostTensor(tensor.dtype, tensor.shape, tensor.data.slice())));
  }

  download(): Promise<HostTensor> {
    throw new SlmError("UNEXPECTED", "not used");
  }

  write(): Promise<void> {
    throw new SlmError("UNEXPECTED", "not used");
  }

  permuteRows(): Promise<void> {
    throw new SlmError("UNEXPECTED", "not used");
  }

  release(tensors: readonly DeviceTensor[]): Promise<void> {
    for (const { id } of tensors) if (!this.tensors.delete(id)) throw new Error("released twice");
    return Promise.resolve();
  }

  peakMemoryBytes(): Promise<number> {
    return Promise.resolve(0);
  }

  close(): Promise<void> {
    this.isClosed = true;
    return Promise.resolve();
  }

  #keep(tensor: HostTensor): DeviceTensor {
    const id = ++this.#lastId;
    this.tensors.set(id, tensor);
    return { id, dtype: tensor.dtype, shape: tensor.shape };
  }

  #value(feeds: RunRequest["feeds"], name: string): HostTensor {
    const fed = feeds[name];
    if (fed === undefined) throw new Error(`${name} is not fed`);
    return "data" in fed ? fed : this.tensors.get(fed.id)!;
  }

  /** Keys hold the source's ids, the bias where they are. */
  #encode({ feeds, keep = [], fetch = [] }: RunRequest): RunResult {
    const ids = this.#value(feeds, GRAPH_IO.sourceIds);
    const lengths = this.#value(feeds, GRAPH_IO.sourceLengths);
    const [rows = 0, width = 0] = ids.shape;
    const key = createHostTensor("float32", [rows, 1, 1, width], Float32Array.from(ids.data as Int32Array));
    const bias = createHostTensor("float32", [rows, 1, 1, width]);
    bias.data.forEach((_, at) => {
      bias.data[at] = at % width < Number(lengths.data[Math.floor(at / width)]) ? 0 : -1e9;
    });
    const value = createHostTensor("float32", [rows, 1, width, 1]);
    const made: Readonly<Record<string, HostTensor>> = {
      [GRAPH_IO.crossKey(0)]: key,
      [GRAPH_IO.crossValue(0)]: value,
      [GRAPH_IO.sourceBias]: bias,
    };
    this.encoded.push(rows);
    return {
      fetched: Object.fromEntries(fetch.map((name) => [name, made[name]!])),
      kept: Object.fromEntries(keep.map((name) => [name, this.#keep(made[name]!)])),
    };
  }

  /** Counts the positions written into the cache, so a row that was moved wrongly says the wrong letter. */
  async #decode({ feeds, fetch = [], into = {} }: RunRequest): Promise<RunResult> {
    if (this.failure !== undefined) throw this.failure;
    if (this.stepMs > 0) await new Promise((resolve) => setTimeout(resolve, this.stepMs));
    const past = this.#value(feeds, GRAPH_IO.pastLength).data;
    const ids = this.#value(feeds, GRAPH_IO.targetIds).data;
    const cache = this.tensors.get(into[GRAPH_IO.presentKey(0)]!.id)!;
    const vocabulary = 4 + 2 * LETTERS.length;
    const logits = new Float32Array(past.length * vocabulary);
    this.steps.push(past.length);
    for (let row = 0; row < past.length; row++) {
      const at = Number(past[row]);
      cache.data[row * MAX_TARGET + at] = Number(ids[row]);
      const written = cache.data.slice(row * MAX_TARGET, row * MAX_TARGET + at + 1);
      const source = this.#source(feeds, row);
      const said = written.filter((id) => Number(id) >= 4).length;
      const letter = source.at(-1 - said);
      logits[row * vocabulary + (letter === undefined ? 2 : letter + LETTERS.length)] = 1;
    }
    this.asked.push(fetch);
    const best = Array.from({ length: past.length }, (_, row) => {
      return argmax(logits.subarray(row * vocabulary, (row + 1) * vocabulary));
    });
    const outputs: Readonly<Record<string, HostTensor>> = {
      [GRAPH_IO.logits]: createHostTensor("float32", [past.length, vocabulary], logits),
      [GRAPH_IO.bestIds]: createHostTensor("int32", [past.length], Int32Array.from(best)),
      [GRAPH_IO.bestLogProbabilities]: createHostTensor("float32", [past.length]),
    };
    return { fetched: Object.fromEntries(fetch.map((name) => [name, outputs[name]!])), kept: {} };
  }

  #source(feeds: RunRequest["feeds"], row: number): readonly number[] {
    const key = this.#value(feeds, GRAPH_IO.crossKey(0));
    const bias = this.#value(feeds, GRAPH_IO.sourceBias).data;
    const width = key.shape.at(-1)!;
    return [...key.data.slice(row * width, (row + 1) * width)]
      .map(Number)
      .filter((_, at) => bias[row * width + at] === 0);
  }

  #place({ feeds, into = {} }: RunRequest): RunResult {
    const rows = [...this.#value(feeds, ROWS).data].map(Number);
    for (const [output, target] of Object.entries(into)) {
      const name = output.slice(placed("").length);
      const batch = this.tensors.get(target.id)!;
      const added = widened(
        this.#value(feeds, fresh(name)),
        Number(this.#value(feeds, PADDING).data[0]),
        name,
      );
      const size = elementCount(batch.shape.slice(1));
      rows.forEach((row, at) => {
        for (let i = 0; i < size; i++) batch.data[row * size + i] = added.data[at * size + i]!;
      });
    }
    return { fetched: {}, kept: {} };
  }

  #move({ feeds, keep = [] }: RunRequest): RunResult {
    const rows = [...this.#value(feeds, ROWS).data].map(Number);
    const padding = Number(this.#value(feeds, PADDING).data[0]);
    const moved = keep.map((output) => {
      const name = output.slice(placed("").length);
      const batch = this.#value(feeds, name);
      const size = elementCount(batch.shape.slice(1));
      const chosen = rows.flatMap((row) => [...batch.data.slice(row * size, (row + 1) * size)].map(Number));
      const shape = [rows.length, ...batch.shape.slice(1)];
      const tensor = createHostTensor("float32", shape, Float32Array.from(chosen));
      return [output, this.#keep(widened(tensor, padding, name))] as const;
    });
    return { fetched: {}, kept: Object.fromEntries(moved) };
  }
}

/** Pads the axis of the source; every other axis of this model but the rows is 1. */
function widened(tensor: HostTensor, padding: number, name: string): HostTensor {
  if (name.startsWith("past") || padding === 0) return tensor;
  const { shape, data } = tensor;
  const axis = name === GRAPH_IO.crossValue(0) ? 2 : 3;
  const width = shape[axis]!;
  const wide = createHostTensor("float32", shape.with(axis, width + padding));
  const filling = name === GRAPH_IO.sourceBias ? -1e9 : 0;
  for (let at = 0; at < wide.data.length; at++) wide.data[at] = filling;
  data.forEach((value, at) => {
    wide.data[Math.floor(at / width) * (width + padding) + (at % width)] = Number(value);
  });
  return wide;
}
