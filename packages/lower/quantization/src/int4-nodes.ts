/**
 * 4-bit weights in a graph.
 *
 *   linear:     x, codes [N, blocks, bytes], scales [N, blocks], zeros [N, ceil(blocks / 2)], bias? -> MatMulNBits -> y
 *   embedding:  codes [V, blocks * bytes], ids, scales [V, blocks], zeros [V, ceil(blocks / 2)]
 *               -> GatherBlockQuantized (-> Slice) -> y
 *
 * A table that is the output head as well is stored once. MatMulNBits wants its codes with three axes, the embedding
 * with two (as many as the scales), so the same bytes get two names; the file holds them once and both operators share
 * the scales and the zero points, which both read two a byte, each row from a new byte. The embedding sees the padding
 * of the last block, and the Slice cuts it off.
 */
import { int, type GraphNode } from "@slm/graph";
import { dequantizeInt4, quantizeInt4Blocks } from "./int4-blocks.js";
import { relativeError } from "./relative-error.js";
import type { QuantizeWeight } from "./weight-format.js";

/** `accuracy_level` 4: the kernel may quantize its input to int8, block by block, and multiply integers. */
const INT8_ACTIVATIONS = 4;

/** 4 bits with one scale and zero point per block of inputs; see the head of this file for the nodes. */
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
  const zeros = parts.initializer(
    `${name}.zeros`,
    "uint8",
    [outputs, Math.ceil(blocks / 2)],
    quantized.zeroPoints,
  );
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
        // Before the bias: group indices, left out.
        inputs: [use.input, heads, scales, zeros, ...(use.bias === undefined ? [] : ["", use.bias])],
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
        inputs: [rows, use.ids, scales, zeros],
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
