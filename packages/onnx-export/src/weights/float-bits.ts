/** float32 weights as the bytes of another floating-point type. */
import { SlmError } from "@slm/core";
import { fromBfloat16, toBfloat16, toHalf } from "@slm/runtime";
import type { Precision } from "@slm/devices";

/** The largest number that float16 does not round to infinity lies just below. */
const FLOAT16_OVERFLOW = 65_520;

/** The values in each precision, rounded to the nearest, ties to even; float32 is passed on. */
export const FLOAT_BYTES: Readonly<Record<Precision, (values: Float32Array, name: string) => Uint8Array>> = {
  float32: bytesOf,
  float16: (values, name) => {
    const bits = new Uint16Array(values.length);
    for (let index = 0; index < values.length; index++) {
      const value = values[index]!;
      // Written so that a NaN is rejected as well.
      if (!(Math.abs(value) < FLOAT16_OVERFLOW)) throw beyondFloat16(name, value);
      bits[index] = toHalf(value);
    }
    return bytesOf(bits);
  },
  bfloat16: (values) => bytesOf(toBfloat16(values)),
};

/** Bytes of one element. */
export const FLOAT_SIZE: Readonly<Record<Precision, number>> = { float32: 4, float16: 2, bfloat16: 2 };

/** float32 values rounded to what bfloat16 can hold, still float32. */
export function roundToBfloat16(values: Float32Array): Float32Array {
  return fromBfloat16(toBfloat16(values));
}

function bytesOf(view: ArrayBufferView): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

function beyondFloat16(name: string, value: number): SlmError {
  return new SlmError(
    "DATA_INVALID",
    `export: weight '${name}' holds ${value}, float16 holds numbers up to 65504`,
    { suggestions: ["--precision float32"] },
  );
}
