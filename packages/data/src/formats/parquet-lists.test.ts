import { parquetSchema, type SchemaElement } from "hyparquet";
import { describe, expect, test } from "vitest";
import { listMending } from "./parquet-lists.js";

const LIST = { converted_type: "LIST" } as const;
const group = (name: string, num_children: number, more: Partial<SchemaElement> = {}): SchemaElement => ({
  name,
  num_children,
  repetition_type: "REQUIRED",
  ...more,
});
const leaf = (
  name: string,
  repetition_type: NonNullable<SchemaElement["repetition_type"]>,
): SchemaElement => ({
  name,
  repetition_type,
  type: "BYTE_ARRAY",
});

/** Applies the correction for a schema to a value that the library returned. */
function mended(value: unknown, ...schema: SchemaElement[]): unknown {
  const root = group("schema", 1);
  const tree = parquetSchema({ schema: [root, ...schema] });
  const mend = listMending(tree.children[0]!);
  return mend === undefined ? "nothing to mend" : mend(value);
}

describe(listMending, () => {
  const texts = [group("answers", 1, LIST), leaf("array", "REPEATED")];
  const records = [
    group("answers", 1, LIST),
    group("array", 2, { repetition_type: "REPEATED" }),
    leaf("text", "REQUIRED"),
    leaf("start", "REQUIRED"),
  ];
  const named = [
    group("answers", 1, LIST),
    group("array", 1, { repetition_type: "REPEATED" }),
    leaf("text", "REQUIRED"),
  ];

  test("does not change lists of three levels", () => {
    const list = group("list", 1, { repetition_type: "REPEATED" });
    expect(mended(["a"], group("answers", 1, LIST), list, leaf("element", "OPTIONAL"))).toBe(
      "nothing to mend",
    );
    expect(mended("a", leaf("text", "OPTIONAL"))).toBe("nothing to mend");
  });

  test("reads an empty list of repeated texts as empty, not as null", () => {
    expect(mended(null, ...texts)).toEqual([]);
    expect(mended(["a", "b"], ...texts)).toEqual(["a", "b"]);
  });

  test("keeps null if the list itself is optional", () => {
    expect(mended(null, group("answers", 1, { ...LIST, repetition_type: "OPTIONAL" }), texts[1]!)).toBeNull();
  });

  test("removes the level around repeated records", () => {
    expect(mended({ array: [{ text: "a", start: 1 }] }, ...records)).toEqual([{ text: "a", start: 1 }]);
  });

  test("restores the field name of repeated records with one field", () => {
    expect(mended(["a"], ...named)).toEqual([{ text: "a" }]);
  });

  test("corrects lists inside lists and records", () => {
    const inner = [group("array", 1, { ...LIST, repetition_type: "REPEATED" }), leaf("array", "REPEATED")];
    expect(mended([["a"], null], group("answers", 1, LIST), ...inner)).toEqual([["a"], []]);
    expect(mended({ answers: null }, group("row", 1), ...texts)).toEqual({ answers: [] });
  });
});
