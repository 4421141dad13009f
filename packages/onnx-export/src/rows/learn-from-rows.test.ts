import { expect, test } from "vitest";
import { evenlySpread } from "./learn-from-rows.js";

test("keeps every second, fourth, ... row if there are more rows than the limit", async () => {
  const encode = ({ source }: { source: string }) => ({ source: [Number(source)], target: [1, 2] });
  const taken = async (rows: number): Promise<readonly number[]> => {
    const pairs = await evenlySpread(numbered(rows), encode, 10);
    return pairs.map(({ source }) => source[0]!);
  };
  expect(await taken(5)).toEqual([0, 1, 2, 3, 4]);
  expect(await taken(7)).toEqual([0, 2, 4, 6]);
  expect(await taken(30)).toEqual([0, 8, 16, 24]);
});

async function* numbered(rows: number): AsyncGenerator<{ source: string; target: string }> {
  for (let row = 0; row < rows; row++) yield await Promise.resolve({ source: String(row), target: "" });
}
