/** Encodes a graph to the bytes of an ONNX file. The same graph always has the same bytes. */
import { create, toBinary, type MessageInitShape } from "@bufbuild/protobuf";
import { SlmError } from "@slm/core";
import {
  AttributeProto_AttributeType as Type,
  ModelProtoSchema,
  TensorProto_DataLocation as Location,
  type AttributeProtoSchema,
  type GraphProtoSchema,
  type NodeProtoSchema,
  type TensorProtoSchema,
  type ValueInfoProtoSchema,
} from "onnx-buf";
import { checkGraph } from "../checks/check.js";
import { ONNX_DTYPES } from "../graph/dtypes.js";
import type {
  AttributeValue,
  Graph,
  GraphNode,
  Initializer,
  Subgraph,
  TensorValue,
  UntypedValue,
} from "../graph/graph.js";

/** protobuf's own limit: lengths are signed 32-bit integers, and every reader of ONNX rejects longer files. */
export const MAX_MODEL_BYTES = 2 ** 31 - 1;

/** The location of an initializer's bytes in an external file. */
export interface ExternalPlace {
  readonly file: string;
  readonly offset: number;
  readonly length: number;
}

/** External locations by initializer name. */
export type ExternalPlaces = ReadonlyMap<string, ExternalPlace>;

type Init<Schema extends Parameters<typeof create>[0]> = MessageInitShape<Schema>;

const NOWHERE: ExternalPlaces = new Map();
const utf8 = new TextEncoder();
const encodeUtf8 = (value: string): Uint8Array<ArrayBuffer> => plainBytes(utf8.encode(value));

/** Bytes over an ArrayBuffer, which protobuf requires. Only bytes over shared memory are copied. */
function plainBytes(data: Uint8Array): Uint8Array<ArrayBuffer> {
  return data.buffer instanceof ArrayBuffer
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : Uint8Array.from(data);
}

function encodeTensor(
  name: string,
  tensor: TensorValue,
  place?: ExternalPlace,
): Init<typeof TensorProtoSchema> {
  const head = { name, dataType: ONNX_DTYPES[tensor.dtype].code, dims: tensor.shape.map(BigInt) };
  if (place === undefined) return { ...head, rawData: plainBytes(tensor.data) };
  const externalData = [
    { key: "location", value: place.file },
    { key: "offset", value: String(place.offset) },
    { key: "length", value: String(place.length) },
  ];
  return { ...head, externalData, dataLocation: Location.EXTERNAL };
}

function encodeAttribute(name: string, attribute: AttributeValue): Init<typeof AttributeProtoSchema> {
  switch (attribute.kind) {
    case "int":
      return { name, type: Type.INT, i: BigInt(attribute.value) };
    case "float":
      return { name, type: Type.FLOAT, f: Math.fround(attribute.value) };
    case "string":
      return { name, type: Type.STRING, s: encodeUtf8(attribute.value) };
    case "ints":
      return { name, type: Type.INTS, ints: attribute.value.map(BigInt) };
    case "floats":
      return { name, type: Type.FLOATS, floats: attribute.value.map(Math.fround) };
    case "strings":
      return { name, type: Type.STRINGS, strings: attribute.value.map(encodeUtf8) };
    case "tensor":
      return { name, type: Type.TENSOR, t: encodeTensor("", attribute.value) };
    case "graph":
      return { name, type: Type.GRAPH, g: encodeSubgraph(attribute.value, NOWHERE) };
  }
}

/** Entries sorted by key, so that the output does not depend on the insertion order. */
function sorted<Value>(entries: Readonly<Record<string, Value>>): readonly (readonly [string, Value])[] {
  return Object.entries(entries).sort(([a], [b]) => (a < b ? -1 : 1));
}

function encodeNode(node: GraphNode): Init<typeof NodeProtoSchema> {
  return {
    name: node.name,
    opType: node.opType,
    domain: node.domain,
    input: [...node.inputs],
    output: [...node.outputs],
    attribute: sorted(node.attributes).map(([name, attribute]) => encodeAttribute(name, attribute)),
  };
}

type Dimension =
  { case: "dimValue"; value: bigint } | { case: "dimParam"; value: string } | { case: undefined };

function encodeDimension(size: number | string): Dimension {
  if (typeof size === "number") return { case: "dimValue", value: BigInt(size) };
  return size === "" ? { case: undefined } : { case: "dimParam", value: size };
}

function encodeValue({ name, dtype, shape }: UntypedValue): Init<typeof ValueInfoProtoSchema> {
  if (dtype === undefined) return { name };
  const elemType = ONNX_DTYPES[dtype].code;
  const dims = shape?.map((size) => ({ value: encodeDimension(size) }));
  const value = dims === undefined ? { elemType } : { elemType, shape: { dim: dims } };
  return { name, type: { value: { case: "tensorType", value } } };
}

function encodeSubgraph(body: Subgraph, places: ExternalPlaces): Init<typeof GraphProtoSchema> {
  const initializer = (value: Initializer): Init<typeof TensorProtoSchema> =>
    encodeTensor(value.name, value, places.get(value.name));
  return {
    name: body.name,
    node: body.nodes.map(encodeNode),
    initializer: [...body.initializers.values()].map(initializer),
    input: body.inputs.map(encodeValue),
    output: body.outputs.map(encodeValue),
    valueInfo: [...(body.values?.values() ?? [])].map(encodeValue),
  };
}

/**
 * Encodes a checked graph to the bytes of a model file. The initializers in `places` are external.
 *
 * @throws SlmError DATA_INVALID if the graph is not valid or too large for one file.
 */
export function encodeWithPlaces(graph: Graph, places: ExternalPlaces): Uint8Array {
  checkGraph(graph);
  let inside = 0;
  for (const { name, data } of graph.initializers.values()) if (!places.has(name)) inside += data.byteLength;
  if (inside > MAX_MODEL_BYTES) {
    throw new SlmError(
      "DATA_INVALID",
      `graph '${graph.name}': ${inside} bytes of weights do not fit into one model file`,
      {
        suggestions: ["write the weights to external data"],
      },
    );
  }
  const model = create(ModelProtoSchema, {
    irVersion: BigInt(graph.irVersion),
    producerName: "slm",
    opsetImport: sorted(graph.opsets).map(([domain, version]) => ({ domain, version: BigInt(version) })),
    metadataProps: sorted(graph.metadata).map(([key, value]) => ({ key, value })),
    graph: encodeSubgraph(graph, places),
  });
  return toBinary(ModelProtoSchema, model);
}

/** An extension of a graph: nodes that follow its nodes, the constants they read, and further outputs. */
export type GraphAddition = Pick<Graph, "nodes" | "initializers" | "outputs">;

/**
 * Bytes to append to a model file, so that the result is the file of the extended graph: protobuf merges concatenated messages.
 * Outputs can thus be added without reading the weights. The names are not checked against the graph.
 */
export function encodeAddition({ nodes, initializers, outputs }: GraphAddition): Uint8Array {
  const graph: Init<typeof GraphProtoSchema> = {
    node: nodes.map(encodeNode),
    initializer: [...initializers.values()].map((value) => encodeTensor(value.name, value)),
    output: outputs.map(encodeValue),
  };
  return toBinary(ModelProtoSchema, create(ModelProtoSchema, { graph }));
}

/**
 * Encodes a graph to the bytes of an ONNX file that contains all weights. Attributes and metadata are sorted by name; nodes, values and
 * initializers keep their order.
 *
 * @throws SlmError DATA_INVALID if the graph is not valid (see `checkGraph`) or larger than 2 GiB.
 */
export function encodeModel(graph: Graph): Uint8Array {
  return encodeWithPlaces(graph, NOWHERE);
}
