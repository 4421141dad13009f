/** Converts float32 weights to the bytes of another floating-point type. */
import { SlmError } from "@slm/core";
import { fromBfloat16, toBfloat16, toHalf } from "@slm/runtime";
import type { Precision } from "@slm/devices";

/** float16 rounds numbers from here on to infinity. */
const FLOAT16_OVERFLOW = 65_520;

/** Converters for each precision: round to nearest, ties to even. float32 is returned unchanged. */
export const FLOAT_BYTES: Readonly<Record<Precision, (values: Float32Array, name: string) => Uint8Array>> = {
  float32: bytesOf,
  float16: (values, name) => {
    const bits = new Uint16Array(values.length);
    for (let index = 0; index < values.length; index++) {
      const value = values[index]!;
      // Also rejects NaN.
      if (!(Math.abs(value) < FLOAT16_OVERFLOW)) throw beyondFloat16(name, value);
      bits[index] = toHalf(value);
    }
    return bytesOf(bits);
  },
  bfloat16: (values) => bytesOf(toBfloat16(values)),
};

/** Bytes of one element. */
export const FLOAT_SIZE: Readonly<Record<Precision, number>> = { float32: 4, float16: 2, bfloat16: 2 };

/** Rounds float32 values to bfloat16 precision; the result is float32. */
export function roundToBfloat16(values: Float32Array): Float32Array {
  return fromBfloat16(toBfloat16(values));
}

function bytesOf(view: ArrayBufferView): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

function beyondFloat16(name: string, value: number): SlmError {
  return new SlmError(
    "DATA_INVALID",
    `export: weight '${name}' contains ${value}, but the largest float16 number is 65504`,
    { suggestions: ["--precision float32"] },
  );
}
