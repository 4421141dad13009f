/** A program before it is planned: operations over values of one text, as the lowering table records them. */
import type { HeadLayout, RelativeBuckets, Rotation } from "@slm/tensor";
import type { RowCount } from "./kernels.js";

/** Rows of float32, `[rows, width]`. */
export interface Value {
  readonly rows: RowCount;
  readonly width: number;
}

/** Rows that outlive the program that writes them: keys (transposed), values or states of positions. */
export interface Store {
  readonly kind: "keys" | "rows";
  readonly width: number;
  /** Which positions it has room for. */
  readonly of: "source" | "target";
  /** Whether other programs read it. */
  readonly isKept: boolean;
}

/** A weight `[outputs, inputs]`, or several below each other. */
export interface MatrixSpec {
  readonly parts: readonly string[];
  /** RMSNorm or LayerNorm weights that are multiplied into the columns. */
  readonly gain?: string | undefined;
  /** Bias of a LayerNorm before it: weight · shift is added to the bias. */
  readonly shift?: string | undefined;
}

/** The bias of a product: a name for each part of its weight, where the part has one. */
export type BiasSpec = readonly (string | undefined)[];

export interface RelativeSpec extends RelativeBuckets {
  readonly table: string;
  readonly isBidirectional: boolean;
}

export type ActivationKind = "gelu" | "erfGelu" | "quickGelu" | "relu" | "silu" | "softcap";

/** A source whose keys have one softmax with those of the answer (merged attention). */
export interface SourceKeys {
  readonly keys: Store;
  readonly values: Value;
}

export type Node =
  | { readonly op: "embed"; readonly table: string; readonly vocabulary: number; readonly out: Value }
  | { readonly op: "positionRows"; readonly table: string; readonly start: RowCount; readonly out: Value }
  | {
      readonly op: "linear";
      readonly x: Value;
      readonly matrix: MatrixSpec;
      readonly bias: BiasSpec;
      /** Added to what `out` holds. */
      readonly accumulates: boolean;
      readonly out: Value;
    }
  | {
      readonly op: "rmsNorm";
      readonly x: Value;
      readonly gain: string | undefined;
      readonly epsilon: number;
      /** Elements normed together: the width, or one head's. */
      readonly size: number;
      readonly out: Value;
    }
  | {
      readonly op: "layerNorm";
      readonly x: Value;
      readonly gain: string | undefined;
      readonly bias: string | undefined;
      readonly epsilon: number;
      readonly out: Value;
    }
  | {
      readonly op: "activate";
      readonly kind: ActivationKind;
      readonly limit: number;
      readonly x: Value;
      readonly out: Value;
    }
  | {
      readonly op: "add" | "multiply";
      readonly a: Value;
      readonly b: Value;
      readonly out: Value;
    }
  | {
      readonly op: "rotate";
      readonly x: Value;
      readonly start: RowCount;
      readonly heads: number;
      readonly headDim: number;
      readonly rotation: Rotation;
      readonly out: Value;
    }
  | { readonly op: "store"; readonly x: Value; readonly start: RowCount; readonly store: Store }
  | {
      readonly op: "attend";
      readonly query: Value;
      readonly start: RowCount;
      readonly keys: Store;
      readonly values: Store | Value;
      readonly count: RowCount;
      readonly source?: SourceKeys | undefined;
      readonly layout: HeadLayout;
      readonly softcap: number;
      /** Positions before and after its own that a query reads; -1: all. */
      readonly before: number;
      readonly after: number;
      readonly relative: RelativeSpec | undefined;
      readonly out: Value;
    }
  | {
      readonly op: "recurrence";
      readonly x: Value;
      readonly gate: Value;
      readonly states: Store;
      readonly out: Value;
    }
  | { readonly op: "pool"; readonly x: Value; readonly group: number; readonly out: Value }
  | { readonly op: "lastRows"; readonly x: Value; readonly out: Value };

/** A value that a node writes; undefined for a node that writes a store. */
export const outputOf = (node: Node): Value | undefined => ("out" in node ? node.out : undefined);

const isValue = (operand: Store | Value): operand is Value => !("kind" in operand);

/** Values that a node reads. */
export function inputsOf(node: Node): readonly Value[] {
  if (node.op === "attend") {
    const values = isValue(node.values) ? [node.values] : [];
    return [node.query, ...values, ...(node.source === undefined ? [] : [node.source.values])];
  }
  if (node.op === "recurrence") return [node.x, node.gate];
  if (node.op === "linear" && node.accumulates) return [node.x, node.out];
  if ("a" in node) return [node.a, node.b];
  return "x" in node ? [node.x] : [];
}

/** Stores that a node reads or writes. */
export function storesOf(node: Node): readonly Store[] {
  if (node.op === "store") return [node.store];
  if (node.op === "recurrence") return [node.states];
  if (node.op !== "attend") return [];
  const values = isValue(node.values) ? [] : [node.values];
  return [node.keys, ...values, ...(node.source === undefined ? [] : [node.source.keys])];
}

/** The two programs of a model: one that reads the source, and one that reads new tokens and gives logits. */
export interface ModelNodes {
  /** Absent in decoder-only models. */
  readonly encode?: readonly Node[] | undefined;
  readonly step: readonly Node[];
  /** Logits `[wanted, vocabulary]`, in `step`. */
  readonly logits: Value;
}
