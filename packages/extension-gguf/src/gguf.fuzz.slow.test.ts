/** Corrupt files are either read or rejected. `npm run fuzz` tests the same for longer. */
import { readFileSync } from "node:fs";
import { SlmError } from "@slm/core";
import fc from "fast-check";
import { expect, test } from "vitest";
import { importedConfig, isPublishedEncoderDecoder } from "@slm/checkpoints";
import { readGguf } from "./file/gguf-file.js";
import { externalCheckpoint } from "./model/external-checkpoint.js";
import { temporaryGguf } from "./testing/gguf-bytes.test-support.js";
import { ggufPieceTokenizer } from "./tokenizer/encoder-decoder-tokenizer.js";
import { ggufTokenizer } from "./tokenizer/gguf-tokenizer.js";

/** A decoder and an encoder-decoder, and where their descriptions end and numbers start [bytes]. */
const FILES = [
  { name: "tiny-llama.gguf", header: 2000 },
  { name: "t5/flan-t5/model.gguf", header: 9000 },
].map(({ name, header }) => ({
  name,
  header,
  original: readFileSync(new URL(`../fixtures/${name}`, import.meta.url)),
}));

/** Both outcomes are right; any other error, or a hang, is not. */
async function outcome(bytes: Uint8Array): Promise<"read" | "rejected"> {
  const file = await temporaryGguf(bytes);
  try {
    const source = await readGguf(file);
    ggufTokenizer(source);
    const checkpoint = await externalCheckpoint(source);
    if (isPublishedEncoderDecoder(checkpoint)) {
      importedConfig(checkpoint);
      ggufPieceTokenizer(source, { modelType: "t5" });
    }
    for (const tensor of checkpoint.tensors) {
      expect(await tensor.read()).toHaveLength(tensor.shape.reduce((a, b) => a * b, 1));
    }
    return "read";
  } catch (error) {
    if (error instanceof SlmError) return "rejected";
    throw error;
  }
}

test.each(FILES)("the file as it was written is read: $name", async ({ original }) => {
  expect(await outcome(original)).toBe("read");
});

test.each(FILES)(
  "a file with any one byte of its descriptions changed is read or rejected: $name",
  async ({ original, header }) => {
    const outcomes = new Set<string>();
    await fc.assert(
      fc.asyncProperty(fc.nat(header - 1), fc.integer({ min: 1, max: 255 }), async (at, change) => {
        const bytes = Uint8Array.from(original);
        bytes[at]! ^= change;
        outcomes.add(await outcome(bytes));
      }),
      { numRuns: 200, seed: 1 },
    );
    expect(outcomes).toEqual(new Set(["read", "rejected"]));
  },
);

test.each(FILES)(
  "a file with numbers at their extremes is read or rejected: $name",
  async ({ original, header }) => {
    const extremes = [0n, 1n, 2n ** 31n, 2n ** 32n - 1n, 2n ** 63n, 2n ** 64n - 1n];
    await fc.assert(
      fc.asyncProperty(fc.nat(header), fc.constantFrom(...extremes), async (at, number) => {
        const bytes = Buffer.from(original);
        bytes.writeBigUInt64LE(number, at);
        await outcome(bytes);
      }),
      { numRuns: 200, seed: 2 },
    );
  },
);

test.each(FILES)(
  "a file with pieces changed, lost, doubled or moved is read or rejected: $name",
  async ({ original, header }) => {
    const place = fc.nat(header);
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
  },
);

test("bytes that are not a GGUF file are rejected", async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (bytes) => {
      expect(await outcome(bytes)).toBe("rejected");
    }),
    { numRuns: 50, seed: 4 },
  );
});
