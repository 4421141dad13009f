/** What can be chosen about quantized weights in addition to the scheme. The values are those of recipes, flags and the library. */
import type { TableFormat } from "./weight-schemes.js";

/** Weights that share a scale in block formats: the sizes that onnxruntime's CPU kernels support, except for 256. */
export const BLOCK_SIZES = [16, 32, 64, 128] as const;
export type BlockSize = (typeof BLOCK_SIZES)[number];

/** Rounding methods of weights with 4 or 2 bits. `blockMethods` of `@slm/quantization` describes them. */
export const BLOCK_METHODS = ["rtn", "search", "gptq"] as const;
export type BlockMethod = (typeof BLOCK_METHODS)[number];

/** How weights are quantized. Defaults depend on the scheme. */
export interface WeightOptions {
  /** Block formats: number of weights that share one scale. Default: 32, or 16 for narrow 4-bit matrices without calibration data. */
  readonly blockSize?: BlockSize | undefined;
  /** Block formats: no zero points. Default false. */
  readonly symmetric?: boolean | undefined;
  /** Rounding method of weights with 4 or 2 bits. Default: `gptq` with calibration data (not in large models), else `search`. */
  readonly method?: BlockMethod | undefined;
  /** Format of the embedding, and of an output head tied to it. Default: the scheme's format, but 8 bits for 4-bit and 2-bit schemes. */
  readonly embedding?: TableFormat | undefined;
}

/** Options with one block size for all matrices. */
export type SizedWeightOptions = WeightOptions & { readonly blockSize: BlockSize };

/** The options with one block size for all matrices: 32 unless another was chosen. */
export const withBlockSize = (weights: WeightOptions = {}): SizedWeightOptions => ({
  ...weights,
  blockSize: weights.blockSize ?? 32,
});
