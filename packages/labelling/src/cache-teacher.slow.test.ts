import { mkdir, mkdtemp, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { SILENT } from "@slm/core";
import { temporaryFolder } from "@slm/core/testing";
import { createRandom } from "@slm/generation";
import { decoderOnlyConfig, initializeWeights, parameterCount } from "@slm/model";
import { TINY_SHAPE } from "@slm/model/testing";
import { writeCheckpoint } from "@slm/checkpoints";
import { createEagerEngine } from "@slm/tensor";
import { createTokenizer, trainSymbolTokenizer, writeTokenizer } from "@slm/tokenizer";
import { beforeAll, describe, expect, test } from "vitest";
import { readCacheRows, type CacheRowKind, type TeacherRow, TeacherCache } from "@slm/teacher";
import { cacheConfig } from "./config/cache-config.js";
import { labellingVolume } from "./labelling/labelling-volume.js";
import { cacheTeacher, type CacheStageReport } from "./cache-teacher.js";

const train = ["ab", "ba", "abc", "cab", "c"].map((source) => ({
  source,
  target: Array.from(source.toUpperCase()).join(" "),
}));
const files = trainSymbolTokenizer({
  sources: train.map(({ source }) => source),
  targets: train.map(({ target }) => target),
  sourceLowercase: true,
});
const tokenizer = createTokenizer(files);
const { vocabularySize, tokens } = tokenizer;
const config = decoderOnlyConfig.parse({
  ...TINY_SHAPE,
  maxSource: 4,
  maxTarget: 5,
  vocabularySize,
  tokens,
});

const root = temporaryFolder();
const at = (name: string): string => join(root, name);

beforeAll(async () => {
  for (const name of ["data", "bare", "many", "tokenizer", "teacher"]) await mkdir(at(name));
  const lines = (rows: readonly object[]): string => rows.map((row) => `${JSON.stringify(row)}\n`).join("");
  for (const name of ["data", "bare", "many"]) {
    await writeFile(join(at(name), "train.jsonl"), lines(train));
    for (const split of ["dev", "test"]) await writeFile(join(at(name), `${split}.jsonl`), "");
  }
  const alone = ["aa", "bb", "cc", "bc", "ca", "zz"].map((source) => ({ source }));
  await writeFile(join(at("data"), "unlabelled.jsonl"), lines(alone));
  // Few labels of this random teacher are valid targets.
  const letters = ["a", "b", "c"];
  const pairs = letters.flatMap((first) => letters.map((second) => first + second));
  const triples = pairs.flatMap((pair) => letters.map((letter) => pair + letter));
  const many = [...pairs, ...triples].map((source) => ({ source }));
  await writeFile(join(at("many"), "unlabelled.jsonl"), lines(many));
  await writeTokenizer(files, at("tokenizer"));
  const weights = new Map(initializeWeights(config, createRandom(5).next));
  await writeCheckpoint(at("teacher"), { config, weights });
});

async function run(
  settings: object,
  data = "data",
): Promise<{ report: CacheStageReport; work: string; rows: Record<CacheRowKind, TeacherRow[]> }> {
  const work = await mkdtemp(at("work-"));
  const report = await cacheTeacher(cacheConfig.parse(settings), {
    dataDirectory: at(data),
    tokenizerDirectory: at("tokenizer"),
    teacherDirectory: at("teacher"),
    identity: "tiny",
    workDirectory: work,
    engine: await createEagerEngine("js"),
    context: { progress: SILENT, signal: new AbortController().signal, seed: 1 },
  });
  const rows: Record<CacheRowKind, TeacherRow[]> = { labelled: [], generated: [] };
  for (const kind of ["labelled", "generated"] as const)
    for await (const row of readCacheRows(work, kind)) rows[kind].push(row);
  return { report, work, rows };
}

describe(cacheTeacher, () => {
  test("stores only the distributions of training rows and of every row from the teacher", async () => {
    const { report, work, rows } = await run({ k: 4, generate: "greedy", unlabelled: { minScore: -100 } });
    expect(report).toMatchObject({
      parameters: parameterCount(config),
      vocab: config.vocabularySize,
      k: 4,
      labelled: { sources: 6, kept: rows.labelled.length },
      generated: { sources: train.length, kept: rows.generated.length },
    });
    const cache = await TeacherCache.open(work);
    for (const { source, target } of [...train, ...rows.labelled, ...rows.generated]) {
      const pair = { source: tokenizer.encodeSource(source), target: tokenizer.encodeTarget(target) };
      expect(await cache.has(pair), `${source}: ${target}`).toBe(true);
    }
    expect(report.tokens).toBe(cache.file.tokens);
    await cache.close();
    const left = [
      "cache.json",
      "shard-00000.safetensors",
      "teacher-generated.jsonl",
      "teacher-labelled.jsonl",
    ];
    expect((await readdir(work)).sort()).toEqual(left);
  });

  test("stores only labels if no distributions are requested", async () => {
    const settings = { generate: "greedy", unlabelled: { minScore: -100 } };
    const { rows } = await run(settings, "many");
    const { report, work, rows: alone } = await run({ ...settings, distributions: "none" }, "many");
    expect(alone).toEqual(rows);
    expect(report).toMatchObject({ tokens: 0, bytesPerToken: 0, labelled: { sources: 36 } });
    expect(report).not.toHaveProperty("truncation");
    expect((await readdir(work)).sort()).toEqual(["teacher-generated.jsonl", "teacher-labelled.jsonl"]);
  });

  test("labels nothing without unlabelled sources, and generates targets only on request", async () => {
    const { report, work, rows } = await run({}, "bare");
    expect(report).not.toHaveProperty("labelled");
    expect(report).not.toHaveProperty("generated");
    expect(rows).toEqual({ labelled: [], generated: [] });
    expect((await readdir(work)).sort()).toEqual(["cache.json", "shard-00000.safetensors"]);
    expect(report).toMatchObject({ k: config.vocabularySize, pairs: train.length });
  });

  test("labels only the first sources if there is a limit, and plans for as many", async () => {
    const unlabelled = { minScore: "none", limit: 4 };
    const settings = { distributions: "none", unlabelled };
    const { report, rows } = await run(settings, "many");
    expect(report).toMatchObject({ labelled: { sources: 4 } });
    const all = await run({ ...settings, unlabelled: { ...unlabelled, limit: 1000 } }, "many");
    expect(all.report).toMatchObject({ labelled: { sources: 36 } });
    expect(all.rows.labelled.slice(0, rows.labelled.length)).toEqual(rows.labelled);
    expect(await labellingVolume(cacheConfig.parse(settings), at("many"))).toMatchObject({ requests: 4 });
  });
});

describe("labels", () => {
  test("never include held-out sources, even if the file of unlabelled sources contains them", async () => {
    await mkdir(at("leaky"));
    const lines = (sources: readonly string[]): string =>
      sources.map((source) => `${JSON.stringify({ source, target: "A" })}\n`).join("");
    await writeFile(join(at("leaky"), "train.jsonl"), lines(["ab"]));
    await writeFile(join(at("leaky"), "dev.jsonl"), lines(["bc"]));
    await writeFile(join(at("leaky"), "test.jsonl"), lines(["ca"]));
    const sources = ["AB", "BC", "ca", "cc"].map((source) => `${JSON.stringify({ source })}\n`);
    await writeFile(join(at("leaky"), "unlabelled.jsonl"), sources.join(""));
    const { report, rows } = await run({ unlabelled: { minScore: "none" } }, "leaky");
    expect(report.labelled).toMatchObject({ sources: 4, known: 1, heldOut: 2 });
    expect(rows.labelled.every(({ source }) => source === "cc")).toBe(true);
  });
});
