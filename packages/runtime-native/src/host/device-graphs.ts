/** Operations on a device's tensors that stay in device memory: small graphs that are built and loaded on first use. */
import { encodeModel, GraphBuilder, int, ints } from "@slm/onnx";
import { checkAppended, createHostTensor, type HostTensor } from "@slm/runtime";
import type { RequestOf } from "@slm/runtime/host";
import { BoundRun, type RunContext } from "./bound-run.js";
import type { NativeGraph } from "./sessions.js";
import type { NativeTensor } from "./tensors.js";

/** What the graphs are loaded and run with. */
export interface DeviceGraphsParts {
  /** Loads a graph on the device. */
  readonly load: (request: RequestOf<"load">) => Promise<NativeGraph>;
  readonly context: () => Omit<RunContext, "tensor" | "appendOnDevice">;
}

export class DeviceGraphs {
  readonly #parts: DeviceGraphsParts;
  readonly #graphs = new Map<string, NativeGraph>();

  constructor(parts: DeviceGraphsParts) {
    this.#parts = parts;
  }

  /**
   * Returns a new tensor; its row i is row `rows[i]` of the given tensor. The caller releases the given tensor.
   *
   * @throws SlmError DATA_INVALID if the device cannot load the graph
   */
  async reordered(tensor: NativeTensor, rows: readonly number[]): Promise<NativeTensor> {
    const { dtype, shape } = tensor;
    const graph = await this.#graph(`rows of ${dtype}, rank ${shape.length}`, (builder) => {
      const inner = shape.slice(1).map((_, axis) => `size${axis + 1}`);
      builder.input("from", dtype, ["rows", ...inner]);
      builder.input("order", "int32", ["rows"]);
      const made = builder.op("Gather", ["from", "order"], { attributes: { axis: int(0) } });
      builder.output("to", made, dtype, ["rows", ...inner]);
    });
    const order = createHostTensor("int32", [rows.length], Int32Array.from(rows));
    return (await this.#run(graph, { inputs: [tensor, order] }))!;
  }

  /**
   * Writes new positions into a cache, like `appendPositions` in host memory.
   *
   * @throws SlmError SHAPE_MISMATCH under the same conditions, with nothing written; DATA_INVALID if the device cannot load the graph
   */
  async append(cache: NativeTensor, fresh: NativeTensor, at: readonly number[]): Promise<void> {
    checkAppended("runtime-native", cache, fresh, at);
    const { dtype, shape } = cache;
    const [rows = 0, heads = 0, , dim = 0] = shape;
    const length = fresh.shape[1] ?? 0;
    const graph = await this.#graph(`append to ${dtype}, ${heads} heads of ${dim}`, (builder) => {
      builder.input("cache", dtype, ["rows", heads, "capacity", dim]);
      builder.input("fresh", dtype, ["rows", "length", heads * dim]);
      builder.input("places", "int64", ["rows", heads, "length", 3]);
      const divided = builder.op("Reshape", ["fresh", builder.ints([0, 0, heads, dim])]);
      const turned = builder.op("Transpose", [divided], { attributes: { perm: ints([0, 2, 1, 3]) } });
      const written = builder.op("ScatterND", ["cache", "places", turned]);
      builder.output("to", written, dtype, ["rows", heads, "capacity", dim]);
    });
    const places = createHostTensor("int64", [rows, heads, length, 3], placesOf({ rows, heads, length, at }));
    await this.#run(graph, { inputs: [cache, fresh, places], into: cache });
  }

  async #graph(name: string, build: (builder: GraphBuilder) => void): Promise<NativeGraph> {
    const known = this.#graphs.get(name);
    if (known !== undefined) return known;
    const builder = new GraphBuilder(name);
    build(builder);
    const source = { kind: "bytes", bytes: encodeModel(builder.build()) } as const;
    const graph = await this.#parts.load({ session: 0, name, source, optimization: "all", planMemory: true });
    this.#graphs.set(name, graph);
    return graph;
  }

  /** Runs a graph with one output. @param into tensor for the output. Absent: a new tensor, which is returned */
  async #run(
    graph: NativeGraph,
    {
      inputs,
      into,
    }: { readonly inputs: readonly (NativeTensor | HostTensor)[]; readonly into?: NativeTensor },
  ): Promise<NativeTensor | undefined> {
    const isNew = into === undefined;
    const request = {
      session: 0,
      feeds: inputs.map((input, at) => ("value" in input ? at : input)),
      fetch: [],
      keep: isNew ? [0] : [],
      keepIds: isNew ? [0] : [],
      into: isNew ? [] : [0],
      intoIds: isNew ? [] : [inputs.length],
      append: { at: [], outputs: [], ids: [] },
    };
    const tensors = [...inputs, into];
    const run = new BoundRun(graph, request, {
      ...this.#parts.context(),
      tensor: (id) => tensors[id] as NativeTensor,
      appendOnDevice: () => Promise.resolve(),
    });
    try {
      return (await run.finish(await run.compute(), [])).kept[0];
    } finally {
      run.release();
    }
  }
}

/** Row, head and position of every vector of new positions: `[rows, heads, length, 3]`. */
function placesOf({
  rows,
  heads,
  length,
  at,
}: {
  readonly rows: number;
  readonly heads: number;
  readonly length: number;
  readonly at: readonly number[];
}): BigInt64Array<ArrayBuffer> {
  const places = new BigInt64Array(rows * heads * length * 3);
  let next = 0;
  for (let row = 0; row < rows; row++) {
    const first = at.length === 1 ? at[0]! : at[row]!;
    for (let head = 0; head < heads; head++)
      for (let position = 0; position < length; position++) {
        places[next++] = BigInt(row);
        places[next++] = BigInt(head);
        places[next++] = BigInt(first + position);
      }
  }
  return places;
}
