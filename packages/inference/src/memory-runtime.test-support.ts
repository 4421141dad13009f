/** A tiny model and a runtime that computes it in plain JavaScript, for tests without a device. */
import { type DeviceModel, GRAPH_IO } from "@slm/exported-model";
import { SlmError } from "@slm/core";
import {
  type DeviceTensor,
  type HostTensor,
  type RunRequest,
  type RunResult,
  type Runtime,
  type Session,
  createHostTensor,
  repeatRuns,
} from "@slm/runtime";
import { imageProcessing } from "@slm/vision";
import { expect } from "vitest";

export const MAX_SOURCE = 6;
export const MAX_TARGET = 8;
/** 4 special tokens, 4 letters, 3 symbols. */
export const VOCABULARY = 11;
export const TOKENS = { pad: 0, bos: 1, eos: 2, unknown: 3 };

/** Columns of the one row of pixels that a model which sees is shown. */
export const IMAGE_TOKENS = 2;

/** Logits that depend on every id of the source and of the text so far, in order. */
export function logitsAfter(source: readonly number[], text: readonly number[]): number[] {
  const mixed = [...source, 99, ...text].reduce((hash, id) => (Math.imul(hash, 31) + id + 1) >>> 0, 17);
  return Array.from({ length: VOCABULARY }, (_, id) => {
    if (id < 2 || id === TOKENS.unknown) return -Infinity;
    return (Math.imul(mixed ^ (id * 0x9e3779b9), 0x85ebca6b) >>> 0) / 2 ** 30;
  });
}

/**
 * A runtime whose "encoder" hands the source on in `cross.0.key` and whose "decoder" keeps the fed ids in `past.0.key`,
 * one position each, and computes its logits from what the caches hold.
 */
export class MemoryRuntime implements Runtime {
  readonly device = { provider: "memory", threads: 1, description: "test", simulated: true, fallbacks: [] };
  readonly tensors = new Map<number, HostTensor>();
  readonly loaded: string[] = [];
  readonly encodedBatches: number[][] = [];
  /** Images that the "vision graph" saw: the samples of their pixels. */
  readonly seen: number[][] = [];
  prefillWidths: number[] = [];
  allocated = 0;
  #lastId = 0;

  load(source: { kind: "file"; path: string } | { kind: "bytes" }): Promise<Session> {
    if (source.kind !== "file") throw new SlmError("UNEXPECTED", "the test loads files");
    const name = /(vision|encoder|decoder)\.onnx$/.exec(source.path)![1] as keyof typeof graphs;
    const graphs = {
      vision: (request: RunRequest) => this.#see(request),
      encoder: (request: RunRequest) => this.#encode(request),
      decoder: (request: RunRequest) => this.#decode(request),
    };
    this.loaded.push(name);
    const run = (request: RunRequest): Promise<RunResult> => Promise.resolve(graphs[name](request));
    const release = (): Promise<void> => {
      this.loaded.splice(this.loaded.indexOf(name), 1);
      return Promise.resolve();
    };
    const repeat: Session["repeat"] = (repeated) => repeatRuns({ run }, repeated);
    return Promise.resolve({ inputNames: [], outputNames: [], run, repeat, release });
  }

  upload(tensor: HostTensor): Promise<DeviceTensor> {
    this.allocated++;
    return Promise.resolve(this.#keep(createHostTensor(tensor.dtype, tensor.shape, tensor.data.slice())));
  }

  download(): Promise<HostTensor> {
    throw new SlmError("UNEXPECTED", "the test downloads nothing");
  }

  write(): Promise<void> {
    throw new SlmError("UNEXPECTED", "the test writes nothing");
  }

  permuteRows(target: DeviceTensor, rows: readonly number[]): Promise<void> {
    const { data } = this.#value(target);
    const width = data.length / rows.length;
    const old = data.slice();
    rows.forEach((from, to) => {
      for (let at = 0; at < width; at++) data[to * width + at] = old[from * width + at]!;
    });
    return Promise.resolve();
  }

  release(tensors: readonly DeviceTensor[]): Promise<void> {
    for (const { id } of tensors) expect(this.tensors.delete(id)).toBe(true);
    return Promise.resolve();
  }

  peakMemoryBytes(): Promise<number> {
    return Promise.resolve(0);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #keep(tensor: HostTensor): DeviceTensor {
    const id = ++this.#lastId;
    this.tensors.set(id, tensor);
    return { id, dtype: tensor.dtype, shape: tensor.shape };
  }

  #value(tensor: HostTensor | DeviceTensor): HostTensor {
    return "data" in tensor ? tensor : this.tensors.get(tensor.id)!;
  }

  /** Patches of one value each are the image's tokens, of width 1. */
  #see({ feeds }: RunRequest): RunResult {
    const { shape, data } = this.#value(feeds[GRAPH_IO.patches]!);
    expect(shape).toEqual([1, IMAGE_TOKENS, 1]);
    this.seen.push([...(data as Float32Array)]);
    const tokens = createHostTensor("float32", shape, data.slice());
    return { fetched: { [GRAPH_IO.imageTokens]: tokens }, kept: {} };
  }

  #encode({ feeds, keep = [], fetch = [] }: RunRequest): RunResult {
    const ids = this.#value(feeds[GRAPH_IO.sourceIds]!);
    const images = feeds[GRAPH_IO.imageTokens];
    const lengths = [...(this.#value(feeds[GRAPH_IO.sourceLengths]!).data as Int32Array)];
    this.encodedBatches.push(lengths);
    const [rows = 0, text = 0] = ids.shape;
    const before = images === undefined ? 0 : IMAGE_TOKENS;
    const width = before + text;
    const key = createHostTensor("float32", [rows, 1, 1, width]);
    for (let row = 0; row < rows; row++) {
      if (images !== undefined)
        key.data.set(
          this.#value(images).data.subarray(row * before, (row + 1) * before) as never,
          row * width,
        );
      const own = (ids.data as Int32Array).subarray(row * text, (row + 1) * text);
      key.data.set(Float32Array.from(own) as never, row * width + before);
    }
    const bias = createHostTensor("float32", [rows, 1, 1, width]);
    for (let row = 0; row < rows; row++) {
      for (let at = 0; at < width; at++) bias.data[row * width + at] = at < lengths[row]! ? 0 : -1e9;
    }
    const values: Record<string, HostTensor> = {
      [GRAPH_IO.sourceBias]: bias,
      [GRAPH_IO.crossKey(0)]: key,
      [GRAPH_IO.crossValue(0)]: key,
    };
    return {
      fetched: Object.fromEntries(fetch.map((name) => [name, values[name]!])),
      kept: Object.fromEntries(keep.map((name) => [name, this.#keep(values[name]!)])),
    };
  }

  #decode({ feeds, into = {} }: RunRequest): RunResult {
    const target = this.#value(feeds[GRAPH_IO.targetIds]!);
    const past = Number(this.#value(feeds[GRAPH_IO.pastLength]!).data[0]);
    const cache = into[GRAPH_IO.presentKey(0)]!;
    expect(feeds[GRAPH_IO.pastKey(0)]).toBe(cache);
    const [rows = 0, width = 0] = target.shape;
    const capacity = cache.shape[2]!;
    if (past === 0) this.prefillWidths.push(width);
    expect(past + width).toBeLessThanOrEqual(capacity);
    const held = this.#value(cache).data;
    const logits: number[] = [];
    for (let row = 0; row < rows; row++) {
      for (let at = 0; at < width; at++) held[row * capacity + past + at] = target.data[row * width + at]!;
      const text = [...held.subarray(row * capacity, row * capacity + past + width)].map(Number);
      logits.push(...logitsAfter(this.#source(feeds, row), text));
    }
    return {
      fetched: {
        [GRAPH_IO.logits]: createHostTensor("float32", [rows, VOCABULARY], Float32Array.from(logits)),
      },
      kept: {},
    };
  }

  #source(feeds: RunRequest["feeds"], row: number): number[] {
    const key = feeds[GRAPH_IO.crossKey(0)];
    if (key === undefined) return [];
    const width = key.shape[3]!;
    const part = (tensor: HostTensor): number[] =>
      [...tensor.data.subarray(row * width, (row + 1) * width)].map(Number);
    const bias = part(this.#value(feeds[GRAPH_IO.sourceBias]!));
    return part(this.#value(key)).filter((_, at) => bias[at] === 0);
  }
}

export function deviceModel(architecture: DeviceModel["architecture"]): DeviceModel {
  const graph = (file: string): DeviceModel["graphs"]["decoder"] => ({ file, bytes: 1, scheme: "float32" });
  return {
    schemaVersion: 1,
    name: "tiny",
    architecture,
    target: "cpu",
    scheme: "float32",
    graphs: {
      ...(architecture === "encoder-decoder" ? { encoder: graph("encoder.onnx") } : {}),
      decoder: graph("decoder.onnx"),
    },
    parameters: 1,
    vocabularySize: VOCABULARY,
    decoderLayers: 1,
    kvHeads: 1,
    headDim: 1,
    maxSource: MAX_SOURCE,
    maxTarget: MAX_TARGET,
    tokens: TOKENS,
    flops: { encoderPerSourceToken: 1, decoderPerTargetToken: 1 },
  };
}

/** The same, seeing a grey image of {@link IMAGE_TOKENS} pixels, whose samples are its tokens. */
export function seeingModel(prompt?: string): DeviceModel {
  const model = deviceModel("encoder-decoder");
  return {
    ...model,
    graphs: { vision: { file: "vision.onnx", bytes: 1, scheme: "float32" }, ...model.graphs },
    maxSource: IMAGE_TOKENS + MAX_SOURCE,
    vision: {
      image: imageProcessing.parse({
        ...{ channels: 1, scale: 1, mean: [0], std: [1] },
        resize: { kind: "stretch", height: 1, width: IMAGE_TOKENS },
      }),
      patch: { height: 1, width: 1 },
      classToken: false,
      ...{ tokens: IMAGE_TOKENS, width: 1, flopsPerImage: 1 },
      ...(prompt === undefined ? {} : { prompt }),
    },
  };
}
