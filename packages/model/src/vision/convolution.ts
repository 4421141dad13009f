/** A convolution over the grid of patches as a sum over kernel positions: each is a constant shift, then a matrix product. */
import { add, scope, shiftGrid, type Tensor } from "@slm/tensor";
import { project, type Parameters } from "../layers/blocks.js";

interface Size {
  readonly height: number;
  readonly width: number;
}

/**
 * Convolves a grid of tokens, with zero padding.
 *
 * Shapes: x `[batch, grid.height · grid.width, width]` -> the same. Weights `name.PLACE.weight` `[width, width]` with kernel positions in
 * row-major order; the centre position has the bias.
 */
export function convolve(parameters: Parameters, name: string, x: Tensor, grid: Size, kernel: Size): Tensor {
  const [middleRow, middleColumn] = [(kernel.height - 1) / 2, (kernel.width - 1) / 2];
  let sum: Tensor | undefined;
  for (let place = 0; place < kernel.height * kernel.width; place++) {
    const down = Math.floor(place / kernel.width) - middleRow;
    const across = (place % kernel.width) - middleColumn;
    // A shift beyond the grid contributes only zeros.
    if (Math.abs(down) >= grid.height || Math.abs(across) >= grid.width) continue;
    const isMiddle = down === 0 && across === 0;
    const shifted = isMiddle ? x : scope(`shift${place}`, () => shiftGrid({ x }, { ...grid, down, across }));
    const part = project(parameters, `${name}.${place}`, shifted);
    sum = sum === undefined ? part : add({ a: sum, b: part }, {});
  }
  return sum!;
}
