import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { TENSOR_TYPES, tensorType, tensorTypeByName } from "./tensor-types.js";

interface Case {
  readonly type: string;
  readonly elements: number;
  readonly bytes: number;
  readonly raw: string;
  readonly values: string;
}

const cases = JSON.parse(
  readFileSync(new URL("../../fixtures/blocks.json", import.meta.url), "utf8"),
) as readonly Case[];

const bytesOf = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, "base64"));

test("every type that is read has numbers of the reference package", () => {
  expect(cases.map(({ type }) => type).sort()).toEqual([...TENSOR_TYPES].sort());
});

test.each(cases)("$type gives the reference package's numbers, bit for bit", ({ type, ...expected }) => {
  const found = tensorTypeByName(type)!;
  expect([found.elements, found.bytes]).toEqual([expected.elements, expected.bytes]);
  const raw = bytesOf(expected.raw);
  const values = new Float32Array(bytesOf(expected.values).buffer);
  const blocks = raw.length / found.bytes;
  expect(values).toHaveLength(blocks * found.elements);
  const out = new Float32Array(values.length + 3);
  found.decode(new DataView(raw.buffer), 0, blocks, out, 3);
  expect(out.subarray(3)).toEqual(values);
});

test.each(TENSOR_TYPES)("%s decodes blocks one by one as it does all at once", (name) => {
  const { raw, values } = cases.find(({ type }) => type === name)!;
  const type = tensorTypeByName(name)!;
  const bytes = bytesOf(raw);
  const out = new Float32Array(bytesOf(values).length / 4);
  for (let block = 0; block < bytes.length / type.bytes; block += 1) {
    type.decode(new DataView(bytes.buffer), block * type.bytes, 1, out, block * type.elements);
  }
  expect(out).toEqual(new Float32Array(bytesOf(values).buffer));
});

test("a type that exists and is not read is known by its name, any other number by nothing", () => {
  expect(tensorType(16)).toBe("IQ2_XXS");
  expect(tensorType(4)).toBeUndefined();
  expect(tensorType(4711)).toBeUndefined();
});
