/** A convolution over the grid of patches, as a sum over the places of its kernel: each a constant shift, then a matrix. */
import { add, mixTokens, scope, type Tensor } from "@slm/tensor";
import { project, type Parameters } from "../blocks.js";

interface Size {
  readonly height: number;
  readonly width: number;
}

/**
 * Weights that put in every token's place the one `down` rows below and `across` columns right of it, zeros beyond the edge:
 * `[height · width, height · width]`.
 */
export function shiftWeights({ height, width }: Size, down: number, across: number): Float32Array {
  const tokens = height * width;
  const weights = new Float32Array(tokens * tokens);
  for (let row = Math.max(0, -down); row < Math.min(height, height - down); row++)
    for (let column = Math.max(0, -across); column < Math.min(width, width - across); column++)
      weights[(row * width + column) * tokens + (row + down) * width + column + across] = 1;
  return weights;
}

/**
 * What each token and its neighbours say together.
 *
 * Shapes: x `[batch, grid.height · grid.width, width]` -> the same. Weights `name.PLACE.weight` `[width, width]`, places by
 * rows of the kernel; a bias beside the middle one.
 */
export function convolve(parameters: Parameters, name: string, x: Tensor, grid: Size, kernel: Size): Tensor {
  const tokens = grid.height * grid.width;
  const [middleRow, middleColumn] = [(kernel.height - 1) / 2, (kernel.width - 1) / 2];
  let sum: Tensor | undefined;
  for (let place = 0; place < kernel.height * kernel.width; place++) {
    const down = Math.floor(place / kernel.width) - middleRow;
    const across = (place % kernel.width) - middleColumn;
    // A grid smaller than the kernel has nothing there.
    if (Math.abs(down) >= grid.height || Math.abs(across) >= grid.width) continue;
    const isMiddle = down === 0 && across === 0;
    const shifted = isMiddle
      ? x
      : scope(`shift${place}`, () =>
          mixTokens({ x }, { weights: shiftWeights(grid, down, across), outputs: tokens }),
        );
    const part = project(parameters, `${name}.${place}`, shifted);
    sum = sum === undefined ? part : add({ a: sum, b: part }, {});
  }
  return sum!;
}
