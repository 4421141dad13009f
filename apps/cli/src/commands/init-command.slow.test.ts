import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder } from "@slm/core/testing";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { runCommand } from "../testing/run-command.js";

const root = temporaryFolder();

let made = 0;

/** The recipe that `slm init --yes` writes for a file. */
async function recipeFor(name: string, content: string | Buffer, ...flags: readonly string[]) {
  const [data, recipe] = [join(root, name), join(root, `recipe-${made++}.yaml`)];
  await writeFile(data, content);
  const outcome = await runCommand("init", ["--yes", "--data", data, "-o", recipe, "--json", ...flags]);
  const text = outcome.exitCode === 0 ? await readFile(recipe, "utf8") : "{}";
  return { ...outcome, recipe, text, settings: parse(text) as Readonly<Record<string, unknown>> };
}

const lines = (count: number, line: (index: number) => string): string =>
  Array.from({ length: count }, (_, index) => `${line(index)}\n`).join("");

describe("slm init chooses from the rows", () => {
  test("columns of a spreadsheet's table, its encoding, BPE for text, and lengths that the check before training accepts", async () => {
    const date = (index: number): Date => new Date(Date.UTC(2010, 0, 1 + index));
    const rows = lines(
      300,
      (index) =>
        `${index};${date(index).toUTCString().slice(5, 16)} né;${date(index).toISOString().slice(0, 10)}`,
    );
    const { settings, recipe, text, json } = await recipeFor(
      "dates.csv",
      Buffer.from(`id;text;iso\n${rows}`, "latin1"),
      "--target",
      "iso",
    );
    expect(settings).toMatchObject({
      data: {
        train: expect.stringContaining("dates.csv") as string,
        fields: { source: "text", target: "iso" },
        encoding: "latin1",
        devFraction: 0.1,
      },
      tokenizer: { kind: "bpe", vocabularySize: 512 },
      metrics: ["exactMatch"],
    });
    expect(json).toMatchObject({ result: { rows: 300, tokenizer: "bpe", metric: "exactMatch" } });
    const plan = await runCommand("run", [recipe, "--dry-run", "--json"]);
    expect(plan.exitCode, JSON.stringify(plan.json)).toBe(0);
    // The recipe's comment says how to train without the teacher.
    const [, flags] = /^# (--skip teacher --set \S+) /mu.exec(text) ?? [];
    const labels = await runCommand("run", [recipe, "--dry-run", "--json", ...flags!.split(" ")]);
    expect(labels.exitCode, JSON.stringify(labels.json)).toBe(0);
    expect(JSON.stringify(labels.json)).not.toContain('"teacher"');
  });

  test("one token per letter and symbol if targets consist of a closed set of symbols", async () => {
    const words = ["abc", "bca", "cab", "acb"];
    const { settings, text } = await recipeFor(
      "words.jsonl",
      lines(80, (index) =>
        JSON.stringify({
          source: words[index % 4]!,
          target: Array.from(words[index % 4]!.toUpperCase()).join(" "),
        }),
      ),
    );
    expect(settings).toMatchObject({
      data: { train: expect.stringContaining("words.jsonl") as string },
      tokenizer: { kind: "symbols" },
    });
    expect(text).toContain("targets have only 3 different words");
    expect(settings.data).not.toHaveProperty("fields");
  });

  test("JSON answers and prose get suitable metrics", async () => {
    const call = (index: number): string =>
      JSON.stringify({
        source: `light ${index}`,
        target: JSON.stringify({ name: "light", arguments: { level: index } }),
      });
    expect((await recipeFor("calls.jsonl", lines(40, call))).settings).toMatchObject({
      metrics: ["jsonExactMatch"],
    });
    const prose = (index: number): string =>
      `text ${index}\tThis is sentence number ${index} of a rather long summary that has no single right form.`;
    expect((await recipeFor("prose.tsv", `document\tsummary\n${lines(120, prose)}`)).settings).toMatchObject({
      data: { fields: { source: "document", target: "summary" } },
      metrics: ["rougeL"],
    });
  });
});

describe("slm init proposes limits", () => {
  test("a minimum above the most frequent label", async () => {
    const label = (index: number): string => (index % 4 === 0 ? "no" : "yes");
    const { settings } = await recipeFor(
      "labels.csv",
      `text,label\n${lines(200, (index) => `text ${index},${label(index)}`)}`,
    );
    expect(settings).toMatchObject({ metrics: ["exactMatch"], quantize: { gate: { limit: 0.76 } } });
  });

  test("a dev split of at least 200 rows", async () => {
    const { recipe } = await recipeFor("many.csv", `text,label\n${lines(2450, (i) => `text ${i},${i % 7}`)}`);
    const output = join(root, "many-rows");
    const prepared = await runCommand("data:prepare", [recipe, "--out", output, "--json"]);
    expect(prepared.exitCode, prepared.stderr).toBe(0);
    const dev = (await readFile(join(output, "data", "dev.jsonl"), "utf8")).trim().split("\n");
    expect(dev.length).toBeGreaterThanOrEqual(200);
  });

  test("the share of records that cannot be read, and says how many there are", async () => {
    const rows = lines(200, (index) => (index % 20 === 7 ? `,${index}` : `text ${index},${index}`));
    const found = await recipeFor("dirty.csv", `text,label\n${rows}`);
    expect(found.settings).toMatchObject({ data: { maxRejected: 0.05 } });
    expect(found.json).toMatchObject({ result: { rows: 190, rejected: 10 } });
    expect(found.stderr).toContain("10 of 200 records cannot be read and are left out; line 9: ");
    expect((await runCommand("run", [found.recipe, "--dry-run", "--json"])).exitCode).toBe(0);
  });
});

describe("slm init rejects", () => {
  test.each([
    ["a file that is not there", 66, [], "no such file"],
    ["a column that is not there", 2, ["text,label\n1,2\n", "--source", "title"], "'title' does not exist"],
    [
      "one column for both sides",
      2,
      ["id,text\n1,2\n", "--source", "id", "--target", "id"],
      "different columns",
    ],
    ["a file without rows", 65, ["source,target\n"], "expected at least one record"],
  ] as const)("%s, and writes nothing", async (_name, exitCode, [content, ...flags], message) => {
    const data = join(root, "wrong.csv");
    if (content === undefined) await rm(data, { force: true });
    else await writeFile(data, content);
    const recipe = join(root, "never.yaml");
    const outcome = await runCommand("init", ["--yes", "--data", data, "-o", recipe, ...flags]);
    expect([outcome.exitCode, outcome.stderr]).toEqual([exitCode, expect.stringContaining(message)]);
    await expect(readFile(recipe)).rejects.toThrow("ENOENT");
  });
});
