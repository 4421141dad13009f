/** Repeatable numbers and plain comparisons for tests. */
import { createHostTensor, elementCount, type HostTensor } from "@slm/runtime";

/** Uniform numbers in [0, 1) from a seed (mulberry32). */
export function uniform(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let z = Math.imul(state ^ (state >>> 15), state | 1);
    z ^= z + Math.imul(z ^ (z >>> 7), z | 61);
    return ((z ^ (z >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** float32 values uniform in [-scale, scale). */
export function random(shape: readonly number[], seed: number, scale = 1): HostTensor {
  const next = uniform(seed);
  const values = Float32Array.from({ length: elementCount(shape) }, () => scale * (2 * next() - 1));
  return createHostTensor("float32", shape, values);
}

/** int32 values uniform in [0, below). */
export function randomIds(shape: readonly number[], seed: number, below: number): HostTensor {
  const next = uniform(seed);
  const values = Int32Array.from({ length: elementCount(shape) }, () => Math.floor(next() * below));
  return createHostTensor("int32", shape, values);
}

export const float32 = (shape: readonly number[], values: readonly number[]): HostTensor =>
  createHostTensor("float32", shape, Float32Array.from(values));

export const int32 = (shape: readonly number[], values: readonly number[]): HostTensor =>
  createHostTensor("int32", shape, Int32Array.from(values));

/** Values of a float32 or int32 tensor as plain numbers. */
export const numbersOf = ({ data }: HostTensor): number[] => Array.from(data, Number);

/** Largest difference, over the largest expected value or `floor`, whichever is larger. NaN stays NaN. */
export function relativeDifference(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  floor = 1e-3,
): number {
  if (actual.length !== expected.length) return Number.NaN;
  let largest = floor;
  let worst = 0;
  for (let i = 0; i < expected.length; i++) {
    largest = Math.max(largest, Math.abs(expected[i]!));
    const difference = Math.abs(actual[i]! - expected[i]!);
    if (!(difference <= worst)) worst = difference;
  }
  return worst / largest;
}
