/**
 * The search for the grid of one int4 block: a scale s and a zero point z, so that w is near (code - z) * s for some
 * code 0..15. With q = code - z, the block's q are the whole numbers from -z to 15 - z.
 *
 * Candidates are pairs (s, z); the q of a candidate are the nearest to w / s. For q fixed, sum (w - s q)^2 is least at
 * s = sum(w q) / sum(q^2), where it is sum(w^2) - sum(w q)^2 / sum(q^2). So each candidate is judged by its gain
 * sum(w q)^2 / sum(q^2), and that s replaces its scale.
 */

const LAST_CODE = 15;

/** Zero point of symmetric grids and of blocks of zeros. */
const MIDDLE = 8;

/**
 * Symmetric candidates: z = 8, and the largest weight is at -8 - SYMMETRIC_STEP * i for -SYMMETRIC_REACH <= i <=
 * SYMMETRIC_REACH. i = 0 is onnxruntime's default (largest weight / -8), i = -SYMMETRIC_REACH is largest weight / 7 with
 * the sign turned. The scale may be negative: the largest weight then uses code 0, the one that reaches furthest.
 * Source: llama.cpp's `make_qx_quants`, which tries the same kind of grid.
 */
const SYMMETRIC_STEP = 0.2;
const SYMMETRIC_REACH = 5;

/**
 * Asymmetric candidates: the 15 steps of the grid cover the block's range (zero included), times 1 - SHRINK_STEP * i for
 * 0 <= i < SHRINKS: the ends are clipped and everything between gets finer. Each with the rounded zero point,
 * the one below and the one above.
 */
const SHRINK_STEP = 0.04;
const SHRINKS = 9;

/** Blocks whose largest weight is below this become zero: their scale would not be a normal float32. */
const SMALLEST = 2 ** -110;

export interface Int4Grid {
  /** A float32 number, never zero; may be negative. */
  readonly scale: number;
  /** The code of weight zero, 0..15. */
  readonly zero: number;
}

/** The code nearest to a weight, given the weight divided by the scale. */
export function nearestCode(scaled: number, zero: number): number {
  const code = Math.floor(scaled + 0.5) + zero;
  return code < 0 ? 0 : code > LAST_CODE ? LAST_CODE : code;
}

/** The best of some candidates: its gain, and its scale by least squares. */
interface Best extends Int4Grid {
  readonly gain: number;
}

/** The better of `best` and the candidate with these sums of w q and q^2. */
function better(best: Best, product: number, square: number, zero: number): Best {
  const gain = (product * product) / square;
  return gain > best.gain ? { gain, scale: product / square, zero } : best;
}

function bestSymmetric(block: Float64Array, count: number, largest: number): Int4Grid {
  let best: Best = { gain: 0, scale: largest / -MIDDLE, zero: MIDDLE };
  for (let step = -SYMMETRIC_REACH; step <= SYMMETRIC_REACH; step += 1) {
    const inverse = (-MIDDLE - SYMMETRIC_STEP * step) / largest;
    let product = 0;
    let square = 0;
    for (let at = 0; at < count; at += 1) {
      const value = block[at]!;
      const rounded = Math.floor(value * inverse + 0.5);
      const q = rounded < -MIDDLE ? -MIDDLE : rounded > LAST_CODE - MIDDLE ? LAST_CODE - MIDDLE : rounded;
      product += value * q;
      square += q * q;
    }
    best = better(best, product, square, MIDDLE);
  }
  return best;
}

/**
 * The zero points of a candidate scale differ only in where they clip, so the sums over the q that all of them have are
 * made once, and only the few weights at the ends are looked at for each zero point.
 */
function bestAsymmetric(block: Float64Array, count: number, lowest: number, highest: number): Int4Grid {
  const step = (highest - lowest) / LAST_CODE;
  const rounded = Math.round(-lowest / step);
  const first = Math.max(0, rounded - 1);
  const last = Math.min(LAST_CODE, rounded + 1);
  const products = [0, 0, 0];
  const squares = [0, 0, 0];
  let best: Best = { gain: 0, scale: step, zero: rounded };
  for (let shrink = 0; shrink < SHRINKS; shrink += 1) {
    const inverse = 1 / (step * (1 - SHRINK_STEP * shrink));
    let product = 0;
    let square = 0;
    products.fill(0);
    squares.fill(0);
    for (let at = 0; at < count; at += 1) {
      const value = block[at]!;
      const free = Math.floor(value * inverse + 0.5);
      if (free >= -first && free <= LAST_CODE - last) {
        product += value * free;
        square += free * free;
        continue;
      }
      for (let zero = first; zero <= last; zero += 1) {
        const q = free < -zero ? -zero : free > LAST_CODE - zero ? LAST_CODE - zero : free;
        products[zero - first]! += value * q;
        squares[zero - first]! += q * q;
      }
    }
    for (let zero = first; zero <= last; zero += 1) {
      best = better(best, product + products[zero - first]!, square + squares[zero - first]!, zero);
    }
  }
  return best;
}

const inFloat32 = ({ scale, zero }: Int4Grid): Int4Grid => ({ scale: Math.fround(scale), zero });

/** Squared error of a block whose codes are the nearest of the grid. */
function squaredError(block: Float64Array, count: number, { scale, zero }: Int4Grid): number {
  let sum = 0;
  for (let at = 0; at < count; at += 1) {
    const difference = block[at]! - (nearestCode(block[at]! / scale, zero) - zero) * scale;
    sum += difference * difference;
  }
  return sum;
}

/**
 * The grid of the first `count` weights of `block` with the least squared error that the search finds. The best
 * symmetric and the best asymmetric candidate are compared by the error of the codes that are stored, with the scale as
 * float32, so the result is never worse than a symmetric search.
 */
export function searchGrid(block: Float64Array, count: number): Int4Grid {
  let lowest = 0;
  let highest = 0;
  let largest = 0;
  for (let at = 0; at < count; at += 1) {
    const value = block[at]!;
    if (value < lowest) lowest = value;
    if (value > highest) highest = value;
    if (Math.abs(value) > Math.abs(largest)) largest = value;
  }
  if (Math.abs(largest) < SMALLEST) return { scale: 1, zero: MIDDLE };
  const symmetric = inFloat32(bestSymmetric(block, count, largest));
  const asymmetric = inFloat32(bestAsymmetric(block, count, lowest, highest));
  const isSymmetric = squaredError(block, count, symmetric) <= squaredError(block, count, asymmetric);
  return isSymmetric ? symmetric : asymmetric;
}
