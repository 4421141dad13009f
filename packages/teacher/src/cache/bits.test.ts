import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { bestRice, BitReader, BitWriter, riceLength, riceTotal } from "./bits.js";

const WIDTH = 20;
const value = fc.integer({ min: 0, max: 2 ** WIDTH - 1 });

describe("bit streams", () => {
  test("give back what was written, plain and Rice coded, in any mix", () => {
    const item = fc.oneof(
      fc.record({ kind: fc.constant("plain" as const), value, width: fc.integer({ min: WIDTH, max: 24 }) }),
      fc.record({ kind: fc.constant("rice" as const), value, rice: fc.integer({ min: 0, max: 19 }) }),
    );
    const property = fc.property(fc.array(item, { maxLength: 300 }), (items) => {
      const writer = new BitWriter();
      let bits = 0;
      for (const entry of items) {
        if (entry.kind === "plain") writer.write(entry.value, entry.width);
        else writer.writeRice(entry.value, entry.rice, WIDTH);
        bits += entry.kind === "plain" ? entry.width : riceLength(entry.value, entry.rice, WIDTH);
        expect(writer.bitLength).toBe(bits);
      }
      const bytes = writer.take();
      expect(bytes.length).toBe(Math.ceil(bits / 8));
      const reader = new BitReader(bytes);
      for (const entry of items)
        expect(entry.kind === "plain" ? reader.read(entry.width) : reader.readRice(entry.rice, WIDTH)).toBe(
          entry.value,
        );
      expect(reader.remaining).toBe(8 * bytes.length - bits);
    });
    fc.assert(property, { numRuns: 100 });
  });

  test("of any bytes end in values or in an error, never beyond the last byte", () => {
    const property = fc.property(
      fc.uint8Array({ maxLength: 64 }),
      fc.integer({ min: 0, max: 20 }),
      (bytes, rice) => {
        const reader = new BitReader(bytes);
        const readAll = (): void => {
          while (reader.remaining > 0) expect(reader.readRice(rice, WIDTH)).toBeLessThan(2 ** 26);
        };
        try {
          readAll();
          expect(reader.remaining).toBe(0);
        } catch (error) {
          expect(error).toMatchObject({ code: "DATA_INVALID" });
        }
      },
    );
    fc.assert(property, { numRuns: 300 });
  });
});

describe(bestRice, () => {
  test("is the parameter that makes the list shortest, outliers or not", () => {
    const list = fc.array(fc.oneof(fc.integer({ min: 0, max: 40 }), value), { minLength: 1, maxLength: 60 });
    const property = fc.property(list, fc.integer({ min: 0, max: 24 }), (values, largest) => {
      const all = Array.from({ length: largest + 1 }, (_, rice) => riceTotal(values, rice, WIDTH));
      const { rice, bits } = bestRice(values, largest, WIDTH);
      expect(bits).toBe(Math.min(...all));
      expect(all[rice]).toBe(bits);
    });
    fc.assert(property);
  });

  test("codes the gaps of a random set within one percent of the shortest code", () => {
    const [vocabulary, k] = [1 << 18, 50];
    // Quantiles of the geometric distribution with the mean gap of a random set.
    const gaps = Array.from({ length: 1000 }, (_, i) =>
      Math.floor(-Math.log((i + 0.5) / 1000) * (vocabulary / k)),
    );
    const entropy = Math.log2(Math.E * (vocabulary / k));
    expect(bestRice(gaps, 31, 18).bits / 1000).toBeLessThan(1.01 * entropy);
  });
});
