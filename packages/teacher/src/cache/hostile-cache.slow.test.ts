import { createHash } from "node:crypto";
import { cp, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { sha256, SILENT, SlmError } from "@slm/core";
import { temporaryFolder } from "@slm/core/testing";
import { createEagerEngine } from "@slm/tensor";
import fc from "fast-check";
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { madeUpTeacher, randomPairs, tokenPairs } from "../testing/synthetic-teacher.js";
import { buildTeacherCache } from "./build-cache.js";
import { openTeacherCache } from "./open-cache.js";
import { DIGEST_BYTES, HEADER_BYTES, INDEX_ENTRY_BYTES } from "./shard-format.js";

const VOCABULARY = 20;
const pairs = randomPairs(30, VOCABULARY);
const shape = { batch: pairs.length, target: 5 };
const root = temporaryFolder();
let directory = "";
/** Copies for single runs of a property. */
let copies = 0;

beforeAll(async () => {
  const engine = await createEagerEngine("js");
  await buildTeacherCache({
    directory: join(root, "whole"),
    teacher: madeUpTeacher(engine, { vocabularySize: VOCABULARY }),
    identity: "synthetic",
    pairs: tokenPairs(pairs),
    k: 6,
    shardTokens: 60,
    engine,
    context: { progress: SILENT, signal: new AbortController().signal, seed: 1 },
  });
});
beforeEach(() => newCopy());
afterEach(() => rm(directory, { recursive: true }));

async function newCopy(): Promise<void> {
  directory = join(root, `copy-${copies++}`);
  await cp(join(root, "whole"), directory, { recursive: true });
}

/** Reads everything. The result is valid, or an SlmError names the problem. */
async function readAll(): Promise<"read" | SlmError> {
  try {
    const cache = await openTeacherCache(directory);
    try {
      const { data } = await cache.read(pairs, shape);
      expect((data as Float32Array).every((value) => Number.isFinite(value))).toBe(true);
      return "read";
    } finally {
      await cache.close();
    }
  } catch (error) {
    if (error instanceof SlmError) return error;
    throw error;
  }
}

const FILES = ["cache.json", "index.bin", "shard-00000.bin", "shard-00001.bin"] as const;

async function mutate(file: string, change: (bytes: Buffer) => void): Promise<void> {
  const path = join(directory, file);
  const bytes = await readFile(path);
  change(bytes);
  await writeFile(path, bytes);
}

/** Recomputes all hashes, as an attacker would. */
async function rehash(): Promise<void> {
  const index = await readFile(join(directory, "index.bin"));
  for (let shard = 0; shard * INDEX_ENTRY_BYTES < index.length; shard++) {
    const file = `shard-${String(shard).padStart(5, "0")}.bin`;
    await mutate(file, (bytes) => {
      const end = bytes.length - DIGEST_BYTES;
      createHash("sha256").update(bytes.subarray(0, end)).digest().copy(bytes, end);
      bytes.copy(index, shard * INDEX_ENTRY_BYTES + 16, end);
    });
  }
  await writeFile(join(directory, "index.bin"), index);
  const cacheFile = join(directory, "cache.json");
  const text = await readFile(cacheFile, "utf8");
  await writeFile(cacheFile, text.replace(/"sha256": "[0-9a-f]{64}"/u, `"sha256": "${sha256(index)}"`));
}

describe("a corrupt cache", () => {
  test("can be read before it is corrupted, with or without recomputed hashes", async () => {
    expect(await readAll()).toBe("read");
    await rehash();
    expect(await readAll()).toBe("read");
  });

  test("with any byte of a binary file changed is rejected", async () => {
    const property = fc.asyncProperty(
      fc.constantFrom("index.bin", "shard-00000.bin", "shard-00001.bin"),
      fc.nat(),
      fc.integer({ min: 1, max: 255 }),
      async (file, place, flip) => {
        await newCopy();
        await mutate(file, (bytes) => {
          bytes[place % bytes.length]! ^= flip;
        });
        const result = await readAll();
        expect(result).toMatchObject({ code: "DATA_INVALID" });
        expect((result as SlmError).message).toMatch(/index\.bin|shard-0000\d\.bin/u);
      },
    );
    await fc.assert(property, { numRuns: 40 });
  });

  test("truncated or too long is rejected", async () => {
    const property = fc.asyncProperty(fc.constantFrom(...FILES), fc.nat(), async (file, place) => {
      await newCopy();
      const { length } = await readFile(join(directory, file));
      await truncate(join(directory, file), place % 2 === 0 ? place % length : length + 1 + (place % 5000));
      expect(await readAll()).toMatchObject({ code: "DATA_INVALID" });
    });
    await fc.assert(property, { numRuns: 40 });
  });

  test("with recomputed hashes results in a valid result or an error with a code, for any change", async () => {
    const edit = fc.record({
      place: fc.nat(),
      value: fc.integer({ min: 0, max: 255 }),
      inHeader: fc.boolean(),
    });
    const outcomes = new Set<string>();
    const property = fc.asyncProperty(
      fc.constantFrom("shard-00000.bin", "shard-00001.bin"),
      fc.array(edit, { minLength: 1, maxLength: 4 }),
      async (file, edits) => {
        await newCopy();
        await mutate(file, (bytes) => {
          for (const { place, value, inHeader } of edits)
            bytes[place % (inHeader ? HEADER_BYTES : bytes.length - DIGEST_BYTES)] = value;
        });
        await rehash();
        const result = await readAll();
        if (result !== "read") expect(["DATA_INVALID", "INPUT_MISSING"]).toContain(result.code);
        outcomes.add(result === "read" ? "read" : result.code);
      },
    );
    await fc.assert(property, { numRuns: 80 });
    expect(outcomes.size).toBeGreaterThan(1);
  });

  test("with sizes that would exhaust memory is rejected before anything is read", async () => {
    const claims: readonly [at: number, value: number][] = [
      [12, 2 ** 31],
      [28, 2 ** 31],
      [36, 30],
      [72, 2 ** 31],
    ];
    for (const [at, value] of claims) {
      await newCopy();
      await mutate("shard-00000.bin", (bytes) => bytes.writeUInt32LE(value, at));
      await rehash();
      expect(await readAll()).toMatchObject({ code: "DATA_INVALID" });
    }
  });

  test("with a description that contradicts itself or its shards is rejected", async () => {
    const edits: readonly (readonly [from: RegExp, to: string])[] = [
      [/"k": 6/u, '"k": 60'],
      [/"k": 6/u, '"k": 5'],
      [/"vocabularySize": 20/u, '"vocabularySize": 21'],
      [/"vocabularySize": 20/u, '"vocabularySize": 1e300'],
      [/"shardBits": \d+/u, '"shardBits": 20'],
      [/"shardBits": \d+/u, '"shardBits": 31'],
      [/"version": 1/u, '"version": 2'],
      [/"tokens": \d+/u, '"tokens": 0'],
      [/\{/u, '{ "more": 1,'],
    ];
    for (const [from, to] of edits) {
      await newCopy();
      const path = join(directory, "cache.json");
      const text = await readFile(path, "utf8");
      expect(text).toMatch(from);
      await writeFile(path, text.replace(from, to));
      expect(await readAll(), to).toMatchObject({ code: "DATA_INVALID" });
    }
  });

  test("with a shard of another cache, or without a shard, is rejected", async () => {
    await cp(join(directory, "shard-00001.bin"), join(directory, "shard-00000.bin"));
    expect(await readAll()).toMatchObject({ code: "DATA_INVALID" });
    await rm(join(directory, "shard-00000.bin"));
    expect(await readAll()).toMatchObject({ code: "INPUT_MISSING" });
  });
});
