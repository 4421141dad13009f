import { truncate } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder, withCode } from "@slm/core/testing";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { TokenListsWriter, type TokenLists } from "./token-lists.js";

const directory = temporaryFolder({ each: true });
const file = join(directory, "tokens");

async function write(rows: readonly (readonly number[][])[], limits: readonly number[]): Promise<TokenLists> {
  const writer = await TokenListsWriter.create(file, limits);
  for (const lists of rows) await writer.append(lists);
  return writer.finish();
}

describe("token lists on disk", () => {
  const anyList = fc.array(fc.integer({ min: 0, max: 2 ** 31 - 1 }), { maxLength: 5 });
  const anyRows = fc.array(fc.tuple(anyList, anyList, anyList), { minLength: 1, maxLength: 150 });

  test("come back as they were written, any rows in any order", async () => {
    await fc.assert(
      fc.asyncProperty(anyRows, fc.array(fc.nat(149), { maxLength: 20 }), async (rows, draws) => {
        const lists = await write(rows, [5, 5, 70_000]);
        const wanted = draws.map((draw) => draw % rows.length);
        const read = await lists.read(wanted);
        expect(read.map((list) => list.map((tokens) => [...tokens]))).toEqual(
          [0, 1, 2].map((list) => wanted.map((row) => rows[row]![list])),
        );
        expect(lists.lengths.map((lengths) => [...lengths])).toEqual(
          [0, 1, 2].map((list) => rows.map((row) => row[list]!.length)),
        );
        await lists.close();
      }),
      { numRuns: 30 },
    );
  });

  test("longer than a write buffer come back whole", async () => {
    const long = Array.from({ length: 100_000 }, (_, index) => index);
    const lists = await write([[[7]], [long], [[8]]], [100_000]);
    expect((await lists.read([1, 2, 0])).map((list) => list.map((tokens) => [...tokens]))).toEqual([
      [long, [8], [7]],
    ]);
    await lists.close();
  });

  test("in a file that was cut short are rejected, not filled in", async () => {
    const lists = await write([[[1, 2, 3]], [[4, 5, 6]]], [9]);
    await truncate(file, 20);
    expect((await lists.read([0]))[0]![0]).toEqual(Int32Array.of(1, 2, 3));
    await expect(lists.read([1])).rejects.toMatchObject({ code: "DATA_INVALID" });
    await lists.close();
  });

  test("beyond a limit, or rows that do not exist, are rejected", async () => {
    const writer = await TokenListsWriter.create(file, [2]);
    await expect(writer.append([[1, 2, 3]])).rejects.toMatchObject({ code: "UNEXPECTED" });
    await writer.abandon();
    const lists = await write([[[1]]], [2]);
    for (const row of [-1, 1, 0.5]) await expect(lists.read([row])).rejects.toThrow(withCode("UNEXPECTED"));
    await lists.close();
  });
});
