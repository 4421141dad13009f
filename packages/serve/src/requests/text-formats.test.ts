import { trainSymbolTokenizer } from "@slm/tokenizer";
import { describe, expect, test } from "vitest";
import { TextFormats, formatFor, type TextFormat } from "./text-formats.js";

const COPIED = {
  kind: "schema",
  schema: JSON.stringify({ type: "string", "x-copied": true }),
} as const satisfies TextFormat;

describe(formatFor, () => {
  test("passes the answer's source to a schema with copied strings, which requires it", () => {
    const files = trainSymbolTokenizer({ sources: ["a"], targets: ['"'], sourceLowercase: false });
    const formats = new TextFormats(files, 2);
    expect(() => formats.constraintOf(COPIED)).toThrow(/needs a source/);
    const format = formatFor(COPIED, "abc");
    expect(format).toEqual({ ...COPIED, source: "abc" });
    expect(() => formats.constraintOf({ ...COPIED, source: "abc" })).not.toThrow();
  });

  test("leaves other formats as they are, so that all requests share one grammar", () => {
    const formats: readonly TextFormat[] = [
      { kind: "text" },
      { kind: "object" },
      { kind: "schema", schema: JSON.stringify({ type: "string" }) },
    ];
    for (const format of formats) expect(formatFor(format, "abc")).toBe(format);
  });
});
