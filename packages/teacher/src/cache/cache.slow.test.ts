import { mkdtemp, readFile, readdir, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { sha256, SILENT, withLock } from "@slm/core";
import { temporaryFolder } from "@slm/core/testing";
import { createEagerEngine, type Engine } from "@slm/tensor";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ScoredPair } from "../models/teacher.js";
import {
  divergence,
  logSoftmax,
  madeUpTeacher,
  randomPairs,
  tokenPairs,
} from "../testing/synthetic-teacher.js";
import { buildTeacherCache } from "./build-cache.js";
import { TeacherCache } from "./open-cache.js";
import type { CacheBuild, CacheReport } from "./teacher-cache.js";

const VOCABULARY = 40;
/** Divergence that rounding log-probabilities to float16 adds at most [nats]. */
const ROUNDING = 1e-5;
const pairs = randomPairs(120, VOCABULARY);
const different = [...new Map(pairs.map((pair) => [JSON.stringify(pair), pair])).values()];
/** Positions of the distinct pairs. */
const allTokens = different.reduce((sum, { target }) => sum + target.length + 1, 0);
const root = temporaryFolder({ each: true });
const directory = join(root, "cache");
let engine: Engine;

beforeAll(async () => {
  engine = await createEagerEngine("js");
});
afterAll(() => engine.close());

/** Builds a cache of about eight shards. */
function build(
  changes: Partial<CacheBuild> & { readonly of?: readonly ScoredPair[] } = {},
): Promise<CacheReport> {
  const { of = pairs, ...rest } = changes;
  return buildTeacherCache({
    directory,
    teacher: madeUpTeacher(engine, { vocabularySize: VOCABULARY }),
    identity: "synthetic",
    pairs: tokenPairs(of),
    k: 10,
    shardTokens: 60,
    engine,
    context: { progress: SILENT, signal: new AbortController().signal, seed: 1 },
    ...rest,
  });
}

/** Hash of every file, by name. */
async function contents(of = directory): Promise<Record<string, string>> {
  const names = (await readdir(of)).sort();
  return Object.fromEntries(
    await Promise.all(names.map(async (name) => [name, sha256(await readFile(join(of, name)))] as const)),
  );
}

/** A signal that aborts after a number of calls of the teacher. */
function abortAfter(calls: number): Partial<CacheBuild> {
  const controller = new AbortController();
  const teacher = madeUpTeacher(engine, { vocabularySize: VOCABULARY });
  return {
    teacher: {
      ...teacher,
      score: (...request) => {
        if (teacher.scored() + 1 >= calls) controller.abort();
        return teacher.score(...request);
      },
    },
    context: { progress: SILENT, signal: controller.signal, seed: 1 },
  };
}

describe(TeacherCache, () => {
  test("reads the teacher distribution for each pair, in any order and any batch, and zero at padding", async () => {
    const report = await build();
    const cache = await TeacherCache.open(directory);
    const teacher = madeUpTeacher(engine, { vocabularySize: VOCABULARY });
    const divergences: number[] = [];
    const chosen = [...pairs].reverse().filter((_, index) => index % 2 === 0);
    for (let begin = 0; begin < chosen.length; begin += 7) {
      const batch = chosen.slice(begin, begin + 7);
      const shape = { batch: 8, source: 4, target: 6 };
      const read = await cache.read(batch, shape);
      const live = (await engine.download(await teacher.score(batch, shape))).data as Float32Array;
      expect(read.shape).toEqual([48, VOCABULARY]);
      for (let row = 0; row < 8; row++) {
        for (let i = 0; i < 6; i++) {
          const at = (row * 6 + i) * VOCABULARY;
          const values = (read.data as Float32Array).subarray(at, at + VOCABULARY);
          const target = batch[row]?.target;
          if (target === undefined || i > target.length)
            expect(values.every((value) => value === 0)).toBe(true);
          else divergences.push(divergence(logSoftmax(live.subarray(at, at + VOCABULARY)), values));
        }
      }
    }
    expect(Math.max(...divergences)).toBeLessThanOrEqual(report.truncation.maxKl + ROUNDING);
    expect(Math.min(...divergences)).toBeGreaterThan(-1e-6);
    await cache.close();
  });

  test("reports its contents and its mean divergence from the teacher", async () => {
    const report = await build();
    const cache = await TeacherCache.open(directory);
    const { vocabularySize, k, pairs: count, tokens, bytes, truncation } = cache.file;
    expect({ vocabularySize, k, pairs: count, tokens }).toEqual({
      vocabularySize: VOCABULARY,
      k: 10,
      pairs: different.length,
      tokens: allTokens,
    });
    expect(report.bytesPerToken).toBeCloseTo(bytes / allTokens, 9);
    // Ten ids and eleven probabilities per position, a key and a start per pair.
    const shardStarts = 4 * report.shards;
    expect(bytes).toBe(allTokens * (10 * 4 + 11 * 2) + different.length * (12 + 4) + shardStarts);
    const teacher = madeUpTeacher(engine, { vocabularySize: VOCABULARY });
    let sum = 0;
    for (const pair of different) {
      const shape = { batch: 1, source: 4, target: 5 };
      const read = (await cache.read([pair], shape)).data as Float32Array;
      const live = (await engine.download(await teacher.score([pair], shape))).data as Float32Array;
      for (let i = 0; i <= pair.target.length; i++) {
        const [from, to] = [i * VOCABULARY, (i + 1) * VOCABULARY];
        sum += divergence(logSoftmax(live.subarray(from, to)), read.subarray(from, to));
      }
    }
    expect(Math.abs(truncation.meanKl - sum / allTokens)).toBeLessThan(ROUNDING);
    expect(truncation).toEqual(report.truncation);
    await cache.close();
  });

  test("names a missing pair, and the command that would store it", async () => {
    await build();
    const cache = await TeacherCache.open(directory);
    const unknown = { source: [39, 39, 39, 39, 39], target: [7] };
    expect([await cache.has(pairs[0]!), await cache.has(unknown)]).toEqual([true, false]);
    await expect(cache.read([pairs[0]!, unknown], { batch: 2, target: 5 })).rejects.toMatchObject({
      code: "INPUT_MISSING",
      message: expect.stringContaining("source [39 39 39 39 39] with target [7]") as string,
      suggestions: [expect.stringContaining("slm teacher cache")],
    });
    // The tokens alone do not identify a pair: the boundary between source and target matters too.
    const [{ source, target }] = pairs as readonly [ScoredPair];
    const moved = { source: [...Array.from(source), target[0]!], target: Array.from(target).slice(1) };
    expect(await cache.has(moved)).toBe(false);
    await cache.close();
  });

  test("rejects a batch that is too small for its pairs", async () => {
    await build();
    const cache = await TeacherCache.open(directory);
    await expect(cache.read(pairs.slice(0, 3), { batch: 2, target: 6 })).rejects.toMatchObject({
      code: "SHAPE_MISMATCH",
    });
    await expect(cache.read([pairs[0]!], { batch: 1, target: 1 })).rejects.toMatchObject({
      code: "SHAPE_MISMATCH",
    });
    await cache.close();
  });

  test("overlapping reads return the same as sequential reads", async () => {
    await build();
    const cache = await TeacherCache.open(directory);
    const shape = { batch: 1, target: 5 };
    const alone: unknown[] = [];
    for (const pair of pairs) alone.push((await cache.read([pair], shape)).data);
    const together = await Promise.all(pairs.map((pair) => cache.read([pair], shape)));
    expect(together.map(({ data }) => data)).toEqual(alone);
    await cache.close();
  });

  test("reports a directory without a cache", async () => {
    await expect(TeacherCache.open(root)).rejects.toMatchObject({ code: "INPUT_MISSING" });
  });
});

describe(buildTeacherCache, () => {
  test("writes the same bytes for any order of pairs, and stores repeated pairs once", async () => {
    await build();
    const other = join(root, "other");
    await build({ directory: other, of: [...pairs, ...pairs].reverse() });
    expect(await contents(other)).toEqual(await contents());
    expect(Object.keys(await contents()).length).toBeGreaterThan(6);
  });

  test("killed at any batch and resumed, results in the bytes of an uninterrupted build", async () => {
    const whole = await build();
    const expected = await contents();
    const calls = fc.integer({ min: 1, max: 40 });
    const property = fc.asyncProperty(fc.array(calls, { minLength: 1, maxLength: 3 }), async (kills) => {
      const resumed = await mkdtemp(join(root, "resumed-"));
      for (const kill of kills) {
        await build({ directory: resumed, ...abortAfter(kill) }).catch((error: unknown) => {
          expect(error).toMatchObject({ code: "INTERRUPTED" });
        });
      }
      const report = await build({ directory: resumed });
      expect(await contents(resumed)).toEqual(expected);
      expect(report.truncation).toEqual(whole.truncation);
    });
    await fc.assert(property, { numRuns: 8 });
  });

  test("scores only missing, truncated or changed shards", async () => {
    const { shards } = await build();
    const expected = await contents();
    const damage = ["shard-00000.safetensors", "shard-00001.safetensors", "shard-00002.safetensors"] as const;
    await rm(join(directory, damage[0]));
    await truncate(join(directory, damage[1]), 200);
    const bytes = await readFile(join(directory, damage[2]));
    bytes[bytes.length - 150]! ^= 1;
    await writeFile(join(directory, damage[2]), bytes);
    expect(await build()).toMatchObject({ resumedShards: shards - 3, shards });
    expect(await contents()).toEqual(expected);
  });

  test("does not reuse shards of another teacher, k or set of pairs", async () => {
    await build();
    expect(await build({ identity: "another" })).toMatchObject({ resumedShards: 0 });
    expect(await build({ identity: "another", k: 5 })).toMatchObject({ resumedShards: 0, k: 5 });
    const fewer = await build({ identity: "another", k: 5, of: pairs.slice(0, 10) });
    expect(fewer).toMatchObject({ resumedShards: 0 });
    const fresh = join(root, "fresh");
    await build({ directory: fresh, identity: "another", k: 5, of: pairs.slice(0, 10) });
    expect(await contents()).toEqual(await contents(fresh));
  });

  test("keeps the whole distribution if k is at least the vocabulary size", async () => {
    expect(await build({ k: 500 })).toMatchObject({
      k: VOCABULARY,
      truncation: { meanTailMass: 0, meanKl: 0, maxKl: 0 },
    });
  });

  test("rejects a directory in use by another process, an invalid k, and invalid logits", async () => {
    await withLock(directory, async () => {
      await expect(build()).rejects.toMatchObject({ code: "BUSY" });
    });
    for (const k of [0, -1, 1.5, Number.NaN])
      await expect(build({ k })).rejects.toMatchObject({ code: "CONFIG_INVALID" });
    const teacher = madeUpTeacher(engine, { vocabularySize: VOCABULARY });
    const broken: CacheBuild["teacher"] = {
      ...teacher,
      score: (_pairs, shape) => {
        const values = new Float32Array(shape.batch * shape.target * VOCABULARY).fill(Number.NaN);
        return engine.upload({
          dtype: "float32",
          shape: [shape.batch * shape.target, VOCABULARY],
          data: values,
        });
      },
    };
    await expect(build({ teacher: broken })).rejects.toMatchObject({ code: "DATA_INVALID" });
    await expect(build({ of: [] })).rejects.toMatchObject({ code: "DATA_INVALID" });
  });
});
