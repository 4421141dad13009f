import { readFile, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { sha256, SILENT } from "@slm/core";
import { temporaryFolder } from "@slm/core/testing";
import { createEagerEngine, type Engine } from "@slm/tensor";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ScoredPair } from "../models/teacher.js";
import { madeUpTeacher, randomPairs, tokenPairs } from "../testing/synthetic-teacher.js";
import { buildTeacherCache } from "./build-cache.js";
import { keyOf } from "./pair-key.js";
import { keyText, makeShardOfTask } from "./shard-task.js";
import type { CacheBuild, CacheReport, ShardMaker } from "./teacher-cache.js";

const VOCABULARY = 40;
const pairs = randomPairs(120, VOCABULARY);
const context = { progress: SILENT, signal: new AbortController().signal, seed: 1 };
const root = temporaryFolder({ each: true });
let engine: Engine;

beforeAll(async () => {
  engine = await createEagerEngine("js");
});
afterAll(() => engine.close());

const teacher = (): CacheBuild["teacher"] => madeUpTeacher(engine, { vocabularySize: VOCABULARY });

/** Builds a cache of about eight shards. */
function build(name: string, changes: Partial<CacheBuild> = {}, of = pairs): Promise<CacheReport> {
  return buildTeacherCache({
    directory: join(root, name),
    teacher: teacher(),
    identity: "synthetic",
    pairs: tokenPairs(of),
    k: 10,
    shardTokens: 60,
    engine,
    context,
    ...changes,
  });
}

async function contents(name: string): Promise<Record<string, string>> {
  const names = (await readdir(join(root, name))).sort();
  const hashes = names.map(async (file) => [file, sha256(await readFile(join(root, name, file)))] as const);
  return Object.fromEntries(await Promise.all(hashes));
}

/** A teacher that must not be called, because workers build all shards. */
const idle = (): CacheBuild["teacher"] => ({
  ...teacher(),
  score: () => Promise.reject(new Error("scored on this machine")),
});

async function taskFile(bytes: Uint8Array): Promise<string> {
  const path = join(root, "task.safetensors");
  await writeFile(path, bytes);
  return path;
}

/** Builds shards from their tasks in reverse order. @param isBad selects pairs that fail on every machine, by key */
function maker(isBad: (key: string) => boolean = () => false): ShardMaker {
  return {
    make: async ({ shards, accept, setAside, onTokens }) => {
      for (const { shard, keys, tokens, task } of [...shards].reverse()) {
        const bad = keys.filter(isBad);
        if (bad.length > 0) await setAside(bad.map((key) => ({ key, reason: "it crashed" })));
        const only = new Set(keys.filter((key) => !isBad(key)));
        const path = await taskFile(await task(bad.length > 0 ? only : undefined));
        const made = await makeShardOfTask(path, { teacher: teacher(), engine, context });
        await accept(shard, made.file);
        onTokens(tokens);
      }
    },
  };
}

const keyOfPair = (pair: ScoredPair): string => keyText(keyOf(pair));

describe(makeShardOfTask, () => {
  test("builds the same bytes as one machine from only a task", async () => {
    await build("alone");
    const { unscored, tokens } = await build("made", { maker: maker(), teacher: idle() });
    expect(unscored).toEqual([]);
    expect(tokens).toBeGreaterThan(0);
    expect(await contents("made")).toEqual(await contents("alone"));
  });

  test("builds only the shards that an interrupted build lacks", async () => {
    await build("made", { maker: maker() });
    const { "cache.json": whole } = await contents("made");
    await rm(join(root, "made", "shard-00003.safetensors"));
    const asked: number[] = [];
    const counting: ShardMaker = {
      make: (request) => {
        asked.push(...request.shards.map(({ shard }) => shard));
        return maker().make(request);
      },
    };
    await build("made", { maker: counting, teacher: idle() });
    expect(asked).toEqual([3]);
    expect((await contents("made"))["cache.json"]).toBe(whole);
  });

  test("skips pairs that no machine can score, also after a resume", async () => {
    const bad = keyOfPair(pairs[7]!);
    const { unscored } = await build("made", { maker: maker((key) => key === bad), teacher: idle() });
    expect(unscored).toEqual([{ key: bad, reason: "it crashed" }]);
    const { ["unscored-pairs.json"]: unscoredPairs, ...made } = await contents("made");
    expect(unscoredPairs).toBeDefined();
    const again = await build("made");
    expect(again.unscored).toEqual(unscored);
    expect(again.resumedShards).toBe(again.shards);
    expect(await contents("made")).toMatchObject(made);
    // The lengths of the other pairs result in the same buckets and number of shards, so the bytes equal those of a cache without the pair.
    await build(
      "rest",
      {},
      pairs.filter((pair) => keyOfPair(pair) !== bad),
    );
    expect(made).toEqual(await contents("rest"));
  });

  test("is rejected if its shard was built from other pairs", async () => {
    const wrong: ShardMaker = {
      make: async ({ shards, accept }) => {
        const [{ keys, shard, task }] = shards as [(typeof shards)[number]];
        const path = await taskFile(await task(new Set(keys.slice(1))));
        await accept(shard, (await makeShardOfTask(path, { teacher: teacher(), engine, context })).file);
      },
    };
    await expect(build("made", { maker: wrong })).rejects.toMatchObject({ code: "DATA_INVALID" });
    expect(await readdir(join(root, "made"))).toEqual([]);
  });

  test("rejects files that are not tasks, and teachers with another vocabulary", async () => {
    const made = { teacher: teacher(), engine, context };
    await expect(makeShardOfTask(await taskFile(Buffer.from("nothing")), made)).rejects.toMatchObject({
      code: "DATA_INVALID",
    });
    let task: Buffer | undefined;
    const keeping: ShardMaker = {
      make: async ({ shards }) => {
        task = await shards[0]!.task();
      },
    };
    await build("made", { maker: keeping });
    const path = await taskFile(task!);
    const other = { ...made, teacher: madeUpTeacher(engine, { vocabularySize: VOCABULARY + 1 }) };
    await expect(makeShardOfTask(path, other)).rejects.toMatchObject({ code: "SHAPE_MISMATCH" });
    await writeFile(
      path,
      Buffer.from(task!.toString("latin1").replace('\\"shard\\":0', '\\"shard\\":9'), "latin1"),
    );
    await expect(makeShardOfTask(path, made)).rejects.toMatchObject({ code: "DATA_INVALID" });
  });
});
