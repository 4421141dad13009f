/** Decodes the bytes of an ONNX file to a checked graph, or rejects them. */
import { fromBinary } from "@bufbuild/protobuf";
import { SlmError } from "@slm/core";
import { ModelProtoSchema, type ModelProto } from "onnx-buf";
import { checkGraph, checkOutline } from "../checks/check.js";
import { decodeBody, decodeDomain, decodeName, decodeText } from "./decode-body.js";
import { exactNumber } from "./decode-tensor.js";
import { MAX_MODEL_BYTES } from "./encode.js";
import type { Graph, ModelOutline, OutputInfo, Subgraph, UntypedValue, ValueInfo } from "../graph/graph.js";
import { rejectUnsupportedFields } from "./unsupported-fields.js";
import { checkParts } from "./parts.js";
import { Notes, type ExternalBytes, type Reading } from "./reading.js";
import { shorten } from "../graph/shorten.js";
import { IR_VERSIONS, checkVersions, readableIrVersion } from "../graph/versions.js";

function incomplete(name: string, where: string): SlmError {
  return new SlmError("DATA_INVALID", `model: ${where} '${shorten(name)}'`, {
    suggestions: ["run the model through ONNX shape inference first"],
  });
}

function typedInput({ name, dtype, shape }: UntypedValue): ValueInfo {
  if (dtype !== undefined && shape !== undefined) return { name, dtype, shape };
  throw incomplete(name, "a model's inputs need a type and a rank, input");
}

/** An output with its type. Exporters omit unknown output shapes. */
function typedOutput({ name, dtype, shape }: UntypedValue): OutputInfo {
  if (dtype !== undefined) return { name, dtype, shape };
  throw incomplete(name, "a model's outputs need a type, output");
}

function decodeOpsets(model: ModelProto): Readonly<Record<string, number>> {
  const opsets = new Map<string, number>();
  for (const { domain, version } of model.opsetImport) {
    const name = decodeDomain(domain, "model: opset import");
    const number = exactNumber(version, `model: opset of domain '${name}'`);
    if (opsets.has(name) && opsets.get(name) !== number) {
      throw new SlmError(
        "DATA_INVALID",
        `model: domain '${name}' has two opsets, ${number} and ${opsets.get(name) ?? ""}`,
      );
    }
    opsets.set(name, number);
  }
  return Object.fromEntries(opsets);
}

function decodeMetadata(model: ModelProto): Readonly<Record<string, string>> {
  const metadata = new Map<string, string>();
  for (const { key, value } of model.metadataProps) {
    const where = `model: metadata '${shorten(key)}'`;
    if (metadata.has(key)) throw new SlmError("DATA_INVALID", `${where}: it is defined twice`);
    metadata.set(decodeName(key, where), decodeText(value, where));
  }
  return Object.fromEntries(metadata);
}

/**
 * Decodes the protobuf message in these bytes, without checking the content.
 *
 * @throws SlmError DATA_INVALID if the bytes are not a protobuf message of a model.
 */
export function parseModel(bytes: Uint8Array): ModelProto {
  if (bytes.byteLength > MAX_MODEL_BYTES) {
    throw new SlmError("DATA_INVALID", `model: at most ${MAX_MODEL_BYTES} bytes, got ${bytes.byteLength}`);
  }
  try {
    checkParts(bytes);
    return fromBinary(ModelProtoSchema, bytes);
  } catch (cause) {
    if (cause instanceof SlmError) throw cause;
    const reason = cause instanceof Error ? cause.message : "unreadable";
    throw new SlmError("DATA_INVALID", `model: not an ONNX file, or corrupt: ${reason}`, { cause });
  }
}

/** Removes inputs that have an initializer of the same name. Callers pass only the others. */
function withoutListedWeights(body: Subgraph): Subgraph {
  return { ...body, inputs: body.inputs.filter(({ name }) => !body.initializers.has(name)) };
}

/** A decoded model: versions, metadata and the main graph. */
type Frame = Pick<Graph, "irVersion" | "opsets" | "metadata"> & { readonly body: Subgraph };

function frameOf(model: ModelProto, reading: Reading): Frame {
  rejectUnsupportedFields("model", model, "model", reading.notes);
  const written = exactNumber(model.irVersion, "model: IR version");
  const irVersion = readableIrVersion(written);
  const opsets = decodeOpsets(model);
  checkVersions(irVersion, opsets);
  if (model.graph === undefined) throw new SlmError("DATA_INVALID", "model: has no graph");
  const body = decodeBody(model.graph, reading, `graph '${shorten(model.graph.name)}'`);
  const hasListedWeights = written < IR_VERSIONS.min;
  return {
    irVersion,
    opsets,
    metadata: decodeMetadata(model),
    body: hasListedWeights ? withoutListedWeights(body) : body,
  };
}

/** The graph of a parsed model; `external` contains the bytes of tensors outside the file. @throws SlmError DATA_INVALID. */
export function graphOf(model: ModelProto, external: ExternalBytes): Graph {
  const { body, ...frame } = frameOf(model, { external });
  const graph: Graph = {
    ...body,
    ...frame,
    inputs: body.inputs.map(typedInput),
    outputs: body.outputs.map(typedOutput),
  };
  checkGraph(graph);
  return graph;
}

/** The outline of a parsed model; tensors outside the file that are not in `external` are not read. */
export function outlineOf(model: ModelProto, external: ExternalBytes): ModelOutline {
  const notes = new Notes();
  const { body, ...frame } = frameOf(model, { external, notes });
  const producer = [model.producerName, model.producerVersion].filter((text) => text !== "").join(" ");
  const outline = { ...body, ...frame, producer: shorten(producer), omitted: notes.list() };
  checkOutline(outline);
  return outline;
}

const NOTHING_OUTSIDE: ExternalBytes = new Map();

/**
 * Reads the bytes of an ONNX file with all its weights inside. The bytes can be untrusted: the result is a checked graph or an error.
 * Weights are views of `bytes` if their alignment allows it, so do not change `bytes` afterwards.
 *
 * @throws SlmError DATA_INVALID naming what is corrupt, unknown, or would be lost.
 */
export function decodeModel(bytes: Uint8Array): Graph {
  return graphOf(parseModel(bytes), NOTHING_OUTSIDE);
}

/**
 * Reads an outline from the bytes of an ONNX file, with the checks of `decodeModel`. Unsupported parts are listed in `omitted` instead of
 * being rejected, and external tensors are not read.
 *
 * @throws SlmError DATA_INVALID naming what is corrupt.
 */
export function decodeOutline(bytes: Uint8Array): ModelOutline {
  return outlineOf(parseModel(bytes), NOTHING_OUTSIDE);
}
