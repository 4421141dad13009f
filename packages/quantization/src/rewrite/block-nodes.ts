/**
 * Nodes for 2-, 4- and 8-bit weights with one scale per block of inputs.
 *
 *   linear:     x, codes [N, blocks, bytes], scales [N, blocks], zeros? [N, zeroBytes], bias? -> MatMulNBits -> y
 *   embedding:  codes [V, blocks * bytes], ids, scales [V, blocks], zeros? [V, zeroBytes]
 *               -> GatherBlockQuantized (-> Slice) -> y
 *
 * A table that is also the output head is stored once. MatMulNBits needs codes with three axes, the embedding with two (as many as the
 * scales), so the same bytes get two names, but the file contains them once. Both operators share scales and zero points. Zero points are
 * packed, each row starting at a new byte; without them both operators use the middle code. The Slice removes the padding of the
 * embedding's last block.
 */
import { int, type GraphNode } from "@slm/onnx";
import { blockSizes, defaultBlockSize, type BlockBits } from "../weights/block-format.js";
import { blockMethods } from "../weights/block-method.js";
import { quantizeBlocksBy } from "../weights/quantize-blocks.js";
import { quantizeOutputs } from "../weights/kernels/quantize-outputs.js";
import type { QuantizeWeight } from "./weight-format.js";

/** `accuracy_level` 4: the kernel can quantize its input to int8, block by block, and multiply integers. */
const INT8_ACTIVATIONS = 4;

/** A format with the given bits and one scale and zero point per block of inputs. The file header shows the nodes. */
export const quantizeWeightBlocks =
  (bits: BlockBits): QuantizeWeight =>
  async ({ name, matrix, isLinear, isEmbedding, gram }, parts, { weights = {}, run }) => {
    const { inputs, outputs } = matrix;
    const { symmetric = false, method = "search" } = weights;
    const { blockSize = defaultBlockSize(bits, inputs, blockMethods[method].needsCalibration) } = weights;
    // A table that is only looked up has no activations, and 8 bits do not need them.
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
          // The input before the bias, group indices, is absent.
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

/** Inputs without trailing absent ones. */
function withoutTrailing(inputs: readonly string[]): readonly string[] {
  const end = inputs.findLastIndex((name) => name !== "") + 1;
  return inputs.slice(0, end);
}
