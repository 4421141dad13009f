/** Random orders of rows that are the same in a resumed run. */
import { SlmError } from "@slm/core";

const UINT32 = 2 ** 32;

/**
 * A random order of 0..n-1 for one epoch. Every permutation is about equally likely. The same
 * (n, seed, epoch) always results in the same order, so that a resumed run needs no saved state.
 *
 * O(n). Source: Fisher-Yates shuffle (Durstenfeld 1964) fed by sfc32 (Doty-Humphrey, PractRand).
 *
 * @throws SlmError CONFIG_INVALID unless n is an integer from 0 to 2^31-1 and seed and epoch are non-negative safe
 * integers.
 */
export function shuffledOrder(n: number, seed: number, epoch: number): Int32Array {
  check("row count", n, 2 ** 31 - 1);
  check("seed", seed, Number.MAX_SAFE_INTEGER);
  check("epoch", epoch, Number.MAX_SAFE_INTEGER);
  const order = new Int32Array(n);
  for (let index = 0; index < n; index++) order[index] = index;
  const random = sfc32(seed, epoch);
  for (let last = n - 1; last > 0; last--) {
    const other = below(random, last + 1);
    const value = order[last]!;
    order[last] = order[other]!;
    order[other] = value;
  }
  return order;
}

/** An unbiased integer in [0, bound): draws above the last whole multiple of the bound are discarded. */
export function below(random: () => number, bound: number): number {
  const limit = UINT32 - (UINT32 % bound);
  let draw = random();
  while (draw >= limit) draw = random();
  return draw % bound;
}

/** Uniform 32-bit integers. The first draws mix the four seed words and are discarded. */
export function sfc32(seed: number, stream: number): () => number {
  let a = seed >>> 0;
  let b = Math.floor(seed / UINT32) ^ Math.imul(Math.floor(stream / UINT32), 0x9e3779b9);
  let c = stream >>> 0;
  let counter = 1;
  const next = (): number => {
    const sum = (a + b + counter++) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return sum >>> 0;
  };
  for (let round = 0; round < 20; round++) next();
  return next;
}

function check(name: string, value: number, max: number): void {
  if (Number.isSafeInteger(value) && value >= 0 && value <= max) return;
  throw new SlmError("CONFIG_INVALID", `shuffle: ${name} must be an integer from 0 to ${max}, got ${value}`, {
    context: { [name]: value },
  });
}
