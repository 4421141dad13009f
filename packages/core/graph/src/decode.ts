/** The bytes of an ONNX file as a graph: whole, checked, or refused by name. */
import { fromBinary } from "@bufbuild/protobuf";
import { SlmError } from "@slm/error";
import { ModelProtoSchema, type ModelProto } from "onnx-buf";
import { checkGraph } from "./check.js";
import { decodeBody, decodeDomain, decodeName } from "./decode-body.js";
import { exactNumber, type ExternalBytes } from "./decode-tensor.js";
import { MAX_MODEL_BYTES } from "./encode.js";
import type { Graph, UntypedValue, ValueInfo } from "./graph.js";
import { refuseLosses } from "./losses.js";
import { checkParts } from "./parts.js";
import { checkVersions } from "./versions.js";

function typed(value: UntypedValue, where: string): ValueInfo {
  const { name, dtype, shape } = value;
  if (dtype !== undefined && shape !== undefined) return { name, dtype, shape };
  throw new SlmError(
    "DATA_INVALID",
    `${where} '${name}': a model's inputs and outputs need a type and a rank`,
    {
      suggestions: ["run the model through ONNX shape inference first"],
    },
  );
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
    const where = `model: metadata '${key}'`;
    if (metadata.has(key)) throw new SlmError("DATA_INVALID", `${where}: is there twice`);
    metadata.set(decodeName(key, where), decodeName(value, where));
  }
  return Object.fromEntries(metadata);
}

/**
 * The protobuf message in these bytes, not yet checked for meaning.
 *
 * @throws SlmError DATA_INVALID if they are not a protobuf message of a model.
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
    throw new SlmError("DATA_INVALID", `model: not an ONNX file, or damaged: ${reason}`, { cause });
  }
}

/** The graph of a parsed model; `external` holds the bytes of tensors outside the file. @throws SlmError DATA_INVALID. */
export function graphOf(model: ModelProto, external: ExternalBytes): Graph {
  refuseLosses("model", model, "model");
  const irVersion = exactNumber(model.irVersion, "model: IR version");
  const opsets = decodeOpsets(model);
  checkVersions(irVersion, opsets);
  if (model.graph === undefined) throw new SlmError("DATA_INVALID", "model: has no graph");
  const body = decodeBody(model.graph, external, `graph '${model.graph.name}'`);
  const graph: Graph = {
    ...body,
    irVersion,
    opsets,
    inputs: body.inputs.map((value) => typed(value, "model: input")),
    outputs: body.outputs.map((value) => typed(value, "model: output")),
    metadata: decodeMetadata(model),
  };
  checkGraph(graph);
  return graph;
}

const NOTHING_OUTSIDE: ExternalBytes = new Map();

/**
 * Reads the bytes of an ONNX file with all its weights inside. The bytes may come from anywhere: the result is a
 * checked graph or an error. Weights are views of `bytes` where their place allows it, so do not change `bytes` after.
 *
 * @throws SlmError DATA_INVALID naming what is damaged, unknown, or would be lost.
 */
export function decodeModel(bytes: Uint8Array): Graph {
  return graphOf(parseModel(bytes), NOTHING_OUTSIDE);
}
