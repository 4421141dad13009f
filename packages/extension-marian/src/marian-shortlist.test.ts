import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder, withCode } from "@slm/core/testing";
import { describe, expect, test } from "vitest";
import { extendedShortlist, readLexicalShortlist, writeLexicalShortlist } from "@slm/checkpoints";
import { readMarianShortlist } from "./marian-shortlist.js";
import { shortlistBytes } from "./testing/marian-bytes.test-support.js";

const folder = temporaryFolder();
const file = join(folder, "lex.bin");

const LISTS = [[], [3, 1], [2], []];

describe(readMarianShortlist, () => {
  test("reads the target tokens of each source token, which a checkpoint stores", async () => {
    await writeFile(file, shortlistBytes(LISTS));
    const list = await readMarianShortlist(file, 4);
    expect(list).toEqual({
      always: Int32Array.of(0, 1),
      offsets: Int32Array.of(0, 0, 2, 3, 3),
      tokens: Int32Array.of(3, 1, 2),
    });
    await writeLexicalShortlist(folder, extendedShortlist(list, 5));
    const kept = await readLexicalShortlist(folder, 5);
    expect([...kept!.offsets]).toEqual([0, 0, 2, 3, 3, 3]);
    expect([...kept!.tokens]).toEqual([3, 1, 2]);
    await expect(readLexicalShortlist(folder, 4)).rejects.toThrow(withCode("DATA_INVALID"));
  });

  test.each<readonly [string, Uint8Array, RegExp]>([
    ["another format", shortlistBytes(LISTS, { magic: 1n }), /starts with 0x1, expected/],
    ["another vocabulary", shortlistBytes([...LISTS, []]), /for 5 tokens, but the vocabulary has 4/],
    ["tokens that there are not", shortlistBytes([[], [4], [], []]), /names token 4 of 4/],
    [
      "first tokens that there are not",
      shortlistBytes(LISTS, { first: 5 }),
      /at most 4 tokens.*got 5 first and 2 best tokens/,
    ],
    ["a file cut short", shortlistBytes(LISTS).subarray(0, -1), /bytes according to the header, got/],
    [
      "a header cut short",
      shortlistBytes(LISTS).subarray(0, 40),
      /a header of 48 bytes, got a file of 40 bytes/,
    ],
  ])("rejects %s", async (_, bytes, message) => {
    await writeFile(file, bytes);
    await expect(readMarianShortlist(file, 4)).rejects.toThrow(message);
  });

  test("rejects an offset whose lower half alone would be right", async () => {
    const bytes = shortlistBytes(LISTS);
    bytes.writeBigUInt64LE(2n ** 32n + 2n, 48 + 16);
    await writeFile(file, bytes);
    await expect(readMarianShortlist(file, 4)).rejects.toThrow(withCode("DATA_INVALID"));
  });

  test("rejects offsets that fall", async () => {
    const bytes = shortlistBytes(LISTS);
    bytes.writeBigUInt64LE(3n, 48 + 8);
    await writeFile(file, bytes);
    await expect(readMarianShortlist(file, 4)).rejects.toThrow(withCode("DATA_INVALID"));
  });
});
