/** Turns nodes into calls of kernels over one arena. */
import { Sections, type Section, type WeightForm } from "./sections.js";
import { Arena, type AnswerState, type Capacities } from "./arena.js";
import type { FusedNodes } from "./fuse.js";
import type { Argument, Call, RowCount } from "./kernels.js";
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

  /** A value's place in the arena and its stride, as kernels take them. */
  #operand(value: Value): readonly [Argument, Argument] {
    const { offset, stride } = this.#arena.placeOf(value);
    return [{ kind: "arena", offset, rows: { count: value.rows, stride } }, int(stride)];
  }

  #store(store: Store): Argument {
    return at(this.#arena.offsetOf(store));
  }

  #weight(section: Section): Argument {
    return { kind: "weight", section: this.#sections.add(section) };
  }

  #vector(name: string | undefined): Argument {
    return name === undefined ? NO_WEIGHT : this.#weight({ kind: "vector", name });
  }

  #matrix(matrix: MatrixSpec, outputs: number, inputs: number): Argument {
    return this.#weight({ kind: "matrix", matrix, outputs, inputs });
  }

  #bias(matrix: MatrixSpec, bias: BiasSpec, outputs: number): Argument {
    const isNone = matrix.shift === undefined && bias.every((name) => name === undefined);
    return isNone ? NO_WEIGHT : this.#weight({ kind: "bias", matrix, bias, outputs });
  }

  of(node: Node): Call {
    switch (node.op) {
      case "embed": {
        const { rows, width } = node.out;
        const table = this.#matrix({ parts: [node.table] }, node.vocabulary, width);
        const start = [IDS, count(rows), table, int(width)];
        return this.#form === "int8"
          ? call("slm_embed_int8", ...start, int(node.vocabulary), ...this.#operand(node.out))
          : call(
              this.#form === "int4" ? "slm_embed_int4" : "slm_embed_float",
              ...start,
              ...this.#operand(node.out),
            );
      }
      case "positionRows":
        return call(
          "slm_position_rows",
          this.#vector(node.table),
          count(node.out.rows),
          count(node.start),
          int(node.out.width),
          ...this.#operand(node.out),
        );
      case "linear": {
        const [inputs, outputs] = [node.x.width, node.out.width];
        const common = [
          ...this.#operand(node.x),
          count(node.x.rows),
          this.#matrix(node.matrix, outputs, inputs),
          int(inputs),
          int(outputs),
          this.#bias(node.matrix, node.bias, outputs),
          ...this.#operand(node.out),
          int(node.accumulates ? 1 : 0),
        ];
        return this.#form === "float32"
          ? call("slm_linear_float", ...common)
          : call(`slm_linear_${this.#form}`, ...common, at(this.#arena.scratch));
      }
      case "rmsNorm":
        return call(
          "slm_rms_norm",
          ...this.#operand(node.x),
          count(node.x.rows),
          int(node.x.width / node.size),
          int(node.size),
          this.#vector(node.gain),
          float(node.epsilon),
          ...this.#operand(node.out),
        );
      case "layerNorm":
        return call(
          "slm_layer_norm",
          ...this.#operand(node.x),
          count(node.x.rows),
          int(node.x.width),
          this.#vector(node.gain),
          this.#vector(node.bias),
          float(node.epsilon),
          ...this.#operand(node.out),
        );
      case "activate":
        return call(
          "slm_activate",
          int(ACTIVATIONS.indexOf(node.kind)),
          ...this.#operand(node.out),
          count(node.out.rows),
          int(node.out.width),
          float(node.limit),
        );
      case "add":
      case "multiply":
        return call(
          node.op === "add" ? "slm_add" : "slm_multiply",
          ...this.#operand(node.a),
          ...this.#operand(node.b),
          count(node.a.rows),
          int(node.a.width),
          ...this.#operand(node.out),
        );
      case "rotate": {
        const { rotation, headDim, heads } = node;
        const positions = node.x.rows.of === "source" ? this.#capacities.source : this.#capacities.target;
        const table = (part: "cos" | "sin"): Argument =>
          this.#weight({ kind: "rotary", part, rotation, headDim, positions });
        return call(
          "slm_rotate",
          ...this.#operand(node.out),
          count(node.x.rows),
          count(node.start),
          int(heads),
          int(headDim),
          table("cos"),
          table("sin"),
        );
      }
      case "store": {
        const start = [
          ...this.#operand(node.x),
          count(node.x.rows),
          count(node.start),
          int(node.x.width),
          this.#store(node.store),
        ];
        return node.store.kind === "keys"
          ? call("slm_store_keys", ...start, int(this.#arena.capacityOf(node.store)))
          : call("slm_store_values", ...start);
      }
      case "attend":
        return this.#attend(node);
      case "recurrence":
        return call(
          "slm_recurrence",
          ...this.#operand(node.x),
          ...this.#operand(node.gate),
          count(node.x.rows),
          count({ of: "past" }),
          int(node.x.width),
          this.#store(node.states),
          ...this.#operand(node.out),
        );
      case "pool":
        return call(
          "slm_pool",
          ...this.#operand(node.x),
          count(node.x.rows),
          int(node.group),
          int(node.x.width),
          ...this.#operand(node.out),
        );
      case "lastRows":
        return call(
          "slm_last_rows",
          ...this.#operand(node.x),
          count(node.x.rows),
          count(node.out.rows),
          int(node.x.width),
          ...this.#operand(node.out),
        );
    }
  }

  #attend(node: Extract<Node, { op: "attend" }>): Call {
    const { heads, kvHeads, headDim, headOrder } = node.layout;
    const values =
      "kind" in node.values ? [this.#store(node.values), int(node.values.width)] : this.#operand(node.values);
    const queries = [...this.#operand(node.query), count(node.query.rows), count(node.start)];
    const keys = [
      this.#store(node.keys),
      int(this.#arena.capacityOf(node.keys)),
      ...values,
      count(node.count),
    ];
    const scores = [
      int(heads),
      int(kvHeads),
      int(headDim),
      int(headOrder === "modulo" ? 1 : 0),
      float(1 / Math.sqrt(headDim)),
      float(node.softcap),
      int(node.before),
      int(node.after),
    ];
    const output = [at(this.#arena.scratch), ...this.#operand(node.out)];
    if (node.source !== undefined) {
      const { keys: store, values: rows } = node.source;
      const capacity = int(this.#arena.capacityOf(store));
      const source = [this.#store(store), capacity, ...this.#operand(rows), count(rows.rows)];
      return call("slm_attend_both", ...queries, ...keys, ...source, ...scores, ...output);
    }
    const reach = node.keys.of === "source" ? this.#capacities.source : this.#capacities.target;
    const bias =
      node.relative === undefined
        ? NO_WEIGHT
        : this.#weight({ kind: "relative", relative: node.relative, heads, reach });
    return call("slm_attend", ...queries, ...keys, ...scores, bias, int(reach), ...output);
  }
}

const call = (kernel: Call["kernel"], ...args: readonly Argument[]): Call => ({ kernel, arguments: args });
const at = (offset: number): Argument => ({ kind: "arena", offset });
const int = (value: number): Argument => ({ kind: "int", value });
const float = (value: number): Argument => ({ kind: "float", value });
const count = (rows: RowCount): Argument => ({ kind: "rows", count: rows });
const IDS: Argument = { kind: "ids" };
const NO_WEIGHT: Argument = { kind: "weight", section: undefined };
