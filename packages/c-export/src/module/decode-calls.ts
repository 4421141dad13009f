/** Splits a program of numbers into its calls: the inverse of `encodeCalls`. */
import { SlmError } from "@slm/core/errors";
import {
  KERNEL_NAMES,
  numbersOf,
  parametersOf,
  type KernelName,
  type NamedArguments,
  type ParameterKind,
} from "../program/kernels.js";

/** What a call has for a parameter of a kind: an offset, the code of a count, an integer, or the bits of a float. */
type Read = { readonly [Kind in ParameterKind]: Kind extends "values" ? ReadPlace : number };

/** Where rows are in the arena, and how far apart. */
export interface ReadPlace {
  readonly at: number;
  readonly stride: number;
}

export type ReadArguments<K extends KernelName> = NamedArguments<K, Read>;

export interface ReadCall<K extends KernelName = KernelName> {
  readonly kernel: K;
  readonly arguments: ReadArguments<K>;
}

/** @throws SlmError DATA_INVALID for a kernel that does not exist, or a call that is cut off */
export function callsOf(numbers: Int32Array): readonly ReadCall[] {
  const calls: ReadCall[] = [];
  for (let at = 0; at < numbers.length;) {
    const kernel = KERNEL_NAMES[numbers[at]!];
    if (kernel === undefined) throw new SlmError("DATA_INVALID", `portable: no kernel ${numbers[at]}`);
    const end = at + 1 + numbersOf(kernel).length;
    if (end > numbers.length) throw new SlmError("DATA_INVALID", `portable: a call of ${kernel} is cut off`);
    const given: Record<string, number | ReadPlace> = {};
    at++;
    for (const [name, kind] of parametersOf(kernel))
      given[name] = kind === "values" ? { at: numbers[at++]!, stride: numbers[at++]! } : numbers[at++]!;
    calls.push({ kernel, arguments: given as unknown as ReadArguments<KernelName> });
  }
  return calls;
}
