/**
 * Nodes for int8 weights.
 *
 *   linear:     x, codes [K, N], scales [N], bias? -> DynamicQuantizeMatMul -> y
 *   embedding:  codes [V, width] by row -> Gather -> Cast ----> Mul -> y
 *               scales [V, 1]           -> Gather ------------/
 *   tied:       a table that is the output head as well is stored once, as the head's [width, V]; an embedding is then
 *               a column: ids -> Reshape [-1] -> Gather axis 1 -> Transpose -> Cast -> Mul -> Reshape to ids' shape
 *
 * DynamicQuantizeMatMul quantizes its input to uint8 with one scale for the whole tensor. The weights' zero point is zero and therefore
 * absent, which saves the kernel a correction per column.
 */
import { int, ints, type GraphNode } from "@slm/onnx";
import type { GraphParts } from "./graph-parts.js";
import { dequantizeInt8, quantizeInt8PerChannel } from "../weights/int8-per-channel.js";
import { relativeError } from "../weights/relative-error.js";
import type { QuantizeWeight } from "./weight-format.js";
import type { EmbeddingUse } from "./weight-uses.js";

/** ONNX's code for float32, for `Cast`. */
const FLOAT32 = 1;

interface StoredTable {
  readonly codes: string;
  readonly scales: string;
  readonly width: number;
}

/** Rows of `[V, width]` by id. */
function gatherRows(
  table: StoredTable,
  use: EmbeddingUse,
  original: GraphNode,
  parts: GraphParts,
): GraphNode[] {
  const axis = { axis: int(0) };
  const rows = parts.helper(original, "codes", {
    opType: "Gather",
    inputs: [table.codes, use.ids],
    attributes: axis,
  });
  const scales = parts.helper(original, "scales", {
    opType: "Gather",
    inputs: [table.scales, use.ids],
    attributes: axis,
  });
  const float = parts.helper(original, "float", {
    opType: "Cast",
    inputs: [rows.outputs[0]!],
    attributes: { to: int(FLOAT32) },
  });
  const product = parts.replacement(original, use.output, {
    opType: "Mul",
    inputs: [float.outputs[0]!, scales.outputs[0]!],
  });
  return [rows, scales, float, product];
}

/** Columns of `[width, V]` by id, as rows. Works for ids of any rank. */
function gatherColumns(
  table: StoredTable,
  use: EmbeddingUse,
  original: GraphNode,
  parts: GraphParts,
): GraphNode[] {
  const ints64 = (part: string, values: readonly bigint[]): string =>
    parts.initializer(
      `${original.outputs[0]!}/${part}`,
      "int64",
      [values.length],
      BigInt64Array.from(values),
    );
  const nodes: GraphNode[] = [];
  const add = (
    part: string,
    ...[opType, inputs, attributes]: readonly [string, string[], GraphNode["attributes"]?]
  ) => {
    const node = parts.helper(original, part, { opType, inputs, attributes: attributes ?? {} });
    nodes.push(node);
    return node.outputs[0]!;
  };
  const ids = add("ids", "Reshape", [use.ids, ints64("flat", [-1n])]);
  const columns = add("codes", "Gather", [table.codes, ids], { axis: int(1) });
  const rows = add("rows", "Transpose", [columns], { perm: ints([1, 0]) });
  const scales = add("scales", "Gather", [table.scales, ids], { axis: int(0) });
  const product = add("product", "Mul", [add("float", "Cast", [rows], { to: int(FLOAT32) }), scales]);
  const shape = add(
    "shape",
    "Concat",
    [add("ids_shape", "Shape", [use.ids]), ints64("width", [BigInt(table.width)])],
    {
      axis: int(0),
    },
  );
  const reshaped = parts.replacement(original, use.output, { opType: "Reshape", inputs: [product, shape] });
  return [...nodes, reshaped];
}

/** int8 with one scale per output. The file header shows the nodes. */
export const quantizeWeightInt8: QuantizeWeight = (
  { name, matrix, isLinear, isEmbedding },
  parts,
  options,
) => {
  const { inputs, outputs } = matrix;
  const layout = isLinear ? "inputs-first" : "outputs-first";
  const quantized = quantizeInt8PerChannel(matrix, { layout, reduceRange: options.reduceRange });
  const shape = isLinear ? [inputs, outputs] : [outputs, inputs];
  const codes = parts.initializer(`${name}.int8`, "int8", shape, quantized.codes);
  const scales = isLinear ? parts.initializer(`${name}.scales`, "float32", [outputs], quantized.scales) : "";
  // The same bytes, shaped to broadcast over rows.
  const rowScales = isEmbedding
    ? parts.initializer(`${name}.row_scales`, "float32", [outputs, 1], quantized.scales)
    : "";
  return {
    relativeError: relativeError(matrix, dequantizeInt8(quantized)),
    linear: (use, original) => [
      parts.replacement(original, use.output, {
        opType: "DynamicQuantizeMatMul",
        domain: "com.microsoft",
        inputs: [use.input, codes, scales, ...(use.bias === undefined ? [] : ["", use.bias])],
      }),
    ],
    embedding: (use, original) => {
      const gather = isLinear ? gatherColumns : gatherRows;
      return gather({ codes, scales: rowScales, width: inputs }, use, original, parts);
    },
  };
};
