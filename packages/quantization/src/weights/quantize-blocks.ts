/** A matrix to 4 or 8 bits, block by block; see `block-format.ts` for the layout. */
import { SlmError } from "@slm/core";
import { blockSizes, type BlockBits, type BlockSize, type BlockWeights } from "./block-format.js";
import { blockMethods, type BlockMethod } from "./block-method.js";
import { feedbackFactor } from "./kernels/feedback-factor.js";
import { quantizeOutputs, type OutputsJob } from "./kernels/quantize-outputs.js";
import { checkMatrix, stridesOf, type WeightMatrix } from "./weight-matrix.js";

/** Sums of x(i) x(k) over the rows that a matrix was multiplied with. */
export interface Gram {
  readonly size: number;
  /** `size * size`, row major, symmetric. */
  readonly values: Float64Array;
}

export interface BlockOptions {
  readonly bits: BlockBits;
  readonly blockSize: BlockSize;
  /** No zero points. Default false. */
  readonly symmetric?: boolean;
  /** Default `search`. */
  readonly method?: BlockMethod;
  /** What `gptq` needs. */
  readonly gram?: Gram | undefined;
}

/** A quantized matrix, and ||w - dequantized|| / ||w||, Frobenius norms. */
export type MeasuredBlocks = BlockWeights & { readonly relativeError: number };

/** Runs jobs of the inner loop; the default runs them here and now. */
export type RunOutputs = (job: OutputsJob, outputs: number) => void | Promise<void>;

/** Everything but the loop: checked inputs and empty results. */
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
      `quantize: method gptq needs the activations that '${name}' meets, got none`,
      {
        suggestions: ["give calibration rows: --calibration rows.jsonl", "use --method search"],
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
 * Error, methods other than `gptq`: a weight between the first and the last code, -zero * scale and (last - zero) *
 * scale, is off by at most |scale| / 2, any other by its distance from the nearer of the two. 4 bits by `search`: the
 * squared error of a block is at most that of `rtn`, symmetric and not, and of a search over symmetric grids. `gptq`
 * trades the error of weights for that of outputs on the calibration data. Methods other than `rtn` keep a block bit for
 * bit that lies on a grid of that many bits already, as dequantized blocks of GGUF files do.
 * Deterministic: the same weights give the same bytes.
 *
 * @throws SlmError SHAPE_MISMATCH, DATA_INVALID as `checkMatrix` does; CONFIG_INVALID for options that do not go together.
 */
export function quantizeBlocks(matrix: WeightMatrix, options: BlockOptions): MeasuredBlocks {
  const { job, weights } = prepare(matrix, options);
  quantizeOutputs(job, 0, matrix.outputs);
  return measured(weights, job);
}

/** The same, with the loop run by `run`, which may share it among threads. */
export async function quantizeBlocksBy(
  run: RunOutputs,
  matrix: WeightMatrix,
  options: BlockOptions,
): Promise<MeasuredBlocks> {
  const { job, weights } = prepare(matrix, options);
  await run(job, matrix.outputs);
  return measured(weights, job);
}
