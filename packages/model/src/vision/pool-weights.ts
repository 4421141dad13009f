/** Pools a grid of tokens by one product with a constant matrix; rows and columns are pooled independently. */
import type { VisionProjector } from "./vision-config.js";

type Pool = NonNullable<VisionProjector["pool"]>;
/** Weights of one axis: `[outputs][inputs]`. */
type AxisWeights = (inputs: number, outputs: number) => number[][];

const AXIS: Readonly<Record<Pool["kind"], AxisWeights>> = {
  // Bins overlap if they do not divide the axis. Source: PyTorch's adaptive_avg_pool2d.
  average: (inputs, outputs) =>
    rows(inputs, outputs, (output, weights) => {
      const from = Math.floor((output * inputs) / outputs);
      const to = Math.ceil(((output + 1) * inputs) / outputs);
      weights.fill(1 / (to - from), from, to);
    }),
  // Centres of outputs among centres of inputs, no antialiasing. Source: PyTorch's interpolate, align_corners false.
  bilinear: (inputs, outputs) =>
    rows(inputs, outputs, (output, weights) => {
      const at = Math.max(0, ((output + 0.5) * inputs) / outputs - 0.5);
      const low = Math.floor(at);
      const high = Math.min(inputs - 1, low + 1);
      weights[low] = weights[low]! + 1 - (at - low);
      weights[high] = weights[high]! + at - low;
    }),
};

function rows(
  inputs: number,
  outputs: number,
  fill: (output: number, weights: number[]) => void,
): number[][] {
  return Array.from({ length: outputs }, (_, output) => {
    const weights = new Array<number>(inputs).fill(0);
    fill(output, weights);
    return weights;
  });
}

/** Weights of every pooled token over the tokens of a grid, both by rows: `[pool.height · pool.width, height · width]`. */
export function poolWeights(
  grid: { readonly height: number; readonly width: number },
  pool: Pool,
): { readonly weights: Float32Array; readonly outputs: number } {
  const down = AXIS[pool.kind](grid.height, pool.height);
  const across = AXIS[pool.kind](grid.width, pool.width);
  const values = down.flatMap((rowWeights) =>
    across.flatMap((columnWeights) =>
      rowWeights.flatMap((row) => columnWeights.map((column) => row * column)),
    ),
  );
  return { weights: Float32Array.from(values), outputs: pool.height * pool.width };
}
