import { SlmError } from "@slm/core";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { temporaryFolder, withCode } from "@slm/core/testing";
import { describe, expect, test } from "vitest";
import { dataConfig } from "../config/data-config.js";
import { namedFiles } from "../inputs/data-inputs.js";
import type { Split } from "../sampling/split.js";
import { prepared, putFile, type Prepared } from "../testing/prepared.test-support.js";

const SQUARES = fileURLToPath(new URL("../testing/squares.test-support.ts", import.meta.url));
const NO_SPLIT = { testFraction: 0, devFraction: 0 };

const root = temporaryFolder();

let counter = 0;

/** Writes a module and other files into a new folder. */
async function put(
  text: string,
  others: Readonly<Record<string, string>> = {},
  name = "dataset.ts",
): Promise<string> {
  const folder = join(root, `task-${counter++}`);
  await mkdir(folder);
  for (const [file, content] of Object.entries({ ...others, [name]: text }))
    await writeFile(join(folder, file), content);
  return join(folder, name);
}

const prepare = (module: string, settings: object = {}, data: object = NO_SPLIT): Promise<Prepared> =>
  prepared(root, { source: { module, ...settings }, ...data });

/** The error of a module; its path is shortened to the file name. */
async function rejection(module: string, settings: object = {}, data: object = NO_SPLIT): Promise<SlmError> {
  const outcome = await prepare(module, settings, data).catch((error: unknown) => error);
  if (!(outcome instanceof SlmError)) throw new Error("expected an SlmError", { cause: outcome });
  expect(outcome.message).toContain(module);
  return new SlmError(outcome.code, outcome.message.replaceAll(module, "dataset.ts"), {
    context: outcome.context,
    suggestions: outcome.suggestions,
  });
}

const sourcesOf = ({ rows }: Prepared, split: Split = "train"): readonly string[] =>
  rows[split].map(({ source }) => source);

describe("a dataset module", () => {
  test("in TypeScript checks its own settings, and may import files next to it and this package", async () => {
    const module = await put(
      `import { defineDataset, sfc32, type Example } from "@slm/data";
       import { named } from "./names.js";
       interface Settings { readonly rows: number }
       const settings = {
         safeParse: (given: object) => ({ success: true as const, data: { rows: 2, ...given } as Settings }),
       };
       export default defineDataset({
         settings,
         async *examples({ rows }: Settings): AsyncGenerator<Example> {
           for (let row = 0; row < rows; row++) yield { source: named(row), target: String(typeof sfc32(1, row)) };
         },
       });`,
      { "names.ts": "export const named = (row: number): string => `row ${row}`;" },
    );
    expect(sourcesOf(await prepare(module))).toEqual(["row 0", "row 1"]);
    expect(sourcesOf(await prepare(module, { rows: 3 }))).toHaveLength(3);
  });

  test.each([
    ["a function", `export default function* () { yield { source: "a", target: "b" }; };`],
    ["an object", `export default { examples: () => [{ source: "a", target: "b" }] };`],
  ])("in JavaScript exports %s", async (_name, text) => {
    const { rows } = await prepare(await put(text, {}, "dataset.mjs"));
    expect(rows.train).toEqual([{ source: "a", target: "b" }]);
  });

  test("provides test rows and unlabelled sources; a recipe's own test rows replace them", async () => {
    const module = await put(
      `export default {
         *examples() { for (let row = 0; row < 40; row++) yield { source: "train " + row, target: "T" }; },
         test: () => [{ source: "exam", target: "E", references: ["E", "F"] }],
         async *unlabelled() { yield* ["new", "exam", "new", "train 1"]; },
       };`,
    );
    const data = { devFraction: 0.2, unlabelled: { kind: "module" } };
    const { report, rows, unlabelled } = await prepare(module, {}, data);
    expect(rows.test).toEqual([{ source: "exam", target: "E", references: ["E", "F"] }]);
    expect(unlabelled).toEqual(["new"]);
    expect(report.unlabelled).toMatchObject({ rows: 1, duplicates: 1, known: { test: 1 } });
    const own = await putFile(root, [{ source: "own", target: "O" }]);
    const other = await prepare(module, {}, { ...data, test: own });
    expect(sourcesOf(other, "test")).toEqual(["own"]);
  });

  test("rejects entries with a reason and numbers them by position", async () => {
    const module = await put(
      `export default [{ source: "a", target: "b" }, { reject: "no word" }, { source: "c", target: "d" }];`,
    );
    const { report } = await prepare(module);
    expect(report).toMatchObject({ rows: 2, rejectedCount: 1 });
    expect(report.rejected).toEqual([{ file: "dataset.ts", line: 2, reason: "no word" }]);
  });

  test("draws images when they are written, each once", async () => {
    const { report, rows } = await prepare(SQUARES, {}, { testFraction: 0.3, devFraction: 0 });
    expect(report).toMatchObject({ rows: 16, images: { files: 8, widths: { max: 12 } } });
    expect(new Set(rows.train.map(({ image }) => image)).size).toBe(rows.train.length / 2);
  });

  test("may name image files in its own folder", async () => {
    const { output, rows } = await prepare(SQUARES);
    const [{ image = "" } = {}] = rows.train;
    const module = await put(`export default [{ source: "a", target: "b", image: "pictures/one.png" }];`);
    await mkdir(join(module, "..", "pictures"));
    await writeFile(join(module, "..", "pictures", "one.png"), await readFile(join(output, image)));
    expect((await prepare(module)).report.images).toMatchObject({ files: 1 });
    const outside = await put(`export default [{ source: "a", target: "b", image: "../one.png" }];`);
    await expect(prepare(outside)).rejects.toThrow(withCode("DATA_INVALID"));
  });

  test("is read again after an edit", async () => {
    const module = await put(`export default [{ source: "before", target: "b" }];`);
    expect(sourcesOf(await prepare(module))).toEqual(["before"]);
    await writeFile(module, `export default [{ source: "after", target: "b" }];`);
    expect(sourcesOf(await prepare(module))).toEqual(["after"]);
  });
});

describe("errors of a dataset module", () => {
  test("a missing file", async () => {
    const error = await rejection(join(root, "nowhere.ts"));
    expect([error.code, error.message]).toEqual([
      "INPUT_MISSING",
      "data: dataset.ts: this dataset module does not exist",
    ]);
  });

  const rows = (entries: string): string => `export default [{ source: "a", target: "b" }, ${entries}];`;

  test.each([
    ["export const examples = [];", "expected a default export, got exports examples"],
    [
      "export default { rows: [] };",
      "expected settings, examples, test, unlabelled, draw in the default export, got 'rows'",
    ],
    ["export default () => 5;", "expected examples to return an iterable of examples, got number"],
    ["throw new Error('no network');", "loading the module threw: no network"],
    ["export default { examples: ( };", "loading the module threw: ParseError"],
    [
      "export default function* () { yield { source: 'a', target: 'b' }; throw new Error('gone'); };",
      "examples, after 1 entries, threw: gone",
    ],
    [rows("7"), 'examples: entry 2: expected an object {"source", "target"}, got number'],
    [rows("{ reject: 'x', source: 'c' }"), "examples: entry 2: expected an example or { reject }, got both"],
    [
      rows("{ source: 'c', target: 'd', image: { drawnFrom: [], shows: 'x', width: 1, height: 1 } }"),
      "examples: entry 2: image: drawnFrom: expected a list of texts and finite numbers, got an empty list",
    ],
    [
      rows("{ source: 'c', target: 'd', image: { drawnFrom: [1], shows: 'x', width: 0, height: 1 } }"),
      "examples: entry 2: image: width: expected 1 to 16384 pixels, got 0",
    ],
    [
      rows("{ source: 'c', target: 'd', image: { drawnFrom: [1], shows: 'x', width: 1, height: 1 } }"),
      "examples: entry 2: the module needs a function 'draw' for this image",
    ],
  ])("%s", async (text, problem) => {
    const error = await rejection(await put(text));
    expect(error.code).toBe("DATA_INVALID");
    expect(error.message).toContain(`data: dataset.ts: ${problem}`);
    expect(error.suggestions).not.toEqual([]);
  });

  test("a missing package suggests npm install", async () => {
    const error = await rejection(await put(`import "@nobody/no-such-words"; export default [];`));
    expect(error.message).toContain("loading the module threw: Cannot find");
    expect(error.suggestions).toEqual(["npm install @nobody/no-such-words"]);
  });

  test("unlabelled sources that are missing or are not text", async () => {
    const data = { ...NO_SPLIT, unlabelled: { kind: "module" } };
    const without = await rejection(await put(rows("")), {}, data);
    expect(without.message).toContain("expected a function 'unlabelled'");
    const text = `export default { examples: () => [{ source: "a", target: "b" }], unlabelled: () => [3] };`;
    const wrong = await rejection(await put(text), {}, data);
    expect(wrong.message).toContain("unlabelled: entry 1: expected text, got number");
  });

  test.each([
    ["() => new Uint8Array(9)", "draw([1]): expected the bytes of a PNG file, got 9 bytes of another format"],
    ["() => { throw new Error('no font'); }", "draw([1]) threw: no font"],
  ])("draw: %s", async (draw, problem) => {
    const module = await put(
      `export default {
         examples: () => [{ source: "a", target: "b", image: { drawnFrom: [1], shows: "x", width: 1, height: 1 } }],
         draw: ${draw},
       };`,
    );
    const error = await rejection(module);
    expect([error.code, error.message]).toEqual(["DATA_INVALID", `data: dataset.ts: ${problem}`]);
  });

  test("an image whose size differs from the declared size", async () => {
    const { output, rows } = await prepare(SQUARES);
    const [{ image = "" } = {}] = rows.train;
    const bytes = (await readFile(join(output, image))).toString("base64");
    const module = await put(
      `export default {
         examples: () => [{ source: "a", target: "b", image: { drawnFrom: [1], shows: "x", width: 1, height: 2 } }],
         draw: () => Buffer.from("${bytes}", "base64"),
       };`,
    );
    expect((await rejection(module)).message).toContain("draw([1]): expected 1 x 2 pixels, got 12 x 12");
  });

  test("settings that its schema rejects, or settings without a schema", async () => {
    const module = await put(
      `const issues = [{ path: ["rows"], message: "expected a number, got text" }];
       export default { settings: { safeParse: () => ({ success: false, error: { issues } }) }, examples: () => [] };`,
    );
    await expect(prepare(module, { rows: "many" })).rejects.toMatchObject({
      code: "CONFIG_INVALID",
      message: "data.source.rows: expected a number, got text",
    });
    const plain = await put(rows(""));
    await expect(prepare(plain, { rows: 3 })).rejects.toMatchObject({
      code: "CONFIG_INVALID",
      message: `data.source.rows: expected no settings, because ${plain} has no settings schema, got 'rows'`,
    });
  });
});

describe("files of a dataset module", () => {
  test("are the module and all files that it names by relative paths; its code does not run", async () => {
    const module = await put(
      `import { a } from "./a.js";
       export * from './b';
       const c = await import("./c.mjs");
       const rows = new URL("./rows.jsonl", import.meta.url);
       import "some-package";
       import "./not-there.js";
       throw new Error("run");`,
      {
        "a.ts": `import type { D } from "./d.js"; export const a = 1;`,
        "b.ts": `export const b = 1;`,
        "c.mjs": `import "./dataset.js";`,
        "d.ts": `export type D = 1;`,
        "e.ts": `export {};`,
        "rows.jsonl": "{}",
      },
    );
    const config = dataConfig.parse({ source: { module } });
    expect((await namedFiles(config)).map(({ setting }) => setting)).toEqual(
      ["a.ts", "b.ts", "c.mjs", "d.ts", "dataset.ts", "rows.jsonl"].map((name) => `source.module/${name}`),
    );
  });
});
