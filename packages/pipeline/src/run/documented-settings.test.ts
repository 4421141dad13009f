import { repository, repositoryFiles } from "@slm/core/testing";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import type { z } from "zod";
import { keysAt } from "../recipe/check-recipe.js";
import { flagLayers } from "../recipe/layers.js";
import { asMapping, dotted, valueAt, type Mapping } from "../recipe/mapping.js";
import { copiedPaths } from "../recipe/recipe-metrics.js";
import { recipeSchema } from "../recipe/resolve-recipe.js";
import { furtherSectionPattern, TARGET_STAGES } from "../stage/further-targets.js";
import { STAGES, sectionSchemas } from "./stage-table.js";

/** Pages that say what was, keys of files, and the generated reference. */
const OTHER = /^(CHANGELOG\.md|docs\/(log\.md|decisions\/|formats\/|reference\/))/;
const pages = repositoryFiles("*.md").filter((page) => !OTHER.test(page));
const read = (file: string): string => readFileSync(join(repository, file), "utf8");

const sections = sectionSchemas(STAGES);
const schema = recipeSchema(sections);

/** Part of a recipe; a flag does not say which alternative of a union it means. */
interface RecipePart {
  readonly value: Mapping;
  readonly isFlag: boolean;
}

/** The parts of recipes on a page: YAML blocks, and `--set` flags and variants of `slm sweep` without placeholders in capitals. */
function recipeParts(markdown: string): readonly RecipePart[] {
  const blocks = [...markdown.matchAll(/```ya?ml\n([^]*?)```/g)].map(([, block = ""]) =>
    asMapping(parse(block.replaceAll("...", ""), { merge: true })),
  );
  const sets = [...markdown.matchAll(/--set ((?:'[^'\n]*'|"[^"\n]*"|[^\s`'"])+)/g)].map(([, text = ""]) =>
    text.replaceAll(/'([^']*)'|"([^"]*)"/g, "$1$2"),
  );
  const variants = [...markdown.matchAll(/--variant '[\w-]+:([^'\n]+)'/g)].flatMap(([, text = ""]) =>
    text.split(";"),
  );
  const flags = [...sets, ...variants]
    .filter((text) => /^[a-z@]+(\.[a-zA-Z]+)*=/.test(text) && !/[$A-Z]{2}/.test(text))
    .flatMap((text) => flagLayers([text]).map(({ value }) => value));
  return [
    ...blocks.map((value) => ({ value, isFlag: false })),
    ...flags.map((value) => ({ value, isFlag: true })),
  ].flatMap(({ value, isFlag }) => {
    const entries = Object.entries(value ?? {}).map(([key, below]) => [sectionOf(key), below] as const);
    return entries.some(([key]) => key in sections) ? [{ value: Object.fromEntries(entries), isFlag }] : [];
  });
}

/** `export` for `export@npu`, a section of a further target. */
const sectionOf = (key: string): string =>
  TARGET_STAGES.find((stage) => new RegExp(furtherSectionPattern(stage)).test(key)) ?? key;

/** Keys and values in part of a recipe that the schema rejects. What is missing is not a mistake. */
function mistakes({ value, isFlag }: RecipePart): readonly string[] {
  const given = Object.fromEntries(Object.entries(value).filter(([, section]) => section !== null));
  const explain = (issues: readonly z.core.$ZodIssue[], base: readonly PropertyKey[]): readonly string[] =>
    issues.flatMap((issue) => {
      const path = [...base, ...issue.path];
      if (issue.code === "invalid_union" && issue.errors.length > 0)
        return issue.errors
          .map((branch) => explain(branch, path))
          .toSorted((a, b) => a.length - b.length)[0]!;
      if (issue.code === "unrecognized_keys")
        return issue.keys
          .filter((key) => !(isFlag && keysAt(schema, path).includes(key)))
          .map((key) => dotted([...path, key]));
      const isMissing = valueAt(given, path.map(String)) === undefined;
      return isMissing || issue.message.includes("of an extension")
        ? []
        : [`${dotted(path)}: ${issue.message}`];
    });
  const copies = [...copiedPaths(given)].map((path) => dotted(path));
  return [...copies, ...explain(schema.safeParse(given).error?.issues ?? [], [])];
}

/** The settings of all sections and groups: `distill`, `distill.loss`, `distill.loss.ctc`. */
const settings = Object.keys(sections).flatMap((section) => pathsBelow([section]));

function pathsBelow(path: readonly string[]): readonly string[] {
  return [path.join("."), ...keysAt(schema, path).flatMap((key) => pathsBelow([...path, key]))];
}

/** Code on a page that looks like a setting and is none. A setting may lack its section: `loss.ctc`. */
function unknownSettings(markdown: string): readonly string[] {
  const groups = settings.flatMap((path) => /^\w+\.(\w+)\./.exec(path)?.[1] ?? []);
  return [...markdown.matchAll(/`([a-z]\w+(?:\.[a-z]\w+)+)(?:[:=][^`\n]*)?`/g)]
    .map(([, name = ""]) => name)
    .filter((name) => !/\.(csv|html|jsonl?|safetensors|ts|ya?ml)$/.test(name))
    .filter((name) => [...Object.keys(sections), ...groups].includes(name.split(".")[0]!))
    .filter((name) => !settings.some((path) => path === name || path.endsWith(`.${name}`)));
}

test("the pages have recipes and flags", () => {
  const parts = pages.flatMap((page) => recipeParts(read(page)));
  expect(parts.filter(({ isFlag }) => !isFlag).length).toBeGreaterThan(25);
  expect(parts.filter(({ isFlag }) => isFlag).length).toBeGreaterThan(100);
});

describe.each(pages)("%s", (page) => {
  const markdown = read(page);

  test("has only valid settings in recipes and --set flags", () => {
    expect(recipeParts(markdown).flatMap((part) => mistakes(part))).toEqual([]);
  });

  test("names only settings that there are", () => {
    expect(unknownSettings(markdown)).toEqual([]);
  });
});

test("errors, help and comments in recipes suggest only settings that there are", () => {
  const sources = repositoryFiles("packages/*/src/*.ts", "apps/*/src/*.ts", "configs/*.yaml").filter(
    (file) => !/test/.test(file),
  );
  const suggested = sources.flatMap((file) =>
    [...read(file).matchAll(/--set '?([a-z]+(?:\.[a-z][a-zA-Z]*)+)=/g)].map(([, name]) => name),
  );
  expect(suggested.length).toBeGreaterThan(20);
  expect(suggested.filter((name) => !settings.includes(name!))).toEqual([]);
});
