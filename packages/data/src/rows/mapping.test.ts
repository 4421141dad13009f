import { describe, expect, test } from "vitest";
import { compileMapping, ROW_COLUMNS, type Columns, type MappingSettings } from "./mapping.js";
import { parseTemplate } from "./template.js";

const map = (settings: MappingSettings, columns: Columns): unknown =>
  compileMapping(settings, ROW_COLUMNS).rowOf(columns);

describe(parseTemplate, () => {
  test("parses a template; doubled braces and JSON are text", () => {
    expect(parseTemplate("translate: {text}")).toEqual([{ text: "translate: " }, { column: "text" }]);
    expect(parseTemplate('{"label": {"a": "{label}"}}')).toEqual([
      { text: '{"label": {"a": "' },
      { column: "label" },
      { text: '"}}' },
    ]);
    expect(parseTemplate("{{x}} {y z.w}")).toEqual([{ text: "{x}" }, { text: " " }, { column: "y z.w" }]);
    expect(parseTemplate("{} {")).toEqual([{ text: "{} {" }]);
  });
});

describe(compileMapping, () => {
  test("maps columns by name, by fields, by templates, and nested columns by dots", () => {
    expect(map({}, { source: "a", target: "b", other: 1 })).toEqual({ source: "a", target: "b" });
    expect(map({ fields: { source: "x", target: "y" } }, { x: "a", y: 2n })).toEqual({
      source: "a",
      target: "2",
    });
    expect(map({ fields: { source: "say {t.en}", target: "{n}" } }, { t: { en: "hi" }, n: true })).toEqual({
      source: "say hi",
      target: "true",
    });
    expect(
      map({ fields: { target: "a.b" } }, { source: "s", "a.b": "named", a: { b: "nested" } }),
    ).toMatchObject({
      target: "named",
    });
  });

  test("references are the target and the other answers, each once; an image is passed on", () => {
    const columns = { source: "a", target: "b", references: ["c", "b"], image: "x.png" };
    expect(map({}, columns)).toEqual({ source: "a", target: "b", references: ["b", "c"], image: "x.png" });
    expect(map({ fields: { references: "more" } }, { source: "a", target: "b", more: "c" })).toMatchObject({
      references: ["b", "c"],
    });
    expect(map({}, { ...columns, references: null, image: "" })).toEqual({ source: "a", target: "b" });
    expect(map({ fields: { target: "<{target}>" } }, columns)).toMatchObject({ target: "<b>" });
    expect(map({ fields: { target: "<{target}>" } }, columns)).not.toHaveProperty("references");
  });

  test.each([
    [
      { fields: { source: "x" } },
      { y: 1, target: "b" },
      "fields.source: column 'x' is missing; the columns are y, target",
    ],
    [{}, { source: null, target: "b" }, "source: expected text, got null"],
    [{}, { source: ["a"], target: "b" }, "source: expected text, got a list"],
    [{}, { source: 1e999, target: "b" }, "the number Infinity is too large to be exact as a double"],
    [{}, { source: 2 ** 53, target: "b" }, "too large to be exact as a double"],
    [{ fields: { source: "translate: {x}" } }, { x: " ", target: "b" }, "x: expected text, got none"],
    [{}, { source: new Uint8Array(1), target: "b" }, "source: contains bytes that are not UTF-8 text"],
    [{}, { source: "a", target: "b", references: [1] }, "references[1]: expected text, got number"],
    [{}, { source: "a", target: "b", references: 1 }, "references: expected a list"],
    [{}, { source: "a", target: "b\0" }, "target: contains a NUL character"],
  ])("with %j rejects %j", (settings, columns, reason) => {
    expect(map(settings, columns)).toContain(reason);
  });

  test("a column named __proto__ is an ordinary column, and an inherited name is not a column", () => {
    const columns = JSON.parse('{"__proto__": "a", "target": "b"}') as Columns;
    expect(map({ fields: { source: "__proto__" } }, columns)).toEqual({ source: "a", target: "b" });
    expect(map({ fields: { source: "constructor" } }, columns)).toContain("column 'constructor' is missing");
  });
});
