import { createRandom } from "@slm/generation";

/** Multiplier that decorrelates the seeds of neighbouring steps (golden ratio, 32 bits). */
const STEP_STRIDE = 0x9e3779b1;

/** Random numbers of one step or batch: a pure function of seed and number, so that a resumed run draws the same numbers. */
export const stepRandom = (seed: number, step: number): (() => number) =>
  createRandom((seed + Math.imul(step, STEP_STRIDE)) >>> 0).next;

/** Largest float32 below 1: a uniform number must not be rounded up to 1. */
const BELOW_ONE = 1 - 2 ** -24;

/** Uniform numbers in [0, 1) as float32. */
export const uniformNumbers = (count: number, random: () => number): Float32Array =>
  Float32Array.from({ length: count }, () => Math.min(random(), BELOW_ONE));
