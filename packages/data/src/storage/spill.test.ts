import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder } from "@slm/core/testing";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { bucketsFor, Spill } from "./spill.js";

const root = temporaryFolder();
let counter = 0;

describe(Spill, () => {
  test("returns every value of a bucket in order, from memory, from disk or from both", async () => {
    const entry = fc.tuple(
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      fc.string({ unit: "binary" }),
    );
    const property = fc.asyncProperty(
      fc.array(entry, { maxLength: 20 }),
      fc.integer({ min: 1, max: 9 }),
      fc.nat({ max: 200 }),
      async (entries, buckets, memoryUnits) => {
        const directory = join(root, String(counter++));
        const spill = new Spill({ directory, buckets, memoryUnits });
        for (const [share, text] of entries) await spill.add(share, { text });
        for (let bucket = 0; bucket < buckets; bucket++) {
          const values: unknown[] = [];
          for await (const value of spill.read(bucket)) values.push(value);
          const expected = entries.filter(([share]) => Math.floor(share * buckets) === bucket);
          // JSON escapes an unpaired surrogate, so it survives.
          expect(values).toEqual(expected.map(([, text]) => ({ text })));
        }
        await spill.clear();
        expect(await readdir(root)).not.toContain(String(counter - 1));
      },
    );
    await fc.assert(property, { numRuns: 15 });
    // Hundreds of small files, which is slow on a shared disk.
  });
});

describe(bucketsFor, () => {
  test("grows with the input up to a limit", () => {
    expect([0, 1, 2 ** 23, 2 ** 23 + 1, 2 ** 60].map((bytes) => bucketsFor(bytes))).toEqual([
      1, 1, 1, 2, 4096,
    ]);
  });
});
