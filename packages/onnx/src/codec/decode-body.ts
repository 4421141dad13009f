/** Nodes, attributes, values and subgraphs of a model file. */
import { SlmError } from "@slm/core";
import {
  AttributeProto_AttributeType as Type,
  type AttributeProto,
  type GraphProto,
  type NodeProto,
  type TensorProto,
  type TensorShapeProto,
  type TypeProto,
  type ValueInfoProto,
} from "onnx-buf";
import { checkRank, decodeDtype, decodeTensor, exactNumber, isLeftUnread } from "./decode-tensor.js";
import { dtypeOfCode } from "../graph/dtypes.js";
import type { AttributeValue, GraphNode, Initializer, Subgraph, UntypedValue } from "../graph/graph.js";
import { rejectUnsupportedFields } from "./unsupported-fields.js";
import type { Reading } from "./reading.js";
import { shorten } from "../graph/shorten.js";
import { sortNodes } from "../wiring/topology.js";
import { describeNode } from "../wiring/uses.js";

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function decodeUtf8(bytes: Uint8Array, where: string): string {
  try {
    return utf8.decode(bytes);
  } catch (cause) {
    throw new SlmError("DATA_INVALID", `${where}: a string is not valid UTF-8`, { cause });
  }
}

/** Rejects text that is not UTF-8: protobuf replaces invalid bytes with U+FFFD, so two such names could become equal. */
export function decodeText(text: string, where: string): string {
  if (!text.includes("\ufffd")) return text;
  throw new SlmError("DATA_INVALID", `${where}: names and texts must be UTF-8, got '${shorten(text)}'`);
}

/** Longest name [UTF-16 units]. Paths of deep modules have a few hundred. Names are copied into messages and reports. */
const MAX_NAME = 10_000;

/** A name of a value, node, operator or attribute. */
export function decodeName(name: string, where: string): string {
  if (name.length <= MAX_NAME) return decodeText(name, where);
  throw new SlmError(
    "DATA_INVALID",
    `${where}: names can have at most ${MAX_NAME} characters, got ${name.length}`,
  );
}

/** A domain. ONNX's default domain has two spellings. */
export function decodeDomain(domain: string, where: string): string {
  return domain === "ai.onnx" ? "" : decodeName(domain, where);
}

/** A 64-bit integer as a number. An integer that would be rounded is rejected, or noted in an outline. */
function wholeNumber(value: bigint, { notes }: Reading, where: string): number {
  if (notes === undefined || Number.isSafeInteger(Number(value))) return exactNumber(value, where);
  notes.add(`${where}: ${String(value)} is rounded`);
  return Number(value);
}

type Kind = AttributeValue["kind"];
type DecodeAttribute = (
  attribute: AttributeProto,
  reading: Reading,
  where: string,
) => AttributeValue | undefined;

interface AttributeRow {
  readonly type: Type;
  /** The field that contains the value. */
  readonly field: "i" | "f" | "s" | "t" | "g" | "ints" | "floats" | "strings";
  readonly decode: DecodeAttribute;
}

/** One row per kind of attribute; ONNX's other types are rejected. */
const ATTRIBUTES: { readonly [K in Kind]: AttributeRow } = {
  int: {
    type: Type.INT,
    field: "i",
    decode: ({ i }, reading, where) => ({ kind: "int", value: wholeNumber(i, reading, where) }),
  },
  float: { type: Type.FLOAT, field: "f", decode: ({ f }) => ({ kind: "float", value: f }) },
  string: {
    type: Type.STRING,
    field: "s",
    decode: ({ s }, _, where) => ({ kind: "string", value: decodeUtf8(s, where) }),
  },
  ints: {
    type: Type.INTS,
    field: "ints",
    decode: ({ ints }, reading, where) => ({
      kind: "ints",
      value: ints.map((value) => wholeNumber(value, reading, where)),
    }),
  },
  floats: { type: Type.FLOATS, field: "floats", decode: ({ floats }) => ({ kind: "floats", value: floats }) },
  strings: {
    type: Type.STRINGS,
    field: "strings",
    decode: ({ strings }, _, where) => ({
      kind: "strings",
      value: strings.map((value) => decodeUtf8(value, where)),
    }),
  },
  tensor: {
    type: Type.TENSOR,
    field: "t",
    decode: ({ t }, reading, where) =>
      t && !isLeftUnread(t, reading) ? { kind: "tensor", value: decodeTensor(t, reading, where) } : undefined,
  },
  graph: {
    type: Type.GRAPH,
    field: "g",
    decode: ({ g }, reading, where) => g && { kind: "graph", value: decodeBody(g, reading, where) },
  },
};

const ROW_BY_TYPE: ReadonlyMap<Type, AttributeRow> = new Map(
  Object.values(ATTRIBUTES).map((row) => [row.type, row]),
);

function isPresent(value: unknown): boolean {
  return value !== undefined && !(Array.isArray(value) && value.length === 0);
}

/** The value of an attribute; undefined if an outline omits it. */
function decodeAttribute(
  attribute: AttributeProto,
  reading: Reading,
  where: string,
): AttributeValue | undefined {
  const { notes } = reading;
  rejectUnsupportedFields("attribute", attribute, where, notes);
  const row = ROW_BY_TYPE.get(attribute.type);
  const fields = new Map<string, unknown>(Object.entries(attribute));
  const second = Object.values(ATTRIBUTES).find(
    ({ field }) => field !== row?.field && isPresent(fields.get(field)),
  );
  if (second !== undefined) {
    const type = Type[attribute.type];
    throw new SlmError("DATA_INVALID", `${where}: its type is ${type} but its value is in '${second.field}'`);
  }
  const value = row?.decode(attribute, reading, where);
  if (value !== undefined) return value;
  const problem = `${where}: attribute type ${Type[attribute.type]} is not supported`;
  if (notes === undefined) throw new SlmError("DATA_INVALID", problem);
  notes.add(problem);
  return undefined;
}

function decodeNode(node: NodeProto, reading: Reading, where: string): GraphNode {
  rejectUnsupportedFields("node", node, where, reading.notes);
  const attributes = new Map<string, AttributeValue>();
  const names = new Set<string>();
  for (const attribute of node.attribute) {
    const at = `${where}, attribute '${shorten(attribute.name)}'`;
    const name = decodeName(attribute.name, at);
    if (names.has(name)) throw new SlmError("DATA_INVALID", `${at}: it is defined twice`);
    names.add(name);
    const value = decodeAttribute(attribute, reading, at);
    if (value !== undefined) attributes.set(name, value);
  }
  return {
    name: decodeName(node.name, where),
    opType: decodeName(node.opType, where),
    domain: decodeDomain(node.domain, where),
    inputs: node.input.map((name) => decodeName(name, where)),
    outputs: node.output.map((name) => decodeName(name, where)),
    attributes: Object.fromEntries(attributes),
  };
}

function decodeShape(shape: TensorShapeProto, reading: Reading, where: string): (number | string)[] {
  rejectUnsupportedFields("shape", shape, where, reading.notes);
  checkRank(shape.dim.length, where);
  return shape.dim.map((dimension) => {
    rejectUnsupportedFields("dimension", dimension, where, reading.notes);
    const size = dimension.value;
    // Runtimes treat a negative size as unknown; exporters write -1.
    if (size.case === "dimValue") return size.value < 0n ? "" : exactNumber(size.value, where);
    return size.case === "dimParam" ? decodeName(size.value, where) : "";
  });
}

type OtherType = Exclude<TypeProto["value"]["case"], "tensorType" | undefined>;

/** Names of the rejected types. A type without a row is a compile error. */
const OTHER_TYPES: Readonly<Record<OtherType, string>> = {
  sequenceType: "a sequence",
  optionalType: "an optional",
  mapType: "a map",
  sparseTensorType: "a sparse tensor",
};

/** The type of a value. An outline keeps only the name of a value that is not a tensor. */
function decodeValue(value: ValueInfoProto, reading: Reading, where: string): UntypedValue {
  const { notes } = reading;
  rejectUnsupportedFields("value", value, where, notes);
  const name = decodeName(value.name, where);
  if (value.type === undefined) return { name };
  rejectUnsupportedFields("type", value.type, where, notes);
  const type = value.type.value;
  if (type.case === undefined) return { name };
  if (type.case !== "tensorType") {
    const problem = `${where}: only tensors are supported, got ${OTHER_TYPES[type.case]}`;
    if (notes === undefined) throw new SlmError("DATA_INVALID", problem);
    notes.add(problem);
    return { name };
  }
  rejectUnsupportedFields("tensorType", type.value, where, notes);
  const { elemType } = type.value;
  const shape =
    type.value.shape === undefined ? {} : { shape: decodeShape(type.value.shape, reading, where) };
  const isUntold = elemType === 0 && (type.value.shape === undefined || notes !== undefined);
  if (isUntold || (notes !== undefined && dtypeOfCode(elemType) === undefined)) {
    if (!isUntold) notes?.add(`${where}: element type ${elemType} is not supported`);
    return { name, ...shape };
  }
  return { name, dtype: decodeDtype(elemType, where), ...shape };
}

function decodeInitializers(graph: GraphProto, reading: Reading, where: string): Map<string, Initializer> {
  const initializers = new Map<string, Initializer>();
  const add = (tensor: TensorProto, value: Omit<Initializer, "name">): void => {
    const at = `${where}: initializer '${shorten(tensor.name)}'`;
    const name = decodeName(tensor.name, at);
    if (initializers.has(name)) throw new SlmError("DATA_INVALID", `${at}: value names must be unique`);
    initializers.set(name, { name, ...value });
  };
  for (const tensor of graph.initializer) {
    const value = decodeTensor(tensor, reading, `${where}: initializer '${shorten(tensor.name)}'`);
    add(tensor, isLeftUnread(tensor, reading) ? { ...value, unread: true } : value);
  }
  if (reading.notes === undefined) return initializers; // A full read has already rejected them.
  for (const { values, dims } of graph.sparseInitializer) {
    if (values === undefined) continue;
    const at = `${where}: sparse initializer '${shorten(values.name)}'`;
    const shape = dims.map((size) => exactNumber(size, at));
    add(values, { ...decodeTensor(values, reading, at), shape, data: new Uint8Array(0), unread: true });
  }
  return initializers;
}

/** A graph or subgraph of the file. @throws SlmError DATA_INVALID naming the corrupt or unsupported part. */
export function decodeBody(graph: GraphProto, reading: Reading, where: string): Subgraph {
  rejectUnsupportedFields("graph", graph, where, reading.notes);
  const values = (kind: string, list: readonly ValueInfoProto[]): UntypedValue[] =>
    list.map((value) => decodeValue(value, reading, `${where}: ${kind} '${shorten(value.name)}'`));
  const nodes = graph.node.map((node, index) =>
    decodeNode(node, reading, `${where}: ${describeNode(node, index)}`),
  );
  const body: Subgraph = {
    name: decodeName(graph.name, where),
    nodes: sortNodes(nodes, where),
    initializers: decodeInitializers(graph, reading, where),
    inputs: values("input", graph.input),
    outputs: values("output", graph.output),
  };
  if (graph.valueInfo.length === 0) return body;
  return { ...body, values: new Map(values("value", graph.valueInfo).map((value) => [value.name, value])) };
}
