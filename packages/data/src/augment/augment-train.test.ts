import { temporaryFolder } from "@slm/core/testing";
import { expect, test } from "vitest";
import type { Row } from "../rows/row.js";
import { prepared as prepareIn, putFile } from "../testing/prepared.test-support.js";

const VERBS = ["call", "tell", "ask"];

const directory = temporaryFolder();

async function prepared(copies?: number): Promise<readonly Row[]> {
  const rows = Array.from({ length: 60 }, (_, index) => ({
    source: `${VERBS[index % 3]!} item ${index} now`,
    target: JSON.stringify({ who: `item ${index}` }),
  }));
  const augment = copies === undefined ? {} : { augment: { copies } };
  const settings = { train: await putFile(directory, rows), devFraction: 0.2, ...augment };
  const { rows: written } = await prepareIn(directory, settings, { seed: 3 });
  const heldOut = new Set([...written.dev, ...written.test].map(({ source }) => source));
  expect(heldOut.size).toBeGreaterThan(5);
  for (const { source } of written.train) expect(heldOut.has(source)).toBe(false);
  return written.train;
}

test("copies follow their rows, are new, consistent and never have a held-out source", async () => {
  const plain = await prepared();
  const augmented = await prepared(3);
  expect(augmented.slice(0, plain.length)).toEqual(plain);
  const copies = augmented.slice(plain.length);
  expect(copies.length).toBeGreaterThan(plain.length);
  expect(new Set(augmented.map(({ source }) => source)).size).toBe(augmented.length);
  for (const { source, target } of copies)
    expect(source).toMatch(
      new RegExp(`^(call|tell|ask) ${(JSON.parse(target) as { who: string }).who} now$`),
    );
  expect(await prepared(3)).toEqual(augmented);
});
