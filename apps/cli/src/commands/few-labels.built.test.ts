import { readManifest } from "@slm/core";
import { readCacheRows } from "@slm/teacher";
import { loadTokenizer } from "@slm/tokenizer";
import { readdir, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { temporaryFolder } from "@slm/core/testing";
import { beforeAll, describe, expect, test } from "vitest";
import { runCommand } from "../testing/run-command.js";
import { tinyRecipe, writeTinyRecipe } from "@slm/pipeline/testing/tiny-run";

const root = temporaryFolder();
let recipe = "";
const out = (): string => join(root, "run");

/** The tiny recipe with eight labels, a teacher program that spells words, and a student that learns from labels only. */
async function writeRecipe(): Promise<string> {
  const { data, distill } = tinyRecipe(root);
  const program = join(root, "spell.mjs");
  const code = `import { createInterface } from "node:readline";
for await (const line of createInterface({ input: process.stdin })) {
  const { source } = JSON.parse(line);
  console.log(JSON.stringify({ target: [...source.toUpperCase()].join(" ") }));
}
`;
  await writeFile(program, code);
  return writeTinyRecipe(root, {
    data: { ...data, labels: 8 },
    tokenizer: { unlabelled: true },
    teacher: { kind: "command", command: [process.execPath, program], files: [program] },
    cache: { distributions: "none", unlabelled: { minScore: "none" } },
    distill: {
      ...distill,
      steps: 8,
      loss: { forwardKl: 0, crossEntropy: 1 },
      targets: { unlabelledFraction: 0.5 },
    },
  });
}

beforeAll(async () => {
  recipe = await writeRecipe();
  const { exitCode, stderr } = await runCommand("distill", [recipe, "--out", out(), "--json"]);
  if (exitCode !== 0) throw new Error(stderr);
});

describe("few labels and a teacher that only labels", () => {
  test("the data counts labels and sources that lost theirs, and the command says so", async () => {
    const { details } = await readManifest(join(out(), "data"));
    const { labels, splits } = details as { labels: Record<string, number>; splits: Record<string, number> };
    expect(labels).toMatchObject({ labelled: 8 });
    expect(splits.train).toBe(8);
    expect(labels.unlabelled).toBeGreaterThan(8);
    const { stdout } = await runCommand("data:prepare", [recipe, "--out", out()]);
    expect(stdout).toContain(`8 labels, ${labels.unlabelled} training sources without a label`);
    const inspected = await runCommand("data:inspect", [join(out(), "data")]);
    expect(inspected.stdout).toContain(`8, and ${labels.unlabelled} training sources without a label`);
    expect(inspected.stdout).toContain("rows        8");
  });

  test("the tokenizer knows the letters of all sources", async () => {
    const tokenizer = await loadTokenizer(join(out(), "tokenizer"));
    expect(() => tokenizer.encodeSource("abcde")).not.toThrow();
    const { details } = await readManifest(join(out(), "tokenizer"));
    const { details: data } = await readManifest(join(out(), "data"));
    expect(details.rows).toBe(8 + (data.labels as { unlabelled: number }).unlabelled);
  });

  test("the cache has only labels, each with its teacher", async () => {
    const directory = join(out(), "cache");
    expect((await readdir(directory)).sort()).toEqual(["manifest.json", "teacher-labelled.jsonl"]);
    const rows = [];
    for await (const row of readCacheRows(directory, "labelled")) rows.push(row);
    const { labels } = (await readManifest(join(out(), "data"))).details as {
      labels: { unlabelled: number };
    };
    expect(rows).toHaveLength(labels.unlabelled);
    for (const { source, target, labeller } of rows)
      expect([target, labeller]).toEqual([
        Array.from(source.toUpperCase()).join(" "),
        basename(process.execPath),
      ]);
    const { stdout } = await runCommand("teacher:cache", [recipe, "--out", out()]);
    expect(stdout).toContain(`${rows.length} of ${rows.length} sources labelled  no distributions`);
  });

  test("the student learns from gold labels and stored labels, and its report names their origin", async () => {
    const { details } = await readManifest(join(out(), "distill"));
    expect(details).not.toHaveProperty("teacherParameters");
    expect(details).toMatchObject({
      steps: 8,
      stored: { unlabelled: { labellers: { [basename(process.execPath)]: expect.any(Number) as number } } },
    });
  });
});
