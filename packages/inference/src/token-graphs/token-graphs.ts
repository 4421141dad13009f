/** Chooses tokens where the logits are, so that a token is copied from the device instead of a row of logits. */
import { SlmError } from "@slm/core";
import type { SamplingOptions, TopCandidates, TopTokens } from "@slm/generation";
import { CANDIDATES, GRAPH_IO, type DeviceModel } from "@slm/exported-model";
import { encodeModel, type Graph } from "@slm/onnx";
import {
  createHostTensor,
  type DeviceTensor,
  type HostTensor,
  type Runtime,
  type Session,
} from "@slm/runtime";
import { topTokens } from "../steps/top-tokens.js";
import { candidateGraph } from "./candidate-graph.js";
import { LOGITS } from "./row-facts.js";
import { repeatGraph, SOURCES } from "./repeat-graph.js";
import {
  SAMPLING,
  samplingGraph,
  samplingNumbers,
  samplingShape,
  uniform24,
  UNIFORM,
} from "./sampling-graph.js";

/** Targets with logits outside host memory. */
const DEVICE_TARGETS: ReadonlySet<DeviceModel["target"]> = new Set(["gpu"]);

/** Extra graphs that run on the outputs of a model's own graphs. Each is built and loaded on first use. */
export class TokenGraphs {
  readonly #runtime: Runtime;
  readonly #vocabularySize: number;
  readonly #sessions = new Map<string, Promise<Session>>();

  constructor(runtime: Runtime, { vocabularySize }: Pick<DeviceModel, "vocabularySize">) {
    this.#runtime = runtime;
    this.#vocabularySize = vocabularySize;
  }

  /** The sampling options for {@link sample}: a device tensor that the caller releases. */
  samplingTensor(options: SamplingOptions): Promise<DeviceTensor> {
    const numbers = samplingNumbers(this.#vocabularySize, options);
    return this.#runtime.upload(createHostTensor("float32", [numbers.length], numbers));
  }

  /**
   * Draws a token for each row, see `samplingGraph`.
   *
   * @param logits float32 `[rows, vocab]`
   * @param numbers result of {@link samplingTensor} for the same options
   * @param random one number in [0, 1) per row
   */
  async sample(
    logits: DeviceTensor,
    options: SamplingOptions,
    { numbers, random }: { readonly numbers: DeviceTensor; readonly random: Float64Array },
  ): Promise<TopTokens> {
    const shape = samplingShape(this.#vocabularySize, options);
    const session = await this.#session(`sampling ${shape.candidates ?? "all"}`, () => samplingGraph(shape));
    const uniform = createHostTensor("float32", [random.length, 1], Float32Array.from(random, uniform24));
    const { fetched } = await session.run({
      feeds: { [LOGITS]: logits, [UNIFORM]: uniform, [SAMPLING]: numbers },
      fetch: [GRAPH_IO.bestIds, GRAPH_IO.bestLogProbabilities],
    });
    return topTokens(fetched, random.length);
  }

  /** The `count` most probable tokens of each row, or all if the vocabulary is smaller. @param logits float32 `[rows, vocab]` */
  async candidates(logits: DeviceTensor, count: number): Promise<TopCandidates> {
    const perRow = Math.min(count, this.#vocabularySize);
    const session = await this.#session(`candidates ${perRow}`, () =>
      candidateGraph(this.#vocabularySize, perRow),
    );
    const { fetched } = await session.run({ feeds: { [LOGITS]: logits }, fetch: Object.values(CANDIDATES) });
    const [ids, found] = [
      values(fetched, CANDIDATES.ids, Int32Array),
      values(fetched, CANDIDATES.logits, Float32Array),
    ];
    // Logits are already sorted; of equal logits the lowest id comes first.
    for (let first = 0; first < ids.length; first += perRow) sortEqual(ids, found, first, first + perRow);
    const normalizers = values(fetched, CANDIDATES.normalizers, Float32Array);
    return { perRow, ids, logits: found, normalizers };
  }

  /** Repeats each row of axis 0 `times` times, in new tensors. The caller releases them. */
  async repeatRows(
    tensors: Readonly<Record<string, DeviceTensor>>,
    times: number,
  ): Promise<Readonly<Record<string, DeviceTensor>>> {
    const kinds = Object.entries(tensors).map(([name, { dtype, shape }]) => ({
      name,
      dtype,
      rank: shape.length,
    }));
    const session = await this.#session("repeated rows", () => repeatGraph(kinds));
    const rows = Object.values(tensors)[0]?.shape[0] ?? 0;
    const sources = Int32Array.from({ length: rows * times }, (_, row) => Math.floor(row / times));
    const index = createHostTensor("int32", [sources.length], sources);
    const feeds = Object.entries(tensors).map(([name, tensor]) => [`from.${name}`, tensor] as const);
    const { kept } = await session.run({
      feeds: { ...Object.fromEntries(feeds), [SOURCES]: index },
      keep: Object.keys(tensors),
    });
    return kept;
  }

  async close(): Promise<void> {
    const sessions = [...this.#sessions.values()];
    this.#sessions.clear();
    for (const session of sessions) await (await session).release();
  }

  /** A graph that failed to load is loaded again on the next request. */
  #session(name: string, graph: () => Graph): Promise<Session> {
    const known = this.#sessions.get(name);
    if (known !== undefined) return known;
    const loading = this.#runtime
      .load({ kind: "bytes", bytes: encodeModel(graph()) }, { name })
      .catch((error: unknown) => {
        this.#sessions.delete(name);
        throw error;
      });
    this.#sessions.set(name, loading);
    return loading;
  }
}

/** The graphs of a model that chooses tokens on its device; undefined if the host reads its logits. */
export function openTokenGraphs(runtime: Runtime, model: DeviceModel): TokenGraphs | undefined {
  if (!DEVICE_TARGETS.has(model.target) || model.static !== undefined) return undefined;
  return new TokenGraphs(runtime, model);
}

/** Sorts the ids of equal logits between two positions. */
function sortEqual(ids: Int32Array, logits: Float32Array, first: number, end: number): void {
  for (let from = first; from < end;) {
    let to = from + 1;
    while (to < end && logits[to] === logits[from]) to++;
    ids.subarray(from, to).sort();
    from = to;
  }
}

function values<Data extends Float32Array | Int32Array>(
  fetched: Readonly<Record<string, HostTensor>>,
  name: string,
  type: abstract new (...args: never[]) => Data,
): Data {
  const { data } = fetched[name]!;
  if (data instanceof type) return data;
  throw new SlmError("UNEXPECTED", `generate: '${name}' does not have the type that its graph declares`);
}
