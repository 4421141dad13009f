/** Turns nodes into calls of kernels over one arena. */
import { Sections, type Section, type WeightForm } from "./sections.js";
import { Arena, type AnswerState, type Capacities } from "./arena.js";
import type { FusedNodes } from "./fuse.js";
import { callOf, type Call, type Place } from "./kernels.js";
import type { ActivationKind, BiasSpec, MatrixSpec, Node, Store, Value } from "./nodes.js";

export interface Program {
  readonly encode: readonly Call[] | undefined;
  readonly step: readonly Call[];
  /** Where logits `[wanted, vocabulary]` are. */
  readonly logits: number;
  readonly state: AnswerState;
  /** Size of the arena [floats]. */
  readonly arena: number;
  readonly capacities: Capacities;
  readonly vocabulary: number;
  readonly sections: readonly Section[];
}

/** Size of what is kept of a source and its answer; it is at the start of the arena [floats]. */
export const keptFloats = ({ state }: Program): number => state.start + state.size;

/** In the order of the enumeration in kernels/elementwise.c. */
const ACTIVATIONS: readonly ActivationKind[] = ["gelu", "erfGelu", "quickGelu", "relu", "silu", "softcap"];

export function planProgram(nodes: FusedNodes, form: WeightForm, capacities: Capacities): Program {
  const arena = new Arena(nodes, form, capacities);
  const calls = new Calls({ arena, form, capacities });
  return {
    encode: nodes.encode?.map((node) => calls.of(node)),
    step: nodes.step.map((node) => calls.of(node)),
    logits: arena.placeOf(nodes.logits).offset,
    state: arena.state,
    arena: arena.size,
    capacities,
    vocabulary: nodes.logits.width,
    sections: calls.sections,
  };
}

interface CallSettings {
  readonly arena: Arena;
  readonly form: WeightForm;
  readonly capacities: Capacities;
}

/** Writes calls, and collects the sections of the weights that they read. */
class Calls {
  readonly #arena: Arena;
  readonly #form: WeightForm;
  readonly #capacities: Capacities;
  readonly #sections = new Sections();

  constructor({ arena, form, capacities }: CallSettings) {
    this.#arena = arena;
    this.#form = form;
    this.#capacities = capacities;
  }

  get sections(): readonly Section[] {
    return this.#sections.all;
  }

  /** A value's place in the arena. */
  #place(value: Value): Place {
    return { ...this.#arena.placeOf(value), count: value.rows };
  }

  /** Rows that a kernel reads, or changes in place. */
  #rows(value: Value): Pick<Value, "rows" | "width"> & { readonly x: Place } {
    return { x: this.#place(value), rows: value.rows, width: value.width };
  }

  #store(store: Store): number {
    return this.#arena.offsetOf(store);
  }

  #vector(name: string | undefined): number | undefined {
    return name === undefined ? undefined : this.#sections.add({ kind: "vector", name });
  }

  #matrix(matrix: MatrixSpec, outputs: number, inputs: number): number {
    return this.#sections.add({ kind: "matrix", matrix, outputs, inputs });
  }

  #bias(matrix: MatrixSpec, bias: BiasSpec, outputs: number): number | undefined {
    const isNone = matrix.shift === undefined && bias.every((name) => name === undefined);
    return isNone ? undefined : this.#sections.add({ kind: "bias", matrix, bias, outputs });
  }

  of(node: Node): Call {
    switch (node.op) {
      case "embed": {
        const { rows, width } = node.out;
        const { vocabulary } = node;
        const w = this.#matrix({ parts: [node.table] }, vocabulary, width);
        const common = { ids: "ids", rows, w, width, y: this.#place(node.out) } as const;
        return this.#form === "int8"
          ? callOf("slm_embed_int8", { ...common, vocabulary })
          : callOf(this.#form === "int4" ? "slm_embed_int4" : "slm_embed_float", common);
      }
      case "positionRows":
        return callOf("slm_position_rows", {
          table: this.#vector(node.table),
          rows: node.out.rows,
          start: node.start,
          width: node.out.width,
          y: this.#place(node.out),
        });
      case "linear": {
        const [k, n] = [node.x.width, node.out.width];
        const common = {
          ...this.#rows(node.x),
          w: this.#matrix(node.matrix, n, k),
          k,
          n,
          bias: this.#bias(node.matrix, node.bias, n),
          y: this.#place(node.out),
          accumulate: node.accumulates ? 1 : 0,
        };
        return this.#form === "float32"
          ? callOf("slm_linear_float", common)
          : callOf(`slm_linear_${this.#form}`, { ...common, scratch: this.#arena.scratch });
      }
      case "rmsNorm":
        return callOf("slm_rms_norm", {
          ...this.#rows(node.x),
          groups: node.x.width / node.size,
          width: node.size,
          gain: this.#vector(node.gain),
          epsilon: node.epsilon,
          y: this.#place(node.out),
        });
      case "layerNorm":
        return callOf("slm_layer_norm", {
          ...this.#rows(node.x),
          gain: this.#vector(node.gain),
          bias: this.#vector(node.bias),
          epsilon: node.epsilon,
          y: this.#place(node.out),
        });
      case "activate":
        return callOf("slm_activate", {
          kind: ACTIVATIONS.indexOf(node.kind),
          ...this.#rows(node.out),
          limit: node.limit,
        });
      case "add":
      case "multiply":
        return callOf(node.op === "add" ? "slm_add" : "slm_multiply", {
          a: this.#place(node.a),
          b: this.#place(node.b),
          ...this.#rows(node.out),
          y: this.#place(node.out),
        });
      case "rotate": {
        const { rotation, headDim, heads, start } = node;
        const positions = node.x.rows.of === "source" ? this.#capacities.source : this.#capacities.target;
        const table = (part: "cos" | "sin"): number =>
          this.#sections.add({ kind: "rotary", part, rotation, headDim, positions });
        return callOf("slm_rotate", {
          ...this.#rows(node.out),
          start,
          heads,
          headDim,
          cosines: table("cos"),
          sines: table("sin"),
        });
      }
      case "store": {
        const { x, start, store } = node;
        const common = { ...this.#rows(x), start };
        const at = this.#store(store);
        return store.kind === "keys"
          ? callOf("slm_store_keys", { ...common, keys: at, capacity: this.#arena.capacityOf(store) })
          : callOf("slm_store_values", { ...common, states: at });
      }
      case "attend":
        return this.#attend(node);
      case "recurrence":
        return callOf("slm_recurrence", {
          ...this.#rows(node.x),
          gate: this.#place(node.gate),
          start: { of: "past" },
          states: this.#store(node.states),
          y: this.#place(node.out),
        });
      case "pool":
        return callOf("slm_pool", {
          ...this.#rows(node.x),
          group: node.group,
          y: this.#place(node.out),
        });
      case "lastRows":
        return callOf("slm_last_rows", {
          ...this.#rows(node.x),
          wanted: node.out.rows,
          y: this.#place(node.out),
        });
    }
  }

  #attend(node: Extract<Node, { op: "attend" }>): Call {
    const { values, source, relative, softcap, before, after } = node;
    const { heads, kvHeads, headDim, headOrder } = node.layout;
    const common = {
      query: this.#place(node.query),
      rows: node.query.rows,
      start: node.start,
      keys: this.#store(node.keys),
      capacity: this.#arena.capacityOf(node.keys),
      values: "kind" in values ? { offset: this.#store(values), stride: values.width } : this.#place(values),
      count: node.count,
      heads,
      kvHeads,
      headDim,
      softcap,
      before,
      after,
      modulo: headOrder === "modulo" ? 1 : 0,
      scale: 1 / Math.sqrt(headDim),
      scratch: this.#arena.scratch,
      y: this.#place(node.out),
    };
    if (source !== undefined)
      return callOf("slm_attend_both", {
        ...common,
        sourceKeys: this.#store(source.keys),
        sourceCapacity: this.#arena.capacityOf(source.keys),
        sourceValues: this.#place(source.values),
        sourceCount: source.values.rows,
      });
    const reach = node.keys.of === "source" ? this.#capacities.source : this.#capacities.target;
    const bias = relative && this.#sections.add({ kind: "relative", relative, heads, reach });
    return callOf("slm_attend", { ...common, bias, reach });
  }
}
