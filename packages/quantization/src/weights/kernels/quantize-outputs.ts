/** The inner loops that quantize outputs of a matrix to codes, scales and zero points. They work on plain arrays, in any thread. */
import { exactGrid } from "./exact-grid.js";
import { nearestCode, type Grid } from "./grid.js";
import { positiveGrid } from "./positive-grid.js";
import { roundGrid, roundedCode } from "./round-grid.js";
import { searchGrid } from "./search-grid.js";

/** How to choose the grid of a block. */
type GridMethod = "round" | "search" | "positive";

/** A matrix, its quantization options, and the result arrays: plain data that can be sent to other threads. */
export interface OutputsJob {
  readonly values: Float32Array;
  readonly inputs: number;
  /** Distance in `values` between neighbouring inputs, and between neighbouring outputs. */
  readonly inputStride: number;
  readonly outputStride: number;
  readonly bits: 2 | 4 | 8;
  readonly blockSize: number;
  readonly symmetric: boolean;
  readonly method: GridMethod;
  /** `feedbackFactor` of the inputs. Absent: no error feedback. */
  readonly feedback?: Float64Array | undefined;
  /** The weight of each input's error. Only for `positive` grids over whole outputs. */
  readonly importance?: Float64Array | undefined;
  /** Packed rows of all outputs, as in `BlockWeights`; symmetric weights have no zero points. */
  readonly codes: Uint8Array;
  readonly scales: Float32Array;
  readonly zeroPoints?: Uint8Array | undefined;
  /** By output: sum of squares of the weights and of their errors. */
  readonly squares: Float64Array;
  readonly distances: Float64Array;
}

/** Outputs that are processed together, so that a row of the feedback factor is read once for all of them. */
const TILE = 32;

/** Grids of 4 or 2 bits, for the first `count` weights of a block. */
const SEARCHES: Readonly<
  Record<Exclude<GridMethod, "round">, (block: Float64Array, count: number, job: OutputsJob) => Grid>
> = {
  search: (block, count, { bits, symmetric }) => searchGrid(block, count, bits === 2 ? 3 : 15, symmetric),
  positive: (block, count, { importance }) => positiveGrid(block, count, importance),
};

const lastCode = (bits: OutputsJob["bits"]): number => 2 ** bits - 1;

function gridOf(block: Float64Array, count: number, job: OutputsJob): Grid {
  const last = lastCode(job.bits);
  if (job.method === "round") return roundGrid(block, count, last, job.symmetric);
  const exact = job.method === "positive" ? undefined : exactGrid(block, count, last, job.symmetric);
  if (exact !== undefined) return exact;
  // With 255 steps a search gains nothing.
  return job.bits === 8
    ? roundGrid(block, count, last, job.symmetric)
    : SEARCHES[job.method](block, count, job);
}

/** Writes scale and zero point of a block, and its padding if it is incomplete. */
function storeGrid(
  job: OutputsJob,
  output: number,
  part: number,
  count: number,
  { scale, zero }: Grid,
): void {
  const { bits, blockSize, codes, scales, zeroPoints, inputs } = job;
  const blocks = Math.ceil(inputs / blockSize);
  scales[output * blocks + part] = scale;
  if (zeroPoints !== undefined)
    zeroPoints[output * Math.ceil((blocks * bits) / 8) + ((part * bits) >> 3)]! |=
      zero << ((part * bits) & 7);
  if (count === blockSize) return;
  const bytes = (blockSize * bits) / 8;
  const start = (output * blocks + part) * bytes;
  codes.fill(zero * REPEATED[bits], start + ((count * bits) >> 3), start + bytes);
}

/** A byte with a 1 in each of its codes. */
const REPEATED: Readonly<Record<OutputsJob["bits"], number>> = { 2: 0b0101_0101, 4: 0x11, 8: 1 };

/** Writes the code of one input and leaves the other codes of its byte as they are. */
function storeCode(job: OutputsJob, output: number, input: number, code: number): void {
  const { bits, blockSize, codes, inputs } = job;
  const width = Math.ceil(inputs / blockSize) * blockSize;
  const place = (output * width + input) * bits;
  const shift = place & 7;
  codes[place >> 3] = (codes[place >> 3]! & ~(lastCode(bits) << shift)) | (code << shift);
}

/** Quantizes each block independently. */
function quantizeAlone(job: OutputsJob, from: number, to: number): void {
  const { values, inputs, inputStride, outputStride, blockSize, bits, method } = job;
  const last = lastCode(bits);
  const isRounded = method === "round" || bits === 8;
  const block = new Float64Array(blockSize);
  const blocks = Math.ceil(inputs / blockSize);
  // Outputs are the inner loop, because they are adjacent in a matrix stored inputs first.
  for (let part = 0; part < blocks; part += 1) {
    const first = part * blockSize;
    const count = Math.min(blockSize, inputs - first);
    for (let output = from; output < to; output += 1) {
      const start = first * inputStride + output * outputStride;
      for (let at = 0; at < count; at += 1) block[at] = values[start + at * inputStride]!;
      const grid = gridOf(block, count, job);
      storeGrid(job, output, part, count, grid);
      const inverse = isRounded ? Math.fround(1 / grid.scale) : 1 / grid.scale;
      let square = 0;
      let distance = 0;
      for (let at = 0; at < count; at += 1) {
        const value = block[at]!;
        const code = isRounded
          ? roundedCode(value, inverse, grid.zero, last)
          : nearestCode(value * inverse, grid.zero, last);
        storeCode(job, output, first + at, code);
        const difference = value - (code - grid.zero) * grid.scale;
        square += value * value;
        distance += difference * difference;
      }
      job.squares[output]! += square;
      job.distances[output]! += distance;
    }
  }
}

/** Quantizes input by input and feeds each error back to later inputs. */
function quantizeWithFeedback(job: OutputsJob, feedback: Float64Array, from: number, to: number): void {
  const { values, inputs, inputStride, outputStride, blockSize, bits } = job;
  const last = lastCode(bits);
  const block = new Float64Array(blockSize);
  /** Per output of the tile: the errors of earlier inputs, and the targets of the block's inputs. */
  const errors = new Float64Array(TILE * inputs);
  const targets = new Float64Array(TILE * blockSize);
  const grids: Grid[] = [];
  for (let tile = from; tile < to; tile += TILE) {
    const rows = Math.min(TILE, to - tile);
    for (let first = 0; first < inputs; first += blockSize) {
      const count = Math.min(blockSize, inputs - first);
      for (let at = 0; at < count; at += 1) {
        const place = (first + at) * inputs;
        for (let row = 0; row < rows; row += 1) {
          targets[row * blockSize + at] =
            values[(first + at) * inputStride + (tile + row) * outputStride]! +
            carried(feedback, place, errors, row * inputs, 0, first);
        }
      }
      for (let row = 0; row < rows; row += 1) {
        // The grid is chosen for the targets before any input of the block is rounded.
        block.set(targets.subarray(row * blockSize, row * blockSize + count));
        grids[row] = gridOf(block, count, job);
        storeGrid(job, tile + row, first / blockSize, count, grids[row]!);
      }
      for (let at = 0; at < count; at += 1) {
        const input = first + at;
        for (let row = 0; row < rows; row += 1) {
          const { scale, zero } = grids[row]!;
          const target =
            targets[row * blockSize + at]! +
            carried(feedback, input * inputs, errors, row * inputs, first, input);
          const code = nearestCode(target / scale, zero, last);
          const weight = values[input * inputStride + (tile + row) * outputStride]!;
          const error = weight - (code - zero) * scale;
          errors[row * inputs + input] = error;
          storeCode(job, tile + row, input, code);
          job.squares[tile + row]! += weight * weight;
          job.distances[tile + row]! += error * error;
        }
      }
    }
  }
}

/** Sum over inputs `from` to `end` of their errors times their weights in row `place`. */
function carried(
  feedback: Float64Array,
  place: number,
  errors: Float64Array,
  row: number,
  from: number,
  end: number,
): number {
  let first = 0;
  let second = 0;
  let at = from;
  for (; at + 1 < end; at += 2) {
    first += feedback[place + at]! * errors[row + at]!;
    second += feedback[place + at + 1]! * errors[row + at + 1]!;
  }
  if (at < end) first += feedback[place + at]! * errors[row + at]!;
  return first + second;
}

/** Quantizes outputs `from` up to, not including, `to`. */
export function quantizeOutputs(job: OutputsJob, from: number, to: number): void {
  if (job.feedback === undefined) quantizeAlone(job, from, to);
  else quantizeWithFeedback(job, job.feedback, from, to);
}
