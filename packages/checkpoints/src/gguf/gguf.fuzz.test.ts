/** Corrupt files are read or rejected, never anything else. `node tools/fuzz/gguf.mjs` does the same for longer. */
import { readFileSync } from "node:fs";
import { SlmError } from "@slm/core";
import fc from "fast-check";
import { expect, test } from "vitest";
import { readGguf } from "./file/gguf-file.js";
import { externalCheckpoint } from "./model/external-checkpoint.js";
import { temporaryGguf } from "./testing/gguf-bytes.test-support.js";
import { ggufTokenizer } from "./tokenizer/gguf-tokenizer.js";

const original = readFileSync(new URL("../../fixtures/gguf/tiny-llama.gguf", import.meta.url));
/** Where descriptions end and numbers begin. */
const HEADER_BYTES = 2000;

/** Either outcome is right; anything else thrown, or a hang, is not. */
async function outcome(bytes: Uint8Array): Promise<"read" | "rejected"> {
  const file = await temporaryGguf(bytes);
  try {
    const source = await readGguf(file);
    ggufTokenizer(source);
    for (const tensor of (await externalCheckpoint(source)).tensors) {
      expect(await tensor.read()).toHaveLength(tensor.shape.reduce((a, b) => a * b, 1));
    }
    return "read";
  } catch (error) {
    if (error instanceof SlmError) return "rejected";
    throw error;
  }
}

test("the undamaged file is read", async () => {
  expect(await outcome(original)).toBe("read");
});

test("a file with any one byte of its descriptions changed is read or rejected", async () => {
  const outcomes = new Set<string>();
  await fc.assert(
    fc.asyncProperty(fc.nat(HEADER_BYTES - 1), fc.integer({ min: 1, max: 255 }), async (at, change) => {
      const bytes = Uint8Array.from(original);
      bytes[at]! ^= change;
      outcomes.add(await outcome(bytes));
    }),
    { numRuns: 200, seed: 1 },
  );
  expect(outcomes).toEqual(new Set(["read", "rejected"]));
});

test("a file with numbers at their extremes is read or rejected", async () => {
  const extremes = [0n, 1n, 2n ** 31n, 2n ** 32n - 1n, 2n ** 63n, 2n ** 64n - 1n];
  await fc.assert(
    fc.asyncProperty(fc.nat(HEADER_BYTES), fc.constantFrom(...extremes), async (at, number) => {
      const bytes = Buffer.from(original);
      bytes.writeBigUInt64LE(number, at);
      await outcome(bytes);
    }),
    { numRuns: 200, seed: 2 },
  );
});

test("a file with pieces changed, lost, doubled or moved is read or rejected", async () => {
  const place = fc.nat(HEADER_BYTES);
  const edit = fc.record({
    from: place,
    length: fc.nat(40),
    to: place,
    fill: fc.uint8Array({ maxLength: 12 }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(edit, { minLength: 1, maxLength: 4 }), async (edits) => {
      let bytes: Uint8Array = original;
      for (const { from, length, to, fill } of edits) {
        const piece = bytes.slice(from, from + length);
        bytes = Buffer.concat([bytes.subarray(0, to), piece, fill, bytes.subarray(to + length)]);
      }
      await outcome(bytes);
    }),
    { numRuns: 200, seed: 3 },
  );
});

test("bytes that are no GGUF file at all are rejected", async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (bytes) => {
      expect(await outcome(bytes)).toBe("rejected");
    }),
    { numRuns: 50, seed: 4 },
  );
});
