/** Splits a program of numbers into its calls: the inverse of `encodeCalls`. */
import { SlmError } from "@slm/core/errors";
import { KERNELS, type KernelName, type ParameterKind } from "../program/kernels.js";

export const KERNEL_NAMES = Object.keys(KERNELS) as readonly KernelName[];

/** A call whose arguments are as in the numbers: offsets, codes of counts, integers, and bits of floats. */
export interface NumberedCall {
  readonly kernel: KernelName;
  readonly arguments: readonly number[];
}

/** @throws SlmError DATA_INVALID for a kernel that does not exist, or a call that is cut off */
export function callsOf(numbers: Int32Array): readonly NumberedCall[] {
  const calls: NumberedCall[] = [];
  for (let at = 0; at < numbers.length;) {
    const kernel = KERNEL_NAMES[numbers[at]!];
    if (kernel === undefined) throw new SlmError("DATA_INVALID", `portable: no kernel ${numbers[at]}`);
    const kinds: readonly ParameterKind[] = KERNELS[kernel];
    const end = at + 1 + kinds.length;
    if (end > numbers.length) throw new SlmError("DATA_INVALID", `portable: a call of ${kernel} is cut off`);
    calls.push({ kernel, arguments: [...numbers.subarray(at + 1, end)] });
    at = end;
  }
  return calls;
}
