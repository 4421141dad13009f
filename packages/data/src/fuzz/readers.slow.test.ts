import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { SlmError } from "@slm/core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { inspectData } from "../inspect-data.js";
import { createRandom, damage, type Random } from "./corrupt.js";
import { csvOriginal, FUZZED, jsonlOriginal } from "./originals.js";

/** A short look; `npm run fuzz` takes many more files of each. */
const FILES = 300;
/** Longest that one small file may take [ms]. */
const MAX_MS = 10_000;

let directory = "";
let parquets: readonly Uint8Array[] = [];
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "slm-fuzz-"));
  const fixtures = fileURLToPath(new URL("../../fixtures", import.meta.url));
  const names = (await readdir(fixtures)).filter((name) => name.endsWith(".parquet"));
  parquets = await Promise.all(names.map((name) => readFile(join(fixtures, name))));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

const ORIGINALS: Readonly<Record<keyof typeof FUZZED, (random: Random) => Uint8Array>> = {
  jsonl: jsonlOriginal,
  csv: csvOriginal,
  parquet: (random) => parquets[random(parquets.length)]!,
};

test.each(["jsonl", "csv", "parquet"] as const)(
  `${FILES} corrupt files of %s give rows and reasons, or an error with a code`,
  async (format) => {
    const path = join(directory, `case.${format}`);
    const outcomes = { read: 0, rejected: 0, failed: 0 };
    for (let file = 0; file < FILES; file++) {
      const random = createRandom(20_251 + file);
      await writeFile(path, damage(ORIGINALS[format](random), random));
      const startedAt = performance.now();
      try {
        const { rejected } = await inspectData(path, FUZZED[format]);
        outcomes.read++;
        outcomes.rejected += rejected.length;
        expect(rejected.every(({ line, reason }) => line >= 1 && reason !== "")).toBe(true);
      } catch (error) {
        if (!(error instanceof SlmError)) throw error;
        expect(["DATA_INVALID", "CONFIG_INVALID"]).toContain(error.code);
        outcomes.rejected++;
      }
      expect(performance.now() - startedAt).toBeLessThan(MAX_MS);
    }
    // The damage reaches behind the outer layer, and is found.
    expect(outcomes.read).toBeGreaterThan(FILES / 20);
    expect(outcomes.rejected + outcomes.rejected).toBeGreaterThan(FILES / 5);
  },
  120_000,
);
