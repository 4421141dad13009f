import { readManifest, verifyDirectory } from "@slm/core";
import { CACHE_ROWS, TeacherCache, readTeacherConfigs } from "@slm/teacher";
import { readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder } from "@slm/core/testing";
import { beforeAll, describe, expect, test } from "vitest";
import { runCommand } from "../testing/run-command.js";
import { tinyRecipe, writeTinyRecipe } from "@slm/pipeline/testing/tiny-run";

const A_NUMBER: unknown = expect.any(Number);

const root = temporaryFolder();
let recipe = "";
let out = "";

/** The tiny recipe, with unlabelled words and two teachers, and without the stages after the teacher. */
async function writeRecipe(): Promise<string> {
  const { data, teacher } = tinyRecipe(root);
  const words = join(root, "words.txt");
  await writeFile(words, "eda\nadeb\ncab\nabc\n");
  const members = [teacher, { ...teacher, seed: 5, weight: 2 }];
  const sections = {
    data: { ...data, unlabelled: { path: words } },
    tokenizer: {},
    teacher: { kind: "ensemble", members },
    cache: { k: 4, generate: "greedy", unlabelled: { minScore: -1000 } },
  };
  return writeTinyRecipe(root, sections);
}

beforeAll(async () => {
  out = join(root, "run");
  recipe = await writeRecipe();
  const { exitCode, stderr } = await runCommand("teacher:cache", [recipe, "--out", out, "--json"]);
  if (exitCode !== 0) throw new Error(stderr);
});

describe("slm teacher cache", () => {
  test("runs the stages that it needs, and reports the cache equally whether it is new or skipped", async () => {
    expect((await readdir(out)).sort()).toEqual(["cache", "data", "teacher", "tokenizer"]);
    const { json, exitCode } = await runCommand("teacher:cache", [
      recipe,
      "--out",
      out,
      "--resume",
      "--json",
    ]);
    expect(exitCode).toBe(0);
    expect(json).toMatchObject({
      command: "teacher cache",
      result: {
        cache: join(out, "cache"),
        status: "skipped",
        parameters: A_NUMBER,
        vocab: 14,
        tokens: A_NUMBER,
        bytesPerToken: A_NUMBER,
        truncation: { meanTailMass: A_NUMBER, meanKl: A_NUMBER, maxKl: A_NUMBER },
        labelled: { sources: A_NUMBER },
      },
    });
    const text = await runCommand("teacher:cache", [recipe, "--out", out, "--resume"]);
    expect(text.stdout).toMatch(/tokens {2}.* bytes per token/);
    expect(text.stdout.trimEnd().split("\n").at(-1)).toBe(join(out, "cache"));
  });

  test("writes an artifact that opens as a cache, and does not label held-out words", async () => {
    const directory = join(out, "cache");
    expect((await verifyDirectory(directory)).problems).toEqual([]);
    expect((await readManifest(directory)).inputs.map(({ name }) => name)).toEqual([
      "data",
      "tokenizer",
      "teacher",
    ]);
    const cache = await TeacherCache.open(directory);
    expect(cache.file).toMatchObject({ k: 4, vocabularySize: 14 });
    await cache.close();
    const rows = await readFile(join(directory, CACHE_ROWS.labelled), "utf8");
    expect(rows).not.toMatch(/"cab"|"abc"/);
    const { unlabelled } = (await readManifest(join(out, "data"))).details;
    expect(unlabelled).toMatchObject({ known: { dev: 1, test: 1 } });
  });
});

describe("an ensemble of teachers", () => {
  test("has one directory per member, and each member is trained with its own seed", async () => {
    const directory = join(out, "teacher");
    expect((await readdir(directory)).sort()).toEqual([
      "ensemble.json",
      "manifest.json",
      "member-0",
      "member-1",
    ]);
    expect(await readTeacherConfigs(directory)).toHaveLength(2);
    const weights = await Promise.all(
      [0, 1].map((member) => readFile(join(directory, `member-${member}`, "model.safetensors"))),
    );
    expect(weights[0]).not.toEqual(weights[1]);
    const { details } = await readManifest(directory);
    const members = details.members as { parameters: number }[];
    expect(details.parameters).toBe(2 * members[0]!.parameters);
  });

  test("rejects a member with another vocabulary", async () => {
    const few = join(root, "few.jsonl");
    await writeFile(few, '{"source":"ab","target":"A B"}\n');
    const data = {
      train: few,
      dev: join(root, "dev.jsonl"),
      test: join(root, "test.jsonl"),
    };
    const path = join(out, "teacher", "member-0");
    const external = join(root, "external.yaml");
    const teacher = { kind: "ensemble", members: [{ kind: "checkpoint", path }] };
    await writeFile(external, JSON.stringify({ data, tokenizer: {}, teacher }));
    const { exitCode, json } = await runCommand("teacher:train", [
      external,
      "--out",
      join(root, "f"),
      "--json",
    ]);
    expect([exitCode, json]).toMatchObject([65, { error: { code: "SHAPE_MISMATCH" } }]);
  });
});
