/**
 * Weights of 4 or 8 bits in a graph, with one scale per block of inputs.
 *
 *   linear:     x, codes [N, blocks, bytes], scales [N, blocks], zeros? [N, zeroBytes], bias? -> MatMulNBits -> y
 *   embedding:  codes [V, blocks * bytes], ids, scales [V, blocks], zeros? [V, zeroBytes]
 *               -> GatherBlockQuantized (-> Slice) -> y
 *
 * A table that is the output head as well is stored once. MatMulNBits wants its codes with three axes, the embedding
 * with two (as many as the scales), so the same bytes get two names; the file holds them once and both operators share
 * the scales and the zero points, which both read packed, each row from a new byte; without zero points both take the
 * middle code. The embedding sees the padding
 * of the last block, and the Slice cuts it off.
 */
import { int, type GraphNode } from "@slm/onnx";
import { blockSizes, defaultBlockSize, type BlockBits } from "../weights/block-format.js";
import { blockMethods } from "../weights/block-method.js";
import { quantizeBlocksBy } from "../weights/quantize-blocks.js";
import { quantizeOutputs } from "../weights/kernels/quantize-outputs.js";
import type { QuantizeWeight } from "./weight-format.js";

/** `accuracy_level` 4: the kernel may quantize its input to int8, block by block, and multiply integers. */
const INT8_ACTIVATIONS = 4;

/** A format of so many bits, one scale and zero point per block of inputs; see the head of this file for the nodes. */
export const quantizeWeightBlocks =
  (bits: BlockBits): QuantizeWeight =>
  async ({ name, matrix, isLinear, isEmbedding, gram }, parts, options) => {
    const { inputs, outputs } = matrix;
    const { symmetric = false, method = "search", run } = options;
    const { blockSize = defaultBlockSize(bits, inputs, blockMethods[method].needsCalibration) } = options;
    // A table that is never multiplied meets no activations, and 8 bits can do without knowing them.
    const mayLack = !isLinear || bits === 8;
    const usable = method === "gptq" && gram === undefined && mayLack ? "search" : method;
    const quantized = await quantizeBlocksBy(
      run ??
        ((job, end) => {
          quantizeOutputs(job, 0, end);
        }),
      matrix,
      { bits, blockSize, symmetric, method: usable, gram },
    );
    const { blocks, codes, zeroPoints } = quantized;
    const { codeBytes, zeroBytes } = blockSizes(inputs, bits, blockSize);
    const scales = parts.initializer(`${name}.scales`, "float32", [outputs, blocks], quantized.scales);
    const zeros =
      zeroPoints === undefined
        ? ""
        : parts.initializer(`${name}.zeros`, "uint8", [outputs, zeroBytes], zeroPoints);
    const stem = `${name}.int${bits}`;
    const heads = isLinear
      ? parts.initializer(stem, "uint8", [outputs, blocks, codeBytes / blocks], codes)
      : "";
    const rows = isEmbedding ? parts.initializer(`${stem}_rows`, "uint8", [outputs, codeBytes], codes) : "";
    const ints64 = (original: GraphNode, part: string, value: number): string =>
      parts.initializer(`${original.outputs[0]!}/${part}`, "int64", [1], BigInt64Array.of(BigInt(value)));
    const attributes = { bits: int(bits), block_size: int(blockSize) };
    return {
      relativeError: quantized.relativeError,
      linear: (use, original) => [
        parts.replacement(original, use.output, {
          opType: "MatMulNBits",
          domain: "com.microsoft",
          // Before the bias: group indices, left out.
          inputs: withoutTrailing([use.input, heads, scales, zeros, "", use.bias ?? ""]),
          attributes: {
            ...attributes,
            K: int(inputs),
            N: int(outputs),
            accuracy_level: int(INT8_ACTIVATIONS),
          },
        }),
      ],
      embedding: (use, original) => {
        const gather = {
          opType: "GatherBlockQuantized",
          domain: "com.microsoft",
          inputs: withoutTrailing([rows, use.ids, scales, zeros]),
          attributes: { ...attributes, gather_axis: int(0), quantize_axis: int(1) },
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

/** Inputs up to the last that is there. */
function withoutTrailing(inputs: readonly string[]): readonly string[] {
  const end = inputs.findLastIndex((name) => name !== "") + 1;
  return inputs.slice(0, end);
}
