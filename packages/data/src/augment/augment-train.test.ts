import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder } from "@slm/core/testing";
import { beforeAll, expect, test } from "vitest";
import { dataConfig } from "../config/data-config.js";
import { prepareData } from "../prepare-data.js";
import type { Row } from "../rows/row.js";

const VERBS = ["call", "tell", "ask"];

const directory = temporaryFolder();
beforeAll(async () => {
  const row = (index: number): string =>
    JSON.stringify({
      source: `${VERBS[index % 3]!} item ${index} now`,
      target: JSON.stringify({ who: `item ${index}` }),
    });
  await writeFile(
    join(directory, "rows.jsonl"),
    Array.from({ length: 60 }, (_, index) => row(index)).join("\n"),
  );
});

const prepared = async (name: string, copies: number | undefined): Promise<readonly Row[]> => {
  const augment = copies === undefined ? {} : { augment: { copies } };
  const config = dataConfig.parse({ train: join(directory, "rows.jsonl"), devFraction: 0.2, ...augment });
  const out = join(directory, name);
  const report = await prepareData(config, out, { seed: 3 });
  const read = async (file: string): Promise<readonly Row[]> =>
    (await readFile(join(out, file), "utf8"))
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as Row);
  const train = await read("train.jsonl");
  expect(report.splits.train).toBe(train.length);
  const heldOut = new Set(
    [...(await read("dev.jsonl")), ...(await read("test.jsonl"))].map(({ source }) => source),
  );
  expect(heldOut.size).toBeGreaterThan(5);
  for (const { source } of train) expect(heldOut.has(source)).toBe(false);
  return train;
};

test("copies follow their rows, are new, consistent and never have a held-out source", async () => {
  const plain = await prepared("plain", undefined);
  const augmented = await prepared("augmented", 3);
  expect(augmented.slice(0, plain.length)).toEqual(plain);
  const copies = augmented.slice(plain.length);
  expect(copies.length).toBeGreaterThan(plain.length);
  expect(new Set(augmented.map(({ source }) => source)).size).toBe(augmented.length);
  for (const { source, target } of copies)
    expect(source).toMatch(
      new RegExp(`^(call|tell|ask) ${(JSON.parse(target) as { who: string }).who} now$`),
    );
  expect(await prepared("again", 3)).toEqual(augmented);
});
