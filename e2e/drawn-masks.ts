/** A second implementation of the dropout mask generator, and a program that returns masks. */
import { createHostTensor, type HostTensor } from "@slm/runtime";
import { drawnMasks, type ProgramDefinition } from "@slm/tensor";
import { dropoutKey } from "@slm/training";

const unsigned = (value: number): number => value >>> 0;
const square = (value: number): number => unsigned(Math.imul(value, value));
const swap = (value: number): number => unsigned((value >>> 16) | (value << 16));

/** Word n of a key. Source: Widynski 2020 (arXiv 2004.06278), with words of 32 bits. */
function wordOf(key: number, n: number): number {
  const y = unsigned(Math.imul(n, key));
  const z = unsigned(y + key);
  const once = swap(unsigned(square(y) + y));
  const twice = swap(unsigned(square(once) + z));
  return unsigned(square(twice) + y);
}

export const keyOf = (seed: number, batchNumber: number): number =>
  Number(dropoutKey(seed, batchNumber).data[0]);

/** Masks of a batch, one after another. */
export function expectedMasks(
  key: number,
  shapes: readonly (readonly number[])[],
  rate: number,
): readonly HostTensor[] {
  const [limit, kept] = [Math.round(rate * 2 ** 32), 1 / (1 - rate)];
  let n = 0;
  return shapes.map((shape) => {
    const values = new Float32Array(shape.reduce((product, size) => product * size, 1));
    for (let at = 0; at < values.length; at++) values[at] = wordOf(key, n++) < limit ? 0 : kept;
    return createHostTensor("float32", shape, values);
  });
}

/** Returns the masks of a batch as `mask.N`. */
export const maskProgram = (shapes: readonly (readonly number[])[], rate: number): ProgramDefinition => ({
  name: "masks",
  inputs: { key: { dtype: "int32", shape: [] } },
  build: ({ key }) =>
    Object.fromEntries(drawnMasks(key!, shapes, rate).map((draw, index) => [`mask.${index}`, draw()])),
});
