/** Rows of a device's tensor in another order, without leaving the device's memory: a graph of one `Gather` per type and rank. */
import { encodeModel, GraphBuilder, int } from "@slm/onnx";
import { createHostTensor } from "@slm/runtime";
import type { RequestOf } from "@slm/runtime/host";
import { BoundRun, type RunContext } from "./bound-run.js";
import type { NativeGraph } from "./sessions.js";
import type { NativeTensor } from "./tensors.js";

type Load = (request: RequestOf<"load">) => Promise<NativeGraph>;

export class RowGather {
  readonly #load: Load;
  readonly #graphs = new Map<string, NativeGraph>();

  /** @param load loads a graph on the device */
  constructor(load: Load) {
    this.#load = load;
  }

  /**
   * A new tensor, whose row i is row `rows[i]` of the other. The device holds both, so the caller releases the other.
   *
   * @throws SlmError DATA_INVALID if the device does not load the graph
   */
  async reordered(
    tensor: NativeTensor,
    rows: readonly number[],
    context: Omit<RunContext, "tensor">,
  ): Promise<NativeTensor> {
    const index = createHostTensor("int32", [rows.length], Int32Array.from(rows));
    const request = {
      session: 0,
      feeds: [0, index],
      fetch: [],
      keep: [0],
      keepIds: [0],
      into: [],
      intoIds: [],
      append: { at: [], outputs: [], ids: [] },
    };
    const run = new BoundRun(await this.#graph(tensor), request, { ...context, tensor: () => tensor });
    try {
      return run.finish(await run.compute(), []).kept[0]!;
    } finally {
      run.release();
    }
  }

  async #graph({ dtype, shape }: NativeTensor): Promise<NativeGraph> {
    const name = `rows of ${dtype}, rank ${shape.length}`;
    const known = this.#graphs.get(name);
    if (known !== undefined) return known;
    const builder = new GraphBuilder(name);
    const inner = shape.slice(1).map((_, axis) => `size${axis + 1}`);
    builder.input("from", dtype, ["rows", ...inner]);
    builder.input("order", "int32", ["rows"]);
    const made = builder.op("Gather", ["from", "order"], { attributes: { axis: int(0) } });
    builder.output("to", made, dtype, ["rows", ...inner]);
    const source = { kind: "bytes", bytes: encodeModel(builder.build()) } as const;
    const graph = await this.#load({ session: 0, name, source, optimization: "all", planMemory: true });
    this.#graphs.set(name, graph);
    return graph;
  }
}
