/** A tiny model directory, and a runtime that computes its next-token logits in plain JavaScript. */
import { GRAPH_IO, writeDeviceModel, type DeviceModel } from "@slm/exported-model";
import { SlmError } from "@slm/core";
import {
  createHostTensor,
  repeatRuns,
  type DeviceTensor,
  type HostTensor,
  type RunRequest,
  type RunResult,
  type Runtime,
  type Session,
} from "@slm/runtime";
import { trainSymbolTokenizer, writeTokenizer } from "@slm/tokenizer";

export const MAX_SOURCE = 6;
export const MAX_TARGET = 8;
/** 4 special tokens, 4 letters, 3 symbols. */
export const VOCABULARY = 11;
export const TOKENS = { pad: 0, bos: 1, eos: 2, unknown: 3 };

/** Logits of the next token, given the encoder's ids and all that the decoder was fed. */
export type LogitsOf = (source: readonly number[], fed: readonly number[]) => readonly number[];

/** Every token as likely as any other. */
export const uniform: LogitsOf = () => Array.from({ length: VOCABULARY }, () => -3.5);

/** Logits that depend on every id so far, in order. */
export const mixed: LogitsOf = (source, fed) => {
  const hash = [...source, 99, ...fed].reduce((sum, id) => (Math.imul(sum, 31) + id + 1) >>> 0, 17);
  return Array.from({ length: VOCABULARY }, (_, id) => {
    return (Math.imul(hash ^ (id * 0x9e3779b9), 0x85ebca6b) >>> 0) / 2 ** 30;
  });
};

/** The files of a model whose sources are of `abcd` and whose answers are of `X Y Z`. */
export async function writeMemoryModel(
  directory: string,
  architecture: DeviceModel["architecture"],
): Promise<void> {
  const graph = (file: string): DeviceModel["graphs"]["decoder"] => ({ file, bytes: 1, scheme: "float32" });
  await writeTokenizer(
    trainSymbolTokenizer({ sources: ["abcd"], targets: ["X Y Z"], sourceLowercase: true }),
    directory,
  );
  await writeDeviceModel(directory, {
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
  });
}

/** Its "encoder" hands the source on, its "decoder" remembers by its cache what every row was fed. */
export class MemoryRuntime implements Runtime {
  readonly device = { provider: "memory", threads: 1, description: "test", simulated: true, fallbacks: [] };
  /** Rows of every run of the decoder. */
  readonly decodedRows: number[] = [];
  /** Sources by the tensor that stands for them, texts by the cache. */
  readonly #rows = new Map<number, readonly (readonly number[])[]>();
  readonly #logitsOf: LogitsOf;
  #lastId = 0;

  constructor(logitsOf: LogitsOf) {
    this.#logitsOf = logitsOf;
  }

  load(source: { kind: "file"; path: string } | { kind: "bytes" }): Promise<Session> {
    const isEncoder = source.kind === "file" && source.path.endsWith("encoder.onnx");
    const run = (request: RunRequest): Promise<RunResult> =>
      Promise.resolve(isEncoder ? this.#encode(request) : this.#decode(request));
    const repeat: Session["repeat"] = (request) => repeatRuns({ run }, request);
    return Promise.resolve({
      ...{ inputNames: [], outputNames: [], run, repeat },
      release: () => Promise.resolve(),
    });
  }

  upload({ dtype, shape }: HostTensor): Promise<DeviceTensor> {
    return Promise.resolve({ id: ++this.#lastId, dtype, shape });
  }

  download(): Promise<HostTensor> {
    throw new SlmError("UNEXPECTED", "the test downloads nothing");
  }

  write(): Promise<void> {
    throw new SlmError("UNEXPECTED", "the test writes nothing");
  }

  permuteRows(): Promise<void> {
    throw new SlmError("UNEXPECTED", "the test has no beams");
  }

  release(): Promise<void> {
    return Promise.resolve();
  }

  peakMemoryBytes(): Promise<number> {
    return Promise.resolve(0);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #encode({ feeds, keep = [] }: RunRequest): RunResult {
    const lengths = dataOf(feeds[GRAPH_IO.sourceLengths]);
    const sources = rowsOf(feeds[GRAPH_IO.sourceIds]).map((ids, row) => ids.slice(0, lengths[row]));
    const kept = keep.map((name): readonly [string, DeviceTensor] => {
      const id = ++this.#lastId;
      this.#rows.set(id, sources);
      return [name, { id, dtype: "float32", shape: [sources.length, 1, 1, 1] }];
    });
    return { fetched: {}, kept: Object.fromEntries(kept) };
  }

  #decode({ feeds, into = {} }: RunRequest): RunResult {
    const cache = into[GRAPH_IO.presentKey(0)]!.id;
    const cross = feeds[GRAPH_IO.crossKey(0)];
    const sources = cross !== undefined && "id" in cross ? this.#rows.get(cross.id) : undefined;
    const isFirst = dataOf(feeds[GRAPH_IO.pastLength])[0] === 0;
    const fed = rowsOf(feeds[GRAPH_IO.targetIds]).map((ids, row) => [
      ...(isFirst ? [] : this.#rows.get(cache)![row]!),
      ...ids,
    ]);
    this.#rows.set(cache, fed);
    this.decodedRows.push(fed.length);
    const logits = Float32Array.from(fed.flatMap((ids, row) => this.#logitsOf(sources?.[row] ?? [], ids)));
    return {
      fetched: { [GRAPH_IO.logits]: createHostTensor("float32", [fed.length, VOCABULARY], logits) },
      kept: {},
    };
  }
}

function dataOf(tensor: HostTensor | DeviceTensor | undefined): readonly number[] {
  if (tensor === undefined || !("data" in tensor)) throw new SlmError("UNEXPECTED", "expected a host tensor");
  return Array.from(tensor.data, Number);
}

function rowsOf(tensor: HostTensor | DeviceTensor | undefined): readonly (readonly number[])[] {
  const data = dataOf(tensor);
  const [rows = 0, width = 0] = tensor?.shape ?? [];
  return Array.from({ length: rows }, (_, row) => data.slice(row * width, (row + 1) * width));
}
