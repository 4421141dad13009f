/**
 * An ONNX graph as plain data, without parts that do not affect the computation.
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

/** A named constant of a graph: a weight or another constant input, such as a shape. */
export interface Initializer extends TensorValue {
  readonly name: string;
  /** Set if a {@link ModelOutline} has not read the external bytes; `data` is then empty. Never set in a {@link Graph}. */
  readonly unread?: true | undefined;
}

/** Value type of each kind of attribute. Integers are exact up to 2^53; floats have float32 precision in the file. */
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

/** One attribute of a node: its kind and its value. */
export type AttributeValue = {
  [Kind in keyof AttributeKinds]: { readonly kind: Kind; readonly value: AttributeKinds[Kind] };
}[keyof AttributeKinds];

/** One operator call. The input or output `""` is an omitted optional one; domain `""` is the standard ONNX domain. */
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

/** An output of a model. Without a shape, its rank is unknown until the model runs. */
export interface OutputInfo {
  readonly name: string;
  readonly dtype: OnnxDType;
  readonly shape?: ValueInfo["shape"] | undefined;
}

/** A named value whose type can be missing, as in subgraphs. Shape inference finds it. */
export interface UntypedValue {
  readonly name: string;
  readonly dtype?: OnnxDType | undefined;
  readonly shape?: readonly (number | string)[] | undefined;
}

/** The body of a control-flow node (`If`, `Loop`, `Scan`). It can read all values of the surrounding graphs. */
export interface Subgraph {
  readonly name: string;
  /** In topological order. */
  readonly nodes: readonly GraphNode[];
  readonly initializers: ReadonlyMap<string, Initializer>;
  readonly inputs: readonly UntypedValue[];
  readonly outputs: readonly UntypedValue[];
  /** Declared types of intermediate values, if the file has them. Shape inference can infer them again. */
  readonly values?: ReadonlyMap<string, UntypedValue> | undefined;
}

/** A model: the main graph with its format and opset versions. */
export interface Graph extends Subgraph {
  readonly irVersion: number;
  /** Operator set version by domain. */
  readonly opsets: Readonly<Record<string, number>>;
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly OutputInfo[];
  readonly metadata: Readonly<Record<string, string>>;
}

/**
 * A model file without its large weights and unsupported parts: enough to analyse, not enough to write. It is not a
 * {@link Graph}, so functions that write or rewrite graphs do not accept it.
 */
export interface ModelOutline extends Subgraph {
  readonly irVersion: number;
  /** Operator set version by domain. */
  readonly opsets: Readonly<Record<string, number>>;
  readonly metadata: Readonly<Record<string, string>>;
  /** The tool that wrote the file, and its version. */
  readonly producer: string;
  /** Unsupported parts of the file that this outline omits: functions, sparse weights, ... */
  readonly omitted: readonly string[];
}
