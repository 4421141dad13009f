/** bfloat16: the upper half of a float32, round to nearest even. */

/** float32 values to bfloat16 bits. Infinities and NaN are preserved. */
export function toBfloat16(values: Float32Array): Uint16Array {
  const wide = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const bits = new Uint16Array(values.length);
  for (let index = 0; index < wide.length; index++) {
    const value = wide[index]!;
    const isFinite = (value & 0x7f800000) !== 0x7f800000;
    bits[index] = isFinite ? (value + 0x7fff + ((value >>> 16) & 1)) >>> 16 : quiet(value);
  }
  return bits;
}

/** Prevents a NaN with a payload only in the lower half from becoming an infinity. */
const quiet = (value: number): number => (value >>> 16) | ((value & 0x7fffff) === 0 ? 0 : 0x40);

/** bfloat16 bits to exact numbers. */
export function fromBfloat16(bits: Uint16Array): Float32Array {
  const wide = new Uint32Array(bits.length);
  for (let index = 0; index < bits.length; index++) wide[index] = bits[index]! << 16;
  return new Float32Array(wide.buffer);
}
