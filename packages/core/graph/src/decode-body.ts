/** Nodes, attributes, values and subgraphs of a model file. */
import { SlmError } from "@slm/error";
import {
  AttributeProto_AttributeType as Type,
  type AttributeProto,
  type GraphProto,
  type NodeProto,
  type TensorShapeProto,
  type ValueInfoProto,
} from "onnx-buf";
import { decodeDtype, decodeTensor, exactNumber, type ExternalBytes } from "./decode-tensor.js";
import type { AttributeValue, GraphNode, Initializer, Subgraph, UntypedValue } from "./graph.js";
import { refuseLosses } from "./losses.js";
import { describeNode } from "./uses.js";

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function decodeUtf8(bytes: Uint8Array, where: string): string {
  try {
    return utf8.decode(bytes);
  } catch (cause) {
    throw new SlmError("DATA_INVALID", `${where}: a string must be UTF-8; these bytes are not`, { cause });
  }
}

/** protobuf puts U+FFFD where a name is not UTF-8; two such names could become one. */
export function decodeName(name: string, where: string): string {
  if (!name.includes("\ufffd")) return name;
  throw new SlmError("DATA_INVALID", `${where}: names and texts must be UTF-8, got '${name}'`);
}

/** A domain; ONNX's own has two spellings. */
export function decodeDomain(domain: string, where: string): string {
  return domain === "ai.onnx" ? "" : decodeName(domain, where);
}

type Kind = AttributeValue["kind"];
type DecodeAttribute = (
  attribute: AttributeProto,
  external: ExternalBytes,
  where: string,
) => AttributeValue | undefined;

interface AttributeRow {
  readonly type: Type;
  /** The field that holds the value. */
  readonly field: "i" | "f" | "s" | "t" | "g" | "ints" | "floats" | "strings";
  readonly decode: DecodeAttribute;
}

/** One row per kind of attribute; ONNX's other types are refused by name. */
const ATTRIBUTES: { readonly [K in Kind]: AttributeRow } = {
  int: {
    type: Type.INT,
    field: "i",
    decode: ({ i }, _, where) => ({ kind: "int", value: exactNumber(i, where) }),
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
    decode: ({ ints }, _, where) => ({ kind: "ints", value: ints.map((value) => exactNumber(value, where)) }),
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
    decode: ({ t }, external, where) => t && { kind: "tensor", value: decodeTensor(t, external, where) },
  },
  graph: {
    type: Type.GRAPH,
    field: "g",
    decode: ({ g }, external, where) => g && { kind: "graph", value: decodeBody(g, external, where) },
  },
};

const ROW_BY_TYPE: ReadonlyMap<Type, AttributeRow> = new Map(
  Object.values(ATTRIBUTES).map((row) => [row.type, row]),
);

function isPresent(value: unknown): boolean {
  return value !== undefined && !(Array.isArray(value) && value.length === 0);
}

function decodeAttribute(attribute: AttributeProto, external: ExternalBytes, where: string): AttributeValue {
  refuseLosses("attribute", attribute, where);
  const row = ROW_BY_TYPE.get(attribute.type);
  const fields = new Map<string, unknown>(Object.entries(attribute));
  const second = Object.values(ATTRIBUTES).find(
    ({ field }) => field !== row?.field && isPresent(fields.get(field)),
  );
  if (second !== undefined) {
    const type = Type[attribute.type];
    throw new SlmError("DATA_INVALID", `${where}: is of type ${type} but has a value in '${second.field}'`);
  }
  const value = row?.decode(attribute, external, where);
  if (value !== undefined) return value;
  throw new SlmError(
    "DATA_INVALID",
    `${where}: type ${Type[attribute.type]} without a value that is kept here`,
  );
}

function decodeNode(node: NodeProto, external: ExternalBytes, where: string): GraphNode {
  refuseLosses("node", node, where);
  const attributes = new Map<string, AttributeValue>();
  for (const attribute of node.attribute) {
    const at = `${where}, attribute '${attribute.name}'`;
    const name = decodeName(attribute.name, at);
    if (attributes.has(name)) throw new SlmError("DATA_INVALID", `${at}: is there twice`);
    attributes.set(name, decodeAttribute(attribute, external, at));
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

function decodeShape(shape: TensorShapeProto, where: string): (number | string)[] {
  refuseLosses("shape", shape, where);
  return shape.dim.map((dimension) => {
    refuseLosses("dimension", dimension, where);
    const size = dimension.value;
    if (size.case === "dimValue") return exactNumber(size.value, where);
    return size.case === "dimParam" ? decodeName(size.value, where) : "";
  });
}

function decodeValue(value: ValueInfoProto, where: string): UntypedValue {
  refuseLosses("value", value, where);
  const name = decodeName(value.name, where);
  if (value.type === undefined) return { name };
  refuseLosses("type", value.type, where);
  const type = value.type.value;
  if (type.case === undefined) return { name };
  if (type.case !== "tensorType") {
    throw new SlmError("DATA_INVALID", `${where}: only tensors are kept, got a ${type.case}`);
  }
  refuseLosses("tensorType", type.value, where);
  if (type.value.elemType === 0 && type.value.shape === undefined) return { name };
  const dtype = decodeDtype(type.value.elemType, where);
  return type.value.shape === undefined
    ? { name, dtype }
    : { name, dtype, shape: decodeShape(type.value.shape, where) };
}

function decodeInitializers(
  graph: GraphProto,
  external: ExternalBytes,
  where: string,
): Map<string, Initializer> {
  const initializers = new Map<string, Initializer>();
  for (const tensor of graph.initializer) {
    const at = `${where}: initializer '${tensor.name}'`;
    const name = decodeName(tensor.name, at);
    if (initializers.has(name)) throw new SlmError("DATA_INVALID", `${at}: value names must be unique`);
    initializers.set(name, { name, ...decodeTensor(tensor, external, at) });
  }
  return initializers;
}

/** A graph or subgraph of the file. @throws SlmError DATA_INVALID naming what is damaged or would be lost. */
export function decodeBody(graph: GraphProto, external: ExternalBytes, where: string): Subgraph {
  refuseLosses("graph", graph, where);
  const values = (kind: string, list: readonly ValueInfoProto[]): UntypedValue[] =>
    list.map((value) => decodeValue(value, `${where}: ${kind} '${value.name}'`));
  const body: Subgraph = {
    name: decodeName(graph.name, where),
    nodes: graph.node.map((node, index) =>
      decodeNode(node, external, `${where}: ${describeNode(node, index)}`),
    ),
    initializers: decodeInitializers(graph, external, where),
    inputs: values("input", graph.input),
    outputs: values("output", graph.output),
  };
  if (graph.valueInfo.length === 0) return body;
  return { ...body, values: new Map(values("value", graph.valueInfo).map((value) => [value.name, value])) };
}
