/** Turns nodes into calls of kernels over one arena. */
import { SlmError } from "@slm/core";
import type { ModelConfig } from "@slm/model";
import type { WeightForm } from "../weights/pack.js";
import { Sections, type Section } from "../weights/sections.js";
import { capacityOf } from "./record.js";
import type { FusedNodes } from "./fuse.js";
import type { Argument, Call, RowCount } from "./kernels.js";
import {
  inputsOf,
  outputOf,
  storesOf,
  type ActivationKind,
  type BiasSpec,
  type MatrixSpec,
  type Node,
  type Store,
  type Value,
} from "./nodes.js";

/** Room that a program has [tokens]. */
export interface Capacities {
  /** Longest source; for decoder-only models 0. */
  readonly source: number;
  /** Positions of the decoder's caches. */
  readonly target: number;
  /** New tokens of one step. */
  readonly fresh: number;
  /** New tokens of which logits are given. */
  readonly wanted: number;
}

export interface Program {
  readonly encode: readonly Call[] | undefined;
  readonly step: readonly Call[];
  /** Where logits `[wanted, vocabulary]` are. */
  readonly logits: number;
  /** Size of the arena [floats]. */
  readonly arena: number;
  readonly capacities: Capacities;
  readonly vocabulary: number;
  readonly sections: readonly Section[];
}

/** Floats in a boundary of the arena: 64 bytes. */
const BOUNDARY = 16;
const roundUp = (size: number): number => Math.ceil(size / BOUNDARY) * BOUNDARY;

/** In the order of the enumeration in kernels/elementwise.c. */
const ACTIVATIONS: readonly ActivationKind[] = ["gelu", "erfGelu", "quickGelu", "relu", "silu", "softcap"];

/** New tokens that a decoder-only model reads at a time, and that a decoder verifies. */
export function capacitiesOf(config: ModelConfig): Capacities {
  const isEncoderDecoder = config.architecture === "encoder-decoder";
  const positions = capacityOf(config);
  return {
    source: isEncoderDecoder ? config.maxSource : 0,
    target: positions,
    fresh: Math.min(positions, isEncoderDecoder ? 16 : 64),
    wanted: Math.min(positions, 16),
  };
}

export function planProgram(nodes: FusedNodes, form: WeightForm, capacities: Capacities): Program {
  return new Planner(nodes, { form, capacities }).plan();
}

class Planner {
  private readonly nodes: FusedNodes;
  private readonly form: WeightForm;
  private readonly capacities: Capacities;
  readonly #sections = new Sections();
  readonly #offsets = new Map<Value | Store, number>();
  #end = 0;
  #scratch = 0;

  constructor(
    nodes: FusedNodes,
    { form, capacities }: { readonly form: WeightForm; readonly capacities: Capacities },
  ) {
    this.nodes = nodes;
    this.form = form;
    this.capacities = capacities;
  }

  plan(): Program {
    const { encode = [], step, logits } = this.nodes;
    const base = this.#place(logits).base;
    const read = new Set(step.flatMap((node) => [...inputsOf(node)]).map((value) => this.#place(value).base));
    const written = new Set(
      encode.flatMap((node) => outputOf(node) ?? []).map((value) => this.#place(value).base),
    );
    const kept = [...written].filter((value) => read.has(value));
    for (const value of kept) this.#reserve(value, this.#sizeOf(value));
    for (const node of [...encode, ...step])
      for (const store of storesOf(node))
        if (store.isKept && !this.#offsets.has(store)) this.#reserve(store, this.#sizeOfStore(store));
    this.#scratch = this.#end;
    this.#end += roundUp(Math.max(...[...encode, ...step].map((node) => this.#scratchOf(node))));
    const from = this.#end;
    const ends = [encode, step].map((program) => this.#placeTemporaries(program, from, base));
    return {
      encode: this.nodes.encode && encode.map((node) => this.#call(node)),
      step: step.map((node) => this.#call(node)),
      logits: this.#place(logits).offset + this.#offsets.get(base)!,
      arena: Math.max(...ends),
      capacities: this.capacities,
      vocabulary: logits.width,
      sections: this.#sections.all,
    };
  }

  #place(value: Value): { readonly base: Value; readonly offset: number } {
    let [base, offset] = [value, 0];
    for (let view = this.nodes.views.get(base); view !== undefined; view = this.nodes.views.get(base)) {
      base = view.base;
      offset += view.offset;
    }
    return { base, offset };
  }

  #reserve(key: Value | Store, size: number): void {
    this.#offsets.set(key, this.#end);
    this.#end += roundUp(size);
  }

  /** Places values that one program alone uses, each for as long as it is used. @returns the end [floats] */
  #placeTemporaries(program: readonly Node[], from: number, result: Value): number {
    const uses = new Map<Value | Store, { first: number; last: number }>();
    program.forEach((node, index) => {
      const values = [...inputsOf(node), ...(outputOf(node) === undefined ? [] : [outputOf(node)!])];
      for (const key of [...values.map((value) => this.#place(value).base), ...storesOf(node)]) {
        if (this.#offsets.has(key)) continue;
        const use = uses.get(key);
        if (use === undefined) uses.set(key, { first: index, last: index });
        else use.last = index;
      }
    });
    const result0 = uses.get(result);
    if (result0 !== undefined) result0.last = program.length;
    const placed: {
      readonly start: number;
      readonly end: number;
      readonly first: number;
      readonly last: number;
    }[] = [];
    for (const [key, { first, last }] of [...uses].sort(([, a], [, b]) => a.first - b.first)) {
      const size = roundUp("kind" in key ? this.#sizeOfStore(key) : this.#sizeOf(key));
      const alive = placed
        .filter((other) => other.first <= last && first <= other.last)
        .sort((a, b) => a.start - b.start);
      let start = from;
      for (const other of alive) {
        if (other.start - start >= size) break;
        start = Math.max(start, other.end);
      }
      this.#offsets.set(key, start);
      placed.push({ start, end: start + size, first, last });
    }
    return Math.max(from, ...placed.map(({ end }) => end));
  }

  #rows(count: RowCount): number {
    const { source, fresh, wanted, target } = this.capacities;
    switch (count.of) {
      case "source":
        return Math.ceil(source / count.group);
      case "fresh":
        return fresh;
      case "wanted":
        return wanted;
      case "past":
      case "total":
        return target;
      case "none":
        return 0;
    }
  }

  #sizeOf({ rows, width }: Value): number {
    return this.#rows(rows) * width;
  }

  #capacityOf({ of }: Store): number {
    return roundUp(of === "source" ? this.capacities.source : this.capacities.target);
  }

  #sizeOfStore(store: Store): number {
    return this.#capacityOf(store) * store.width;
  }

  /** Scratch memory of a kernel [floats]. */
  #scratchOf(node: Node): number {
    if (node.op === "attend") return this.#capacityOf(node.keys);
    if (node.op !== "linear" || this.form === "float32") return 0;
    return this.#rows(node.x.rows) * (1 + Math.ceil(node.x.width / 2));
  }

  /** A value's place in the arena and its stride, as kernels take them. */
  #operand(value: Value): readonly [Argument, Argument] {
    const { base, offset } = this.#place(value);
    const start = this.#offsets.get(base);
    if (start === undefined)
      throw new SlmError("UNEXPECTED", "export: a value of the program has no place in the arena");
    return [arena(start + offset), int(base.width)];
  }

  #store(store: Store): Argument {
    return arena(this.#offsets.get(store)!);
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

  #call(node: Node): Call {
    switch (node.op) {
      case "embed": {
        const { rows, width } = node.out;
        const table = this.#matrix({ parts: [node.table] }, node.vocabulary, width);
        return this.form === "float32"
          ? call("slm_embed_float", IDS, count(rows), table, int(width), ...this.#operand(node.out))
          : call(
              "slm_embed_int8",
              IDS,
              count(rows),
              table,
              int(width),
              int(node.vocabulary),
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
        return this.form === "float32"
          ? call("slm_linear_float", ...common)
          : call("slm_linear_int8", ...common, arena(this.#scratch));
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
        const positions = node.x.rows.of === "source" ? this.capacities.source : this.capacities.target;
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
          ? call("slm_store_keys", ...start, int(this.#capacityOf(node.store)))
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
    const reach = node.keys.of === "source" ? this.capacities.source : this.capacities.target;
    return call(
      "slm_attend",
      ...this.#operand(node.query),
      count(node.query.rows),
      count(node.start),
      this.#store(node.keys),
      int(this.#capacityOf(node.keys)),
      ...values,
      count(node.count),
      int(heads),
      int(kvHeads),
      int(headDim),
      int(headOrder === "modulo" ? 1 : 0),
      float(1 / Math.sqrt(headDim)),
      float(node.softcap),
      int(node.before),
      int(node.after),
      node.relative === undefined
        ? NO_WEIGHT
        : this.#weight({ kind: "relative", relative: node.relative, heads, reach }),
      int(reach),
      arena(this.#scratch),
      ...this.#operand(node.out),
    );
  }
}

const call = (kernel: Call["kernel"], ...args: readonly Argument[]): Call => ({ kernel, arguments: args });
const arena = (offset: number): Argument => ({ kind: "arena", offset });
const int = (value: number): Argument => ({ kind: "int", value });
const float = (value: number): Argument => ({ kind: "float", value });
const count = (rows: RowCount): Argument => ({ kind: "rows", count: rows });
const IDS: Argument = { kind: "ids" };
const NO_WEIGHT: Argument = { kind: "weight", section: undefined };
