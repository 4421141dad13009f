/** Quantizes a matrix to 2, 4 or 8 bits, block by block. `block-format.ts` describes the layout. */
import type { BlockSize, WeightOptions } from "@slm/devices";
import { SlmError } from "@slm/core";
import { blockSizes, type BlockBits, type BlockWeights } from "./block-format.js";
import { blockMethods } from "./block-method.js";
import { feedbackFactor } from "./kernels/feedback-factor.js";
import { quantizeOutputs, type OutputsJob } from "./kernels/quantize-outputs.js";
import { checkMatrix, stridesOf, type WeightMatrix } from "./weight-matrix.js";

/** Gram matrix: sums of x(i) x(k) over the rows that a matrix was multiplied with. */
export interface Gram {
  readonly size: number;
  /** `size * size`, row major, symmetric. */
  readonly values: Float64Array;
}

/** Default method: `search`. */
export interface BlockOptions extends Pick<WeightOptions, "symmetric" | "method"> {
  readonly bits: BlockBits;
  readonly blockSize: BlockSize;
  /** Gram matrix of the activations, for `gptq`. */
  readonly gram?: Gram | undefined;
}

/** A quantized matrix, and ||w - dequantized|| / ||w||, Frobenius norms. */
export type MeasuredBlocks = BlockWeights & { readonly relativeError: number };

/** Runs jobs of the inner loop. The default runs them synchronously in this thread. */
export type RunOutputs = (job: OutputsJob, outputs: number) => void | Promise<void>;

/** Checks the inputs and allocates the results of a job. */
function prepare(matrix: WeightMatrix, options: BlockOptions): { job: OutputsJob; weights: BlockWeights } {
  checkMatrix(matrix);
  const { bits, blockSize, symmetric = false, method = "search", gram } = options;
  const { values, inputs, outputs } = matrix;
  const { blocks, codeBytes, zeroBytes } = blockSizes(inputs, bits, blockSize);
  const strides = stridesOf(matrix.layout, inputs, outputs);
  const results = {
    codes: new Uint8Array(outputs * codeBytes),
    scales: new Float32Array(outputs * blocks),
    zeroPoints: symmetric ? undefined : new Uint8Array(outputs * zeroBytes),
  };
  const job: OutputsJob = {
    values,
    inputs,
    bits,
    blockSize,
    symmetric,
    ...results,
    squares: new Float64Array(outputs),
    distances: new Float64Array(outputs),
    inputStride: strides.input,
    outputStride: strides.output,
    method: blockMethods[method].grid,
    feedback: method === "gptq" ? feedbackOf(matrix, gram) : undefined,
  };
  return { job, weights: { ...results, inputs, outputs, bits, blockSize, blocks } };
}

function measured(weights: BlockWeights, { squares, distances }: OutputsJob): MeasuredBlocks {
  const sum = (parts: Float64Array): number => parts.reduce((total, part) => total + part, 0);
  const distance = sum(distances);
  return { ...weights, relativeError: distance === 0 ? 0 : Math.sqrt(distance / sum(squares)) };
}

function feedbackOf({ inputs, name = "weights" }: WeightMatrix, gram: Gram | undefined): Float64Array {
  if (gram === undefined) {
    throw new SlmError(
      "CONFIG_INVALID",
      `quantize: method gptq needs the activations of '${name}', got none`,
      {
        suggestions: ["add calibration rows: --calibration rows.jsonl", "use --method search"],
      },
    );
  }
  if (gram.size !== inputs || gram.values.length !== inputs * inputs) {
    throw new SlmError(
      "SHAPE_MISMATCH",
      `quantize: gptq: '${name}' has ${inputs} inputs, the activations have ${gram.size}`,
    );
  }
  return feedbackFactor(gram.values, inputs);
}

/**
 * Quantizes a matrix in blocks.
 *
 * Error of methods other than `gptq`: at most |scale| / 2 for a weight between the first and the last code, -zero * scale and (last - zero)
 * * scale; otherwise the distance from the nearer of the two. 4 or 2 bits with `search`: the squared error of a block is at most that of `rtn`,
 * symmetric or not, and of a search over symmetric grids. `gptq` minimizes the output error on the calibration data instead of the weight
 * error. Methods other than `rtn` reproduce a block bit for bit if it was quantized to the same number of bits before, like blocks of GGUF
 * files. Deterministic: the same weights give the same bytes.
 *
 * @throws SlmError SHAPE_MISMATCH, DATA_INVALID as `checkMatrix` does; CONFIG_INVALID for options that cannot be combined.
 */
export function quantizeBlocks(matrix: WeightMatrix, options: BlockOptions): MeasuredBlocks {
  const { job, weights } = prepare(matrix, options);
  quantizeOutputs(job, 0, matrix.outputs);
  return measured(weights, job);
}

/** The same, with the loop run by `run`, possibly in several threads. */
export async function quantizeBlocksBy(
  run: RunOutputs,
  matrix: WeightMatrix,
  options: BlockOptions,
): Promise<MeasuredBlocks> {
  const { job, weights } = prepare(matrix, options);
  await run(job, matrix.outputs);
  return measured(weights, job);
}
