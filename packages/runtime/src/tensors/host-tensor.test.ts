import { withCode } from "@slm/core/testing";
import { describe, expect, test } from "vitest";
import { createHostTensor, DTYPES, elementCount, type DType } from "./host-tensor.js";

test.each([
  [[], 1],
  [[3], 3],
  [[2, 0, 5], 0],
  [[2, 3, 4], 24],
])("a tensor of shape %o has %i elements", (shape, expected) => {
  expect(elementCount(shape)).toBe(expected);
});

describe(createHostTensor, () => {
  test.each(Object.keys(DTYPES) as DType[])("without data is zero: %s", (dtype) => {
    const { data } = createHostTensor(dtype, [2, 3]);
    expect(data).toBeInstanceOf(DTYPES[dtype]);
    expect(Array.from(data, Number)).toEqual([0, 0, 0, 0, 0, 0]);
  });

  test("rejects data of another length or kind, naming both", () => {
    expect(() => createHostTensor("float32", [2, 2], Float32Array.of(1))).toThrow(withCode("SHAPE_MISMATCH"));
    expect(() => createHostTensor("int64", [1], Int32Array.of(1))).toThrow(withCode("SHAPE_MISMATCH"));
  });
});
