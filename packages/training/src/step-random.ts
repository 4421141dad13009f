import { createRandom } from "@slm/decoding";

/** Multiplier that decorrelates the seeds of neighbouring steps (golden ratio, 32 bits). */
const STEP_STRIDE = 0x9e3779b1;

/** Random numbers of one step or batch: a pure function of seed and number, so that a resumed run draws the same. */
export const stepRandom = (seed: number, step: number): (() => number) =>
  createRandom((seed + Math.imul(step, STEP_STRIDE)) >>> 0).next;
