/**
 * Chooses between 7 and 8 bits for the codes of int8 weights.
 *
 * x86 CPUs without VNNI add two products of an unsigned activation and a signed weight in 16 bits, which saturate: 2 * 255 * 127 > 32767 >=
 * 2 * 255 * 64. 7-bit weights give correct results on every CPU and in every program. Our own runtimes select kernels that do not saturate,
 * so 8 bits are correct there too, but other programs do not select them. Source: onnxruntime's quantization guide, "When and why do I need
 * to try U8U8 or reduce range?".
 */
import type { Target } from "@slm/devices";

/** Bits of int8 weights, with the reason. */
export interface Int8Range {
  readonly bits: 7 | 8;
  readonly reason: string;
}

/** Targets whose compilers do not add products in 16 bits. */
const DEVICES: ReadonlySet<Target> = new Set(["npu"]);

/** @param target of the export; absent for a file of any origin */
export function int8Range(target?: Target): Int8Range {
  return target !== undefined && DEVICES.has(target)
    ? { bits: 8, reason: `compilers for target ${target} add 8-bit products in 32 bits` }
    : { bits: 7, reason: "correct on every CPU: x86 without VNNI adds 8-bit products in 16 bits" };
}
