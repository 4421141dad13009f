/** Reproducible random numbers. The whole state can be saved in a checkpoint and restored. */
import { SlmError } from "@slm/core";

/** Four unsigned 32-bit integers, not all zero. */
export type RandomState = readonly [number, number, number, number];

export interface Random {
  /** A number in [0, 1) with 53 random bits. */
  readonly next: () => number;
  /** The state from which `restoreRandom` continues with the very next number. */
  readonly state: () => RandomState;
}

/**
 * A generator for a seed: xoshiro128** with its state filled by splitmix32.
 * The same seed gives the same numbers on every machine.
 *
 * Source: Blackman and Vigna, "Scrambled linear pseudorandom number generators", 2021 (prng.di.unimi.it);
 * its authors recommend seeding with a different kind of generator, so that similar seeds give different states.
 *
 * @throws SlmError USAGE if the seed is not an integer in [0, 2^32).
 */
export function createRandom(seed: number): Random {
  if (!isUint32(seed)) {
    throw new SlmError("USAGE", `random: the seed must be an integer from 0 to 4294967295, got ${seed}`);
  }
  let mixed = seed;
  const word = (): number => {
    mixed = (mixed + 0x9e3779b9) >>> 0;
    let z = mixed;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return (z ^ (z >>> 15)) >>> 0;
  };
  return restoreRandom([word(), word(), word(), word()]);
}

/**
 * A generator that continues from a saved state.
 *
 * @throws SlmError DATA_INVALID if the state is not four unsigned 32-bit integers, or all are zero.
 */
export function restoreRandom(state: RandomState): Random {
  // A state that was read from a file may have any length.
  const words: readonly number[] = state;
  if (words.length !== 4 || !words.every(isUint32) || words.every((word) => word === 0)) {
    throw new SlmError(
      "DATA_INVALID",
      `random: a state is four integers from 0 to 4294967295, not all zero, got [${words.join(",")}]`,
    );
  }
  let [a, b, c, d] = state;
  const nextUint32 = (): number => {
    const result = Math.imul(rotateLeft(Math.imul(b, 5), 7), 9) >>> 0;
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = rotateLeft(d, 11);
    return result;
  };
  return {
    next: () => {
      const high = nextUint32() >>> 5;
      const low = nextUint32() >>> 6;
      return (high * 2 ** 26 + low) / 2 ** 53;
    },
    state: () => [a >>> 0, b >>> 0, c >>> 0, d >>> 0],
  };
}

function rotateLeft(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits));
}

function isUint32(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= 0xffffffff;
}
