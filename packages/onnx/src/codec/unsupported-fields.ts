/** Rejects fields that this package could not write back. A third-party model is kept completely or rejected. */
import { SlmError } from "@slm/core";
import type { Notes } from "./reading.js";
import type {
  AttributeProto,
  GraphProto,
  ModelProto,
  NodeProto,
  TensorProto,
  TensorShapeProto,
  TensorShapeProto_Dimension,
  TypeProto,
  TypeProto_Tensor,
  ValueInfoProto,
} from "onnx-buf";

interface Kept {
  model: ModelProto;
  graph: GraphProto;
  node: NodeProto;
  attribute: AttributeProto;
  tensor: TensorProto;
  value: ValueInfoProto;
  type: TypeProto;
  tensorType: TypeProto_Tensor;
  shape: TensorShapeProto;
  dimension: TensorShapeProto_Dimension;
}

type Fields<Message> = { readonly [Field in Exclude<keyof Message, `$${string}`>]-?: FieldPolicy };

/**
 * `kept`: decoded (or rejected by the decoder). `rejected`: an error if present. `annotation`: dropped, because it
 * documents the model and does not affect what it computes.
 */
type FieldPolicy = "kept" | "rejected" | "annotation";

/** One row per message and field. A field without a row is a compile error. */
const FIELDS: { readonly [Message in keyof Kept]: Fields<Kept[Message]> } = {
  model: {
    irVersion: "kept",
    opsetImport: "kept",
    graph: "kept",
    metadataProps: "kept",
    trainingInfo: "rejected",
    functions: "rejected",
    configuration: "rejected",
    producerName: "annotation",
    producerVersion: "annotation",
    domain: "annotation",
    modelVersion: "annotation",
    docString: "annotation",
  },
  graph: {
    node: "kept",
    name: "kept",
    initializer: "kept",
    input: "kept",
    output: "kept",
    valueInfo: "kept",
    sparseInitializer: "rejected",
    quantizationAnnotation: "rejected",
    docString: "annotation",
    metadataProps: "annotation",
  },
  node: {
    input: "kept",
    output: "kept",
    name: "kept",
    opType: "kept",
    domain: "kept",
    attribute: "kept",
    overload: "rejected",
    deviceConfigurations: "rejected",
    docString: "annotation",
    metadataProps: "annotation",
  },
  attribute: {
    name: "kept",
    type: "kept",
    f: "kept",
    i: "kept",
    s: "kept",
    t: "kept",
    g: "kept",
    floats: "kept",
    ints: "kept",
    strings: "kept",
    refAttrName: "rejected",
    sparseTensor: "rejected",
    tp: "rejected",
    tensors: "rejected",
    graphs: "rejected",
    sparseTensors: "rejected",
    typeProtos: "rejected",
    docString: "annotation",
  },
  tensor: {
    dims: "kept",
    dataType: "kept",
    name: "kept",
    rawData: "kept",
    floatData: "kept",
    int32Data: "kept",
    int64Data: "kept",
    doubleData: "kept",
    uint64Data: "kept",
    externalData: "kept",
    dataLocation: "kept",
    segment: "rejected",
    stringData: "rejected",
    docString: "annotation",
    metadataProps: "annotation",
  },
  value: { name: "kept", type: "kept", docString: "annotation", metadataProps: "annotation" },
  type: { value: "kept", denotation: "annotation" },
  tensorType: { elemType: "kept", shape: "kept" },
  shape: { dim: "kept" },
  dimension: { value: "kept", denotation: "annotation" },
};

const REJECTED: ReadonlyMap<string, readonly string[]> = new Map(
  Object.entries(FIELDS).map(([message, fields]) => [
    message,
    Object.entries(fields).flatMap(([field, fate]) => (fate === "rejected" ? [field] : [])),
  ]),
);

function isPresent(value: unknown): boolean {
  if (value === undefined || value === "") return false;
  return Array.isArray(value) ? value.length > 0 : true;
}

/**
 * Rejects a message with a field that would be lost or that this version of the format does not have. With `notes` (outlines), a field that
 * would be lost is noted instead, and reading continues.
 *
 * @throws SlmError DATA_INVALID naming the message and the field.
 */
export function rejectUnsupportedFields<Name extends keyof Kept>(
  name: Name,
  message: Kept[Name],
  where: string,
  notes?: Notes,
): void {
  const unknown = message.$unknown?.[0];
  if (unknown !== undefined) {
    reject(
      `${where}: ${message.$typeName} has field ${unknown.no} with a value that ONNX 1.20 does not define; it would be lost`,
      notes,
    );
  }
  const fields = new Map<string, unknown>(Object.entries(message));
  const lost = REJECTED.get(name)?.find((field) => isPresent(fields.get(field)));
  if (lost !== undefined) reject(`${where}: ${message.$typeName} uses '${lost}', which would be lost`, notes);
}

function reject(message: string, notes: Notes | undefined): void {
  if (notes === undefined) {
    throw new SlmError("DATA_INVALID", message, { suggestions: ["export the model without it"] });
  }
  notes.add(message);
}
