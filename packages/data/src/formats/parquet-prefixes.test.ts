import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { checkPrefixes, countLevel } from "./parquet-prefixes.js";

/** DELTA_BINARY_PACKED: blocks of 128 in 4 parts, the count, the first value; then blocks that add `delta` with bit width 0. */
function prefixes(count: number, first: number, delta = 0): Uint8Array {
  const bytes: number[] = [];
  const varint = (value: number): void => {
    for (; value >= 128; value = Math.floor(value / 128)) bytes.push((value % 128) + 128);
    bytes.push(value);
  };
  for (const value of [128, 4, count, 2 * first]) varint(value);
  for (let left = count - 1; left > 0; left -= 128) {
    varint(delta < 0 ? -2 * delta - 1 : 2 * delta);
    bytes.push(0, 0, 0, 0);
  }
  return Uint8Array.from(bytes);
}

describe(checkPrefixes, () => {
  test("rejects a few bytes that expand to many long texts", () => {
    const bytes = prefixes(100_000, 10_000);
    expect(bytes.length).toBeLessThan(6000);
    expect(() => {
      checkPrefixes(bytes, 100_000);
    }).toThrow("prefixes with a total of 1000000000 bytes");
  });

  test("rejects negative lengths and a count that differs from the page's", () => {
    expect(() => {
      checkPrefixes(prefixes(3, 1, -1), 3);
    }).toThrow("a prefix of -1 bytes");
    expect(() => {
      checkPrefixes(prefixes(3, 1), 4);
    }).toThrow("3 prefixes for 4 values");
    expect(() => {
      checkPrefixes(Uint8Array.of(1, 2), 4);
    }).toThrow(RangeError);
  });
});

describe(countLevel, () => {
  test("counts in runs of equal levels and in packed runs", () => {
    // Five times 2; then eight packed values: 0 1 2 3 0 2 2 1, two bits each. The last three are padding.
    const bytes = Uint8Array.of(10, 2, 3, 0b11100100, 0b01101000);
    expect(countLevel(bytes, { width: 2, count: 13, level: 2 })).toBe(8);
    expect(countLevel(bytes, { width: 2, count: 10, level: 2 })).toBe(6);
    expect(countLevel(bytes, { width: 2, count: 4, level: 2 })).toBe(4);
  });

  test("terminates for any bytes, within their length", () => {
    const property = fc.property(fc.uint8Array({ maxLength: 40 }), fc.nat(100), (bytes, count) => {
      try {
        return countLevel(bytes, { width: 1, count, level: 1 }) <= count;
      } catch (error) {
        return error instanceof RangeError;
      }
    });
    fc.assert(property);
  });
});
