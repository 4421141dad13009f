import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder, withCode } from "@slm/core/testing";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { MAX_RECORD_BYTES } from "../rows/limits.js";
import { scanFile, type ScanSettings } from "./scan-file.js";
import { all } from "../testing/prepared.test-support.js";
import type { ScannedLine } from "./read-rows.js";

const directory = temporaryFolder();

async function put(name: string, content: string | Uint8Array): Promise<string> {
  const path = join(directory, name);
  await writeFile(path, content);
  return path;
}

async function scan(file: string, settings: ScanSettings = {}): Promise<readonly ScannedLine[]> {
  return all(scanFile(file, settings));
}

async function csv(
  content: string | Uint8Array,
  settings: ScanSettings = {},
): Promise<readonly ScannedLine[]> {
  return scan(await put("a.csv", content), settings);
}

const row = (line: number, source: string, target: string): ScannedLine => ({
  line,
  row: { source, target },
});

describe("CSV", () => {
  test("reads quoted fields with commas, quotes and line ends, and numbers records by their first line", async () => {
    const text = 'source,target\n"a, b","say ""x"""\n"two\nlines",T\nc,D\n';
    const expected = [row(2, "a, b", 'say "x"'), row(3, "two\nlines", "T"), row(5, "c", "D")];
    expect(await csv(text)).toEqual(expected);
    expect(await csv(`\ufeff${text.replaceAll("\n", "\r\n")}`)).toEqual(expected);
    expect(await csv(text.trimEnd())).toEqual(expected);
  });

  test("reads back whatever fields were written", async () => {
    const field = fc
      .string({ unit: "grapheme", minLength: 1 })
      .filter((text) => !/[\r\0]/u.test(text) && text.trim() !== "");
    const quote = (text: string): string => `"${text.replaceAll('"', '""')}"`;
    const property = fc.asyncProperty(fc.array(fc.tuple(field, field), { maxLength: 20 }), async (pairs) => {
      const lines = pairs.map((pair) => pair.map(quote).join(","));
      const rows = await csv(["source,target", ...lines, ""].join("\n"));
      expect(rows.map((one) => ("row" in one ? [one.row.source, one.row.target] : one))).toEqual(pairs);
    });
    await fc.assert(property, { numRuns: 60 });
  });

  test.each([
    ["a record of another length", "x\n", "1 fields, expected 2 as in the header"],
    ["a quote inside a field", 'a"b,c\n', "Invalid Opening Quote"],
    ["two quotes inside a field", 'a"b",c\n', "Invalid Opening Quote"],
    ["text behind a closing quote", '"a"b,c\n', "Invalid Closing Quote"],
    ["a quote that is never closed", '"a,b\n', "Quote Not Closed"],
    ["bytes that are not UTF-8", Buffer.from([0xff, 0x2c, 0x62, 0x0a]), "not UTF-8 text"],
    ["a NUL", "a\0,b\n", "source: contains a NUL character"],
    ["an empty field", ",b\n", "source: expected text, got an empty string"],
  ])("rejects %s, and goes on behind it", async (_name, corrupt, reason) => {
    const bytes = Buffer.concat([Buffer.from("source,target\n"), Buffer.from(corrupt), Buffer.from("c,D\n")]);
    const [bad, good] = await csv(bytes);
    expect(bad).toMatchObject({ line: 2, reason: expect.stringContaining(reason) as string });
    expect(good).toEqual(row(3, "c", "D"));
  });

  test("rejects a quote that stays open beyond the record limit, and reads the lines after it", async () => {
    const filler = `${"x".repeat(1000)},y\n`;
    const lines = Math.ceil(MAX_RECORD_BYTES / filler.length) + 1;
    const rows = await csv(`source,target\n"open,b\n${filler.repeat(lines)}`);
    expect(rows).toHaveLength(lines + 1);
    expect(rows[0]).toMatchObject({
      line: 2,
      reason: expect.stringContaining("Max Record Size") as string,
    });
    expect(rows.at(-1)).toMatchObject({ line: lines + 2, row: { target: "y" } });
  });

  test("accepts column names for a file without a header line", async () => {
    expect(await csv("a,b\nc,d\n", { columns: ["source", "target"] })).toEqual([
      row(1, "a", "b"),
      row(2, "c", "d"),
    ]);
  });

  test("rejects a header with a repeated column; an error for a missing column lists the existing ones", async () => {
    await expect(csv("a,a\n1,2\n")).rejects.toMatchObject({ code: "DATA_INVALID" });
    const missing = csv("id,text\n1,2\n", { fields: { source: "{text}", target: "{fr}" } });
    await expect(missing).rejects.toMatchObject({ code: "CONFIG_INVALID" });
    await expect(csv("id,text\n1,2\n", { fields: { source: "{text}", target: "{fr}" } })).rejects.toThrow(
      withCode("CONFIG_INVALID"),
    );
  });

  test.each([
    ["semicolons", 'source;target\n"a;,b";c\n', "a;,b"],
    ["tabs", "source\ttarget\na,b\tc\n", "a,b"],
    ["bars", "id|source|target\n1|a,b|c\n", "a,b"],
    ["commas", 'source,"tar;get",target\na;b,x,c\n', "a;b"],
  ])("finds %s by the columns of its header", async (_name, content, source) => {
    expect(await csv(content)).toEqual([row(2, source, "c")]);
  });

  test("finds the delimiter of a file without a header line by the number of its columns", async () => {
    expect(await csv("a,b;c\n", { columns: ["source", "target"], delimiter: ";" })).toEqual([
      row(1, "a,b", "c"),
    ]);
    expect(await csv("a;b\nc;d\n", { columns: ["source", "target"] })).toEqual([
      row(1, "a", "b"),
      row(2, "c", "d"),
    ]);
  });

  test("if no delimiter fits, lists the most likely columns and how to map them", async () => {
    await expect(csv("written;iso\n3 May;2024-05-03\n")).rejects.toMatchObject({
      message: expect.stringContaining("its columns are written, iso") as string,
      suggestions: expect.arrayContaining(['--set "data.fields={source: written, target: iso}"']) as string[],
    });
  });

  test("uses the configured delimiter; TSV accepts none", async () => {
    await expect(csv("source;target\na;b\n", { delimiter: "," })).rejects.toThrow(withCode("CONFIG_INVALID"));
    const path = await put("d.tsv", "source\ttarget\n");
    await expect(scan(path, { delimiter: ";" })).rejects.toMatchObject({ code: "CONFIG_INVALID" });
  });

  test("reads encodings of one byte if configured, and recognizes UTF-16", async () => {
    const bytes = Buffer.from("source,target\ncafé,x\n", "latin1");
    for (const encoding of ["latin1", "iso-8859-1", "windows-1252"] as const)
      expect(await csv(bytes, { encoding })).toEqual([row(2, "café", "x")]);
    expect(await csv(bytes)).toEqual([
      { line: 2, reason: "not UTF-8 text", hint: "--set data.encoding=latin1" },
    ]);
    await expect(csv(Buffer.from("\ufeffsource,target\n", "utf16le"))).rejects.toThrow(
      withCode("DATA_INVALID"),
    );
  });
});

test("TSV has tabs between fields, and quotes are text", async () => {
  const path = await put("a.tsv", 'source\ttarget\n5" screen, new\t"x\n');
  expect(await scan(path)).toEqual([row(2, '5" screen, new', '"x')]);
});

test("rejects a file with an unknown extension and lists the formats; the recipe can name the format", async () => {
  const path = await put("rows.data", '{"source":"a","target":"b"}\n');
  await expect(scan(path)).rejects.toMatchObject({ code: "CONFIG_INVALID" });
  expect(await scan(path, { format: "jsonl" })).toEqual([row(1, "a", "b")]);
});
