/** Muon: orthogonalized momentum, for matrices of the layers. */
import { elementCount } from "@slm/runtime";
import { math, type Tensor } from "@slm/tensor";
import { OPTIMIZER } from "../training-config.js";
import type { OptimizerRule, UpdateContext } from "./optimizer-rule.js";
import type { Chunk } from "../parameters/parameter-layout.js";

/** Coefficients of the quintic a·s + b·s³ + c·s⁵ that drives singular values towards 1, and the number of iterations.
 * Source: Jordan et al. 2024, "Muon: An optimizer for hidden layers in neural networks".
 */
const QUINTIC = { a: 3.4445, b: -4.775, c: 2.0315, iterations: 5 } as const;

/** Avoids division by the norm of a zero gradient. */
const NORM_FLOOR = 1e-7;

/**
 * Root mean square of an update relative to the learning rate, so that AdamW's rates and weight decay carry over.
 * Source: Liu et al. 2025 (arXiv:2502.16982), section 2.2.
 */
const UPDATE_RMS = 0.2;

/** Approximates U·Vᵀ for each matrix U·S·Vᵀ of a stack. The resulting singular values are between about 0.7 and 1.2.
 *
 * Shapes: `[count, rows, columns]` -> the same. FLOPs: about 10 · count · s² · (2 · l + s), s the shorter and l the longer side.
 */
export function orthogonalize(stack: Tensor): Tensor {
  const [, rows, columns] = stack.shape as [number, number, number];
  const isTall = rows > columns;
  let x = isTall ? math.transposeLast(stack) : stack;
  const norm = math.sqrt(math.sumAxes(math.square(x), [1, 2]));
  x = math.div(x, math.add(norm, NORM_FLOOR));
  const { a, b, c, iterations } = QUINTIC;
  for (let iteration = 0; iteration < iterations; iteration++) {
    const gram = math.matMul(x, x, { transposeB: true });
    const mixed = math.add(math.mul(gram, b), math.mul(math.matMul(gram, gram), c));
    x = math.add(math.mul(x, a), math.matMul(mixed, x));
  }
  return isTall ? math.transposeLast(x) : x;
}

/** Groups of adjacent matrices of equal shape within a chunk. */
function stacksOf({ specs }: Chunk): { shape: readonly number[]; count: number }[] {
  const stacks: { shape: readonly number[]; count: number }[] = [];
  for (const { shape } of specs) {
    const last = stacks.at(-1);
    if (last !== undefined && last.shape.join() === shape.join()) last.count += 1;
    else stacks.push({ shape, count: 1 });
  }
  return stacks;
}

/**
 * momentum = momentum · beta + gradient; update = orthogonalize(gradient + beta · momentum) (Nesterov),
 * scaled by 0.2 · sqrt(longer side), times the learning rate.
 */
export const muon: OptimizerRule = {
  moments: ["first"],
  update: ({ chunk, state, gradient, scalars, kept }: UpdateContext) => {
    const { momentum } = OPTIMIZER;
    const clipped = math.mul(gradient, scalars.clip);
    const first = math.add(math.mul(state.first!, momentum), clipped);
    const wanted = math.add(math.mul(first, momentum), clipped);
    const stacks = stacksOf(chunk);
    const parts = math.split(
      wanted,
      stacks.map(({ shape, count }) => count * elementCount(shape)),
      0,
    );
    const updates = stacks.map(({ shape, count }, index) => {
      const update = orthogonalize(math.reshape(parts[index]!, [count, ...shape]));
      const scale = UPDATE_RMS * Math.sqrt(Math.max(...shape));
      return math.reshape(math.mul(update, scale), [count * elementCount(shape)]);
    });
    return { value: math.sub(kept, math.mul(math.concat(updates, 0), scalars.rate)), first };
  },
};
