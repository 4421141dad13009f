/**
 * 4-bit weights in a graph.
 *
 *   linear:     x, codes [N, blocks, bytes], scales [N, blocks], bias? -> MatMulNBits -> y
 *   embedding:  codes [V, blocks * bytes], scales [V, blocks], ids -> GatherBlockQuantized (-> Slice) -> y
 *
 * A table that is the output head as well is stored once. MatMulNBits wants its codes with three axes, the embedding
 * with two (as many as the scales), so the same bytes get two names; the file holds them once and both operators share
 * the scales. Neither is given a zero point: both then take 8 (GatherBlockQuantized does for uint8 data, while for data
 * of type uint4 its default would be 0). The embedding sees the padding of the last block, and the Slice cuts it off.
 */
import { int, type GraphNode } from "@slm/graph";
import { dequantizeInt4, quantizeInt4Blocks } from "./int4-blocks.js";
import { relativeError } from "./relative-error.js";
import type { QuantizeWeight } from "./weight-format.js";

/** `accuracy_level` 4: the kernel may quantize its input to int8, block by block, and multiply integers. */
const INT8_ACTIVATIONS = 4;

/** 4 bits with one scale per block of inputs; see the head of this file for the nodes. */
export const quantizeWeightInt4: QuantizeWeight = (
  { name, matrix, isLinear, isEmbedding },
  parts,
  options,
) => {
  const { inputs, outputs } = matrix;
  const quantized = quantizeInt4Blocks(matrix, options.blockSize);
  const { blocks, blockSize, codes } = quantized;
  const bytes = blockSize / 2;
  const scales = parts.initializer(`${name}.scales`, "float32", [outputs, blocks], quantized.scales);
  const heads = isLinear ? parts.initializer(`${name}.int4`, "uint8", [outputs, blocks, bytes], codes) : "";
  const rows = isEmbedding
    ? parts.initializer(`${name}.int4_rows`, "uint8", [outputs, blocks * bytes], codes)
    : "";
  const ints64 = (original: GraphNode, part: string, value: number): string =>
    parts.initializer(`${original.outputs[0]!}/${part}`, "int64", [1], BigInt64Array.of(BigInt(value)));
  return {
    relativeError: relativeError(matrix, dequantizeInt4(quantized)),
    linear: (use, original) => [
      parts.replacement(original, use.output, {
        opType: "MatMulNBits",
        domain: "com.microsoft",
        // After the scales: zero points, group indices (both left out), bias.
        inputs: [use.input, heads, scales, ...(use.bias === undefined ? [] : ["", "", use.bias])],
        attributes: {
          K: int(inputs),
          N: int(outputs),
          bits: int(4),
          block_size: int(blockSize),
          accuracy_level: int(INT8_ACTIVATIONS),
        },
      }),
    ],
    embedding: (use, original) => {
      const gather = {
        opType: "GatherBlockQuantized",
        domain: "com.microsoft",
        inputs: [rows, use.ids, scales],
        attributes: {
          bits: int(4),
          block_size: int(blockSize),
          gather_axis: int(0),
          quantize_axis: int(1),
        },
      };
      if (blocks * blockSize === inputs) return [parts.replacement(original, use.output, gather)];
      const padded = parts.helper(original, "padded", gather);
      const slice = parts.replacement(original, use.output, {
        opType: "Slice",
        inputs: [
          padded.outputs[0]!,
          ints64(original, "start", 0),
          ints64(original, "width", inputs),
          ints64(original, "axis", -1),
        ],
      });
      return [padded, slice];
    },
  };
};
