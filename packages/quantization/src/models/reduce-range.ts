/**
 * How many of their 8 bits the codes of int8 weights use.
 *
 * x86 CPUs without VNNI add two products of an unsigned activation and a signed weight in 16 bits, which saturate:
 * 2 * 255 * 127 > 32767 >= 2 * 255 * 64. Weights of 7 bits are right on every CPU, in every program that reads the file. Our own
 * runtimes ask ONNX Runtime for kernels that do not saturate, so 8 bits are right there too; other programs do not.
 * Source: onnxruntime's quantization guide, "When and why do I need to try U8U8 or reduce range?".
 */
import type { Target } from "@slm/devices";

/** Bits of int8 weights, and why. */
export interface Int8Range {
  readonly bits: 7 | 8;
  readonly reason: string;
}

/** Targets whose own compilers multiply: none of them adds products in 16 bits. */
const DEVICES: ReadonlySet<Target> = new Set(["npu"]);

/** @param target of the export; absent for a file of any origin */
export function int8Range(target?: Target): Int8Range {
  return target !== undefined && DEVICES.has(target)
    ? { bits: 8, reason: `compilers for target ${target} add 8-bit products in 32 bits` }
    : { bits: 7, reason: "right on every CPU: x86 without VNNI adds products of 8 bits in 16" };
}
