import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { temporaryFolder } from "@slm/core/testing";
import { dataConfig, prepareData, readAllRows, type Row } from "@slm/data";
import { beforeAll, describe, expect, test } from "vitest";
import { Draw } from "../shared/draw.js";
import { writeDebianIndex } from "../shared/testing/debian-folder.js";
import { questionsOn, UNANSWERABLE } from "./dataset.js";
import { absentIn, factsOf } from "./facts.js";
import { expand, phrasesOf } from "./questions.js";

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

test("expands a pattern into every combination of its alternatives", () => {
  expect(expand("{which|what} language is {the package |}*")).toEqual([
    "which language is the package *",
    "which language is *",
    "what language is the package *",
    "what language is *",
  ]);
});

test("held-out phrases do not occur in training, and their words do", () => {
  const words = (phrases: readonly string[]): readonly string[] => phrases.join(" ").split(/[\s,:?]+/u);
  for (const [at, heldOut] of phrasesOf("heldOut").entries()) {
    const training = phrasesOf("training")[at]!;
    expect(heldOut.length).toBeGreaterThan(0);
    expect(heldOut.filter((phrase) => training.includes(phrase))).toEqual([]);
    const known = new Set(words(training));
    expect(words(heldOut).filter((word) => !known.has(word))).toEqual([]);
  }
});

test("answers are words of the description, and a fifth of the questions has none", () => {
  const texts = [
    "It is written in Perl. It allows you to edit text.",
    "It supports sound. It was developed by Ann Lee.",
    "It is based on GTK 3. It requires a mouse.",
  ];
  const many = Array.from({ length: 400 }, (_, row) => {
    const text = texts[row % texts.length]!;
    return [...questionsOn({ name: "edit", text }, "training", new Draw(1, row))].map((example) => ({
      ...example,
      text,
    }));
  }).flat();
  const unanswerable = many.filter(({ target }) => target === UNANSWERABLE);
  expect(unanswerable.length / many.length).toBeGreaterThan(0.17);
  expect(unanswerable.length / many.length).toBeLessThan(0.23);
  for (const { source, target, text } of many) {
    const [question = "", context] = source.split(" context: ");
    expect(question).toMatch(/\bedit\b/u);
    expect(context).toBe(`edit: ${text}`);
    if (target !== UNANSWERABLE) expect(text).toContain(target);
  }
});

describe("the rows", () => {
  const root = temporaryFolder();
  const index = temporaryFolder();
  beforeAll(async () => {
    const entries = Array.from({ length: 60 }, (_, at) => ({
      name: `tool${at}`,
      section: "utils",
      synopsis: "a tool",
      lines: [
        `Tool${at} is a program of kind ${at}. It is written in Perl ${at}. It supports format ${at} of the year.`,
      ],
    }));
    await writeDebianIndex(index, entries, ["en"]);
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
    const questionsIn = (rows: readonly Row[]): ReadonlySet<string> =>
      new Set(rows.map(({ source: text }) => text.split(" context: ")[0]!.replaceAll(/tool\d+/gu, "*")));
    const known = questionsIn([...train, ...dev]);
    expect([...questionsIn(held)].filter((question) => known.has(question))).toEqual([]);
  });
});
