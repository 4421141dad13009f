import { withCode } from "@slm/core/testing";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { appendPositions } from "./append-positions.js";
import { createHostTensor } from "./host-tensor.js";

const size = (max: number): fc.Arbitrary<number> => fc.integer({ min: 1, max });

describe(appendPositions, () => {
  test("writes each head's new positions after the first ones of its row, and nothing else", () => {
    const cases = fc
      .record({
        rows: size(3),
        heads: size(3),
        dim: size(3),
        length: size(3),
        spare: fc.nat(3),
        perRow: fc.boolean(),
      })
      .chain(({ perRow, ...sizes }) =>
        fc
          .array(fc.nat(sizes.spare), {
            minLength: perRow ? sizes.rows : 1,
            maxLength: perRow ? sizes.rows : 1,
          })
          .map((at) => ({ ...sizes, at })),
      );
    fc.assert(
      fc.property(cases, ({ rows, heads, dim, length, spare, at }) => {
        const capacity = length + spare;
        const cache = createHostTensor("float32", [rows, heads, capacity, dim]);
        const fresh = createHostTensor("float32", [rows, length, heads * dim]);
        (fresh.data as Float32Array).forEach((_, index) => (fresh.data[index] = index + 1));
        appendPositions("test", cache, fresh, at);
        for (let row = 0; row < rows; row++)
          for (let head = 0; head < heads; head++)
            for (let slot = 0; slot < capacity; slot++)
              for (let d = 0; d < dim; d++) {
                const position = slot - at[row % at.length]!;
                const isNew = position >= 0 && position < length;
                const expected = isNew ? ((row * length + position) * heads + head) * dim + d + 1 : 0;
                expect(cache.data[((row * heads + head) * capacity + slot) * dim + d]).toBe(expected);
              }
      }),
    );
  });

  const cache = createHostTensor("float32", [2, 3, 4, 5]);
  const fresh = createHostTensor("float32", [2, 2, 15]);

  test.each([
    ["more positions than there is room for", fresh, [3]],
    ["a place before the first", fresh, [-1]],
    ["a place that is no whole number", fresh, [0.5]],
    ["places for other rows than there are", fresh, [0, 0, 0]],
    ["no place", fresh, []],
    ["another type", createHostTensor("float16", [2, 2, 15]), [0]],
    ["another width", createHostTensor("float32", [2, 2, 14]), [0]],
    ["other rows", createHostTensor("float32", [1, 2, 15]), [0]],
    ["another rank", createHostTensor("float32", [2, 2, 3, 5]), [0]],
  ])("rejects %s", (_, output, at) => {
    expect(() => {
      appendPositions("test", cache, output, at);
    }).toThrow(withCode("SHAPE_MISMATCH"));
  });
});
