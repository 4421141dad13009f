/** Checks that the tasks' rows do not change, because splits, caches and the figures in the READMEs depend on them. */
import { hashFile } from "@slm/core";
import { temporaryFolder } from "@slm/core/testing";
import { dataConfig, prepareData, SPLITS } from "@slm/data";
import { mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

interface Expected {
  /** Settings of the data section, which names the task's module. */
  readonly task: string;
  readonly source?: object;
  readonly data?: object;
  /** Number of rows in train, dev and test. */
  readonly rows: readonly number[];
  /** Start of the SHA-256 of their files. */
  readonly hashes: readonly string[];
  readonly unlabelled?: { readonly rows: number; readonly hash: string };
}

/** Counts and hashes of the rows from when these tasks were part of the library (commit 7a12e45). */
const EXPECTED: readonly Expected[] = [
  {
    task: "quickstart",
    rows: [116_383, 2540, 12_359],
    hashes: ["d410f3aea775c720", "c89cc5444de510c3", "c300c936e3a7b718"],
  },
  {
    task: "g2p",
    data: { unlabelled: { kind: "module" } },
    rows: [116_383, 2540, 12_359],
    hashes: ["d410f3aea775c720", "c89cc5444de510c3", "c300c936e3a7b718"],
    unlabelled: { rows: 184_871, hash: "1c25a355915c673a" },
  },
  {
    task: "ocr",
    source: { rows: 300, colour: "rgb", seed: 7 },
    data: { testFraction: 0.02, devFraction: 0.02 },
    rows: [292, 4, 4],
    hashes: ["12a6c9ad266ead62", "879148310c59f5ae", "702d336bf8b7d463"],
  },
  {
    task: "vqa",
    source: { rows: 600, questions: 3, pixels: 64 },
    data: { testFraction: 0.03, devFraction: 0.02 },
    rows: [585, 9, 6],
    hashes: ["c01d58fa54b0e49a", "f66aa70a6279954c", "eb9b391645b83c5c"],
  },
  {
    task: "vqa",
    source: { rows: 300, questions: 3, rationales: true },
    data: { testFraction: 0.03, devFraction: 0.02 },
    rows: [297, 0, 3],
    hashes: ["fa07bf101b3a717f", "e3b0c44298fc1c14", "3368d740a2a25fdc"],
  },
];

const root = temporaryFolder();

const beginning = async (path: string): Promise<string> => (await hashFile(path)).slice(0, 16);

describe("rows of every task", () => {
  test.each(EXPECTED)(
    "$task $source: as many and the same as before",
    async ({ task, source, data, rows, hashes, unlabelled }) => {
      const module = fileURLToPath(new URL(`./${task}/dataset.ts`, import.meta.url));
      const output = await mkdtemp(join(root, "data-"));
      const report = await prepareData(dataConfig.parse({ source: { module, ...source }, ...data }), output, {
        seed: 1,
      });
      expect(SPLITS.map((split) => report.splits[split])).toEqual(rows);
      expect(await Promise.all(SPLITS.map((split) => beginning(join(output, `${split}.jsonl`))))).toEqual(
        hashes,
      );
      expect(report.unlabelled?.rows).toBe(unlabelled?.rows);
      if (unlabelled !== undefined)
        expect(await beginning(join(output, "unlabelled.jsonl"))).toBe(unlabelled.hash);
    },
    120_000,
  );
});
