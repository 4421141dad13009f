/**
 * An ONNX graph as plain data: what a model computes and nothing else.
 *
 * Documentation strings, tool annotations of nodes and tensors, and type denotations are not part of it.
 */
import type { OnnxDType } from "./dtypes.js";

/** A dense tensor: raw little-endian bytes, row major; 4-bit elements packed two per byte, low nibble first. */
export interface TensorValue {
  readonly dtype: OnnxDType;
  readonly shape: readonly number[];
  readonly data: Uint8Array;
}

/** A named constant of a graph: a weight, or a number an operator asks for as an input. */
export interface Initializer extends TensorValue {
  readonly name: string;
  /** Set where a {@link ModelOutline} left the bytes in their file; `data` is empty then. Never in a whole graph. */
  readonly unread?: true | undefined;
}

/** What an attribute of each kind holds. Integers are exact up to 2^53; floats have float32 precision in the file. */
export interface AttributeKinds {
  readonly int: number;
  readonly float: number;
  readonly string: string;
  readonly ints: readonly number[];
  readonly floats: readonly number[];
  readonly strings: readonly string[];
  readonly tensor: TensorValue;
  readonly graph: Subgraph;
}

/** One attribute of a node: its kind and what that kind holds. */
export type AttributeValue = {
  [Kind in keyof AttributeKinds]: { readonly kind: Kind; readonly value: AttributeKinds[Kind] };
}[keyof AttributeKinds];

/** One operator call. `""` as input or output stands for an optional one left out; domain `""` is ONNX's own. */
export interface GraphNode {
  readonly name: string;
  readonly opType: string;
  readonly domain: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, AttributeValue>>;
}

/** Type of a named value. A string dimension is symbolic; `""` is unknown and equal to nothing, not even itself. */
export interface ValueInfo {
  readonly name: string;
  readonly dtype: OnnxDType;
  readonly shape: readonly (number | string)[];
}

/** An output of a model; without a shape even its rank is unknown until the model runs. */
export interface OutputInfo {
  readonly name: string;
  readonly dtype: OnnxDType;
  readonly shape?: ValueInfo["shape"] | undefined;
}

/** A named value whose type may be left to inference, as inside subgraphs. */
export interface UntypedValue {
  readonly name: string;
  readonly dtype?: OnnxDType | undefined;
  readonly shape?: readonly (number | string)[] | undefined;
}

/** The body of a control-flow node (`If`, `Loop`, `Scan`). It may read any value of the graphs around it. */
export interface Subgraph {
  readonly name: string;
  /** In topological order. */
  readonly nodes: readonly GraphNode[];
  readonly initializers: ReadonlyMap<string, Initializer>;
  readonly inputs: readonly UntypedValue[];
  readonly outputs: readonly UntypedValue[];
  /** Types of intermediate values, as far as the file tells them; inference can compute them anew. */
  readonly values?: ReadonlyMap<string, UntypedValue> | undefined;
}

/** A whole model: the main graph with the versions it is written in. */
export interface Graph extends Subgraph {
  readonly irVersion: number;
  /** Operator set version by domain. */
  readonly opsets: Readonly<Record<string, number>>;
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly OutputInfo[];
  readonly metadata: Readonly<Record<string, string>>;
}

/**
 * What can be told about a model file without keeping all of it: enough to analyse, not enough to write. It is no
 * {@link Graph}, so nothing that writes or rewrites takes it.
 */
export interface ModelOutline extends Subgraph {
  readonly irVersion: number;
  /** Operator set version by domain. */
  readonly opsets: Readonly<Record<string, number>>;
  readonly metadata: Readonly<Record<string, string>>;
  /** The tool that wrote the file, and its version. */
  readonly producer: string;
  /** What the file says and this outline leaves out, and a rewrite would lose: functions, sparse weights, ... */
  readonly omitted: readonly string[];
}
