/**
 * Dropout masks as slices of one long random mask, because copying is cheaper than drawing random numbers in every step. Also the keys of masks
 * that a program draws itself.
 */
import { createRandom } from "@slm/generation";
import { SlmError } from "@slm/core";
import { createHostTensor, elementCount, type HostTensor } from "@slm/runtime";
import type { TensorSpec } from "@slm/tensor";
import { stepRandom } from "./step-random.js";

/** Elements of the long mask (16 MiB): far more than one block's activations, so that two steps rarely share a slice. */
const BANK_SIZE = 1 << 22;

export interface DropoutMasks {
  /** Masks for the given inputs and one batch: 0, or 1 / (1 - rate). A pure function of seed and batch number. */
  for(inputs: Readonly<Record<string, TensorSpec>>, batchNumber: number): Record<string, HostTensor>;
}

/** @param rate Share of zeros, below 1. */
export function createDropoutMasks(rate: number, seed: number): DropoutMasks {
  let bank: Float32Array | undefined;
  return {
    for: (inputs, batchNumber) => {
      bank ??= drawBank(rate, seed);
      const random = stepRandom((seed ^ MASK_SALT) >>> 0, batchNumber);
      const masks: Record<string, HostTensor> = {};
      for (const [name, { shape }] of Object.entries(inputs)) {
        const size = elementCount(shape);
        if (size > BANK_SIZE) {
          throw new SlmError(
            "CONFIG_INVALID",
            `training: a dropout mask needs ${size} elements, expected at most ${BANK_SIZE}`,
            { suggestions: ["lower batchSize and raise gradientAccumulationSteps in the recipe"] },
          );
        }
        const start = Math.floor(random() * (BANK_SIZE - size + 1));
        masks[name] = createHostTensor("float32", shape, bank.subarray(start, start + size));
      }
      return masks;
    },
  };
}

/** The key of a batch's masks, a pure function of seed and batch number. It is odd, so that no two words share a counter. */
export const dropoutKey = (seed: number, batchNumber: number): HostTensor =>
  createHostTensor(
    "int32",
    [],
    Int32Array.of(Math.floor(stepRandom((seed ^ MASK_SALT) >>> 0, batchNumber)() * 2 ** 31) | 1),
  );

/** Salt that separates the random numbers of masks from those of targets. */
const MASK_SALT = 0x5bd1e995;

function drawBank(rate: number, seed: number): Float32Array {
  const { next } = createRandom((seed ^ MASK_SALT) >>> 0);
  const kept = 1 / (1 - rate);
  const bank = new Float32Array(BANK_SIZE);
  for (let i = 0; i < BANK_SIZE; i++) bank[i] = next() < rate ? 0 : kept;
  return bank;
}
