import { cp, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { sha256, SILENT, SlmError } from "@slm/core";
import { temporaryFolder } from "@slm/core/testing";
import { createEagerEngine } from "@slm/tensor";
import fc from "fast-check";
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { madeUpTeacher, randomPairs, tokenPairs } from "../testing/synthetic-teacher.js";
import { buildTeacherCache } from "./build-cache.js";
import { TeacherCache } from "./open-cache.js";

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
    const cache = await TeacherCache.open(directory);
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

const SHARDS = ["shard-00000.safetensors", "shard-00001.safetensors"] as const;

async function mutate(file: string, change: (bytes: Buffer) => void): Promise<void> {
  const path = join(directory, file);
  const bytes = await readFile(path);
  change(bytes);
  await writeFile(path, bytes);
}

/** Tensors of a shard, its header, and where its data begins. */
function partsOf(bytes: Buffer): { header: Record<string, unknown>; data: Buffer; begin: number } {
  const begin = 8 + Number(bytes.readBigUInt64LE(0));
  const { __metadata__: metadata } = JSON.parse(bytes.toString("utf8", 8, begin)) as {
    __metadata__: { shard: string };
  };
  const header = JSON.parse(metadata.shard) as Record<string, unknown>;
  return { header, data: bytes.subarray(begin), begin };
}

/** Recomputes all hashes, as an attacker would. */
async function rehash(): Promise<void> {
  const hashes: string[] = [];
  for (const file of SHARDS)
    await mutate(file, (bytes) => {
      const { header, data } = partsOf(bytes);
      hashes.push(sha256(data));
      bytes.write(hashes.at(-1)!, bytes.indexOf(header["sha256"] as string), "latin1");
    });
  const path = join(directory, "cache.json");
  const file = JSON.parse(await readFile(path, "utf8")) as { shards: string[] };
  await writeFile(path, JSON.stringify({ ...file, shards: hashes }, undefined, 2));
}

describe("a corrupt cache", () => {
  test("can be read before it is corrupted, with or without recomputed hashes", async () => {
    expect(await readAll()).toBe("read");
    await rehash();
    expect(await readAll()).toBe("read");
  });

  test("with any byte of a shard's tensors changed is rejected", async () => {
    const property = fc.asyncProperty(
      fc.constantFrom(...SHARDS),
      fc.nat(),
      fc.integer({ min: 1, max: 255 }),
      async (file, place, flip) => {
        await newCopy();
        await mutate(file, (bytes) => {
          const { data } = partsOf(bytes);
          data[place % data.length]! ^= flip;
        });
        const result = await readAll();
        expect(result).toMatchObject({ code: "DATA_INVALID" });
        expect((result as SlmError).message).toContain(file);
      },
    );
    await fc.assert(property, { numRuns: 40 });
  });

  test("truncated or too long is rejected", async () => {
    const files = fc.constantFrom("cache.json", ...SHARDS);
    const property = fc.asyncProperty(files, fc.nat(), async (file, place) => {
      await newCopy();
      const { length } = await readFile(join(directory, file));
      await truncate(join(directory, file), place % 2 === 0 ? place % length : length + 1 + (place % 5000));
      expect(await readAll()).toMatchObject({ code: "DATA_INVALID" });
    });
    await fc.assert(property, { numRuns: 40 });
  });

  test("with recomputed hashes results in a valid result or an error with a code, for any change", async () => {
    const edit = fc.record({ place: fc.nat(), value: fc.integer({ min: 0, max: 255 }) });
    const outcomes = new Set<string>();
    const edits = fc.array(edit, { minLength: 1, maxLength: 4 });
    const property = fc.asyncProperty(fc.constantFrom(...SHARDS), edits, async (file, changes) => {
      await newCopy();
      await mutate(file, (bytes) => {
        const { data } = partsOf(bytes);
        for (const { place, value } of changes) data[place % data.length] = value;
      });
      await rehash();
      const result = await readAll();
      if (result !== "read") expect(["DATA_INVALID", "INPUT_MISSING"]).toContain(result.code);
      outcomes.add(result === "read" ? "read" : result.code);
    });
    await fc.assert(property, { numRuns: 80 });
    expect(outcomes.size).toBeGreaterThan(1);
  });

  test("with any byte of a shard's header changed results in a valid result or an error with a code", async () => {
    const property = fc.asyncProperty(fc.nat(), fc.integer({ min: 0, max: 255 }), async (place, value) => {
      await newCopy();
      await mutate(SHARDS[0], (bytes) => {
        bytes[place % partsOf(bytes).begin] = value;
      });
      const result = await readAll();
      if (result !== "read") expect(result.code).toBe("DATA_INVALID");
    });
    await fc.assert(property, { numRuns: 60 });
  });

  test("with sizes in its header that its tensors do not have is rejected", async () => {
    for (const [from, to] of [
      [/\\"pairs\\":\d/u, '\\"pairs\\":9'],
      [/\\"tokens\\":\d/u, '\\"tokens\\":9'],
      [/\\"k\\":6/u, '\\"k\\":7'],
      [/\\"vocabularySize\\":20/u, '\\"vocabularySize\\":60'],
    ] as const) {
      await newCopy();
      const path = join(directory, SHARDS[0]);
      const text = (await readFile(path)).toString("latin1");
      expect(text).toMatch(from);
      await writeFile(path, Buffer.from(text.replace(from, to), "latin1"));
      expect(await readAll(), to).toMatchObject({ code: "DATA_INVALID" });
    }
  });

  test("with a description that contradicts itself or its shards is rejected", async () => {
    const edits: readonly (readonly [from: RegExp, to: string])[] = [
      [/"k": 6/u, '"k": 60'],
      [/"k": 6/u, '"k": 5'],
      [/"vocabularySize": 20/u, '"vocabularySize": 21'],
      [/"vocabularySize": 20/u, '"vocabularySize": 1e300'],
      [/"shards": \[/u, '"shards": [ "0",'],
      [/"version": 2/u, '"version": 1'],
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
    await cp(join(directory, SHARDS[1]), join(directory, SHARDS[0]));
    expect(await readAll()).toMatchObject({ code: "DATA_INVALID" });
    await rm(join(directory, SHARDS[0]));
    expect(await readAll()).toMatchObject({ code: "INPUT_MISSING" });
  });
});
