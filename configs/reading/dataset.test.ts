import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { dataConfig, prepareData, readAllRows, type Row } from "@slm/data";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Draw } from "../shared/draw.js";
import { debianFolder } from "../shared/testing/debian-folder.js";
import { questionsOn, UNANSWERABLE } from "./dataset.js";
import { absentIn, factsOf } from "./facts.js";
import { phrasesOf } from "./questions.js";

const module = fileURLToPath(new URL("./dataset.ts", import.meta.url));

describe(factsOf, () => {
  test.each([
    ["Squid is a caching proxy for the web.", [["identity", "caching proxy for the web"]]],
    ["It is written in C++ and runs everywhere.", [["language", "C++"]]],
    ["The engine is based on GTK 3, which is fast.", [["basis", "GTK 3"]]],
    ["This package contains the documentation (in HTML).", [["contents", "the documentation"]]],
    [
      "It supports many formats such as PNG.",
      [
        ["support", "many formats such as PNG"],
        ["example", "PNG"],
      ],
    ],
    [
      "It allows you to edit text. It requires a terminal.",
      [
        ["permission", "edit text"],
        ["need", "a terminal"],
      ],
    ],
    ["Tools developed by the Debian team.", [["author", "the Debian team"]]],
  ])("%s", (text, expected) => {
    expect(factsOf(text).map(({ kind, answer }) => [kind, answer])).toEqual(expected);
  });

  test("leaves out what a text states twice, which is not absent either", () => {
    const text = "It supports sound. It supports video.";
    expect(factsOf(text)).toEqual([]);
    expect(absentIn(text)).not.toContain("support");
    expect(absentIn(text)).toContain("author");
  });
});

test("held-out phrases do not occur in training", () => {
  const training = new Set(phrasesOf("training"));
  expect(phrasesOf("heldOut").filter((phrase) => training.has(phrase))).toEqual([]);
});

describe(questionsOn, () => {
  const pool = [
    { name: "edit", text: "It is written in Perl. It allows you to edit text." },
    { name: "play", text: "It supports sound. It was developed by Ann Lee." },
    { name: "draw", text: "It is based on GTK 3. It requires a mouse." },
  ];
  const many = Array.from({ length: 400 }, (_, row) => [
    ...questionsOn(pool[row % 3]!, pool, { draw: new Draw(1, row), set: "training", neighbours: 2 }),
  ]).flat();

  test("answers are words of the subject's own text, and a fifth of the questions has none", () => {
    const unanswerable = many.filter(({ target }) => target === UNANSWERABLE);
    expect(unanswerable.length / many.length).toBeGreaterThan(0.17);
    expect(unanswerable.length / many.length).toBeLessThan(0.23);
    for (const { source, target } of many) {
      const [question = "", context = ""] = source.split(" context: ");
      const subject = pool.find(({ name }) => new RegExp(String.raw`\b${name}\b`, "u").test(question))!;
      for (const { name, text } of pool) expect(context).toContain(`${name}: ${text}`);
      if (target !== UNANSWERABLE) expect(subject.text).toContain(target);
    }
  });
});

describe("the rows", () => {
  let root = "";
  let index = "";
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), "slm-reading-"));
    const entries = Array.from({ length: 60 }, (_, at) => ({
      name: `tool${at}`,
      section: "utils",
      synopsis: "a tool",
      lines: [
        `Tool${at} is a program of kind ${at}. It is written in Perl ${at}. It supports format ${at} of the year.`,
      ],
    }));
    index = await debianFolder(entries, ["en"]);
  });
  afterAll(async () => {
    for (const folder of [root, index]) await rm(folder, { recursive: true, force: true });
  });

  test("of the test have packages and phrases of their own", async () => {
    const source = { module, files: index };
    await prepareData(dataConfig.parse({ source, devFraction: 0.1 }), root);
    const read = (split: string): Promise<readonly Row[]> => readAllRows(join(root, `${split}.jsonl`));
    const namesIn = (rows: readonly Row[]): ReadonlySet<string> =>
      new Set(rows.flatMap(({ source: text }) => text.match(/tool\d+(?=: )/gu) ?? []));
    const [train, dev, held] = [await read("train"), await read("dev"), await read("test")];
    expect(Math.min(train.length, dev.length, held.length)).toBeGreaterThan(0);
    const seen = namesIn([...train, ...dev]);
    expect([...namesIn(held)].filter((name) => seen.has(name))).toEqual([]);
    for (const { source: text } of held) expect(text).not.toMatch(/^question: (?:what is|according to)/u);
  });
});
