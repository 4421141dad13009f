import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder } from "@slm/core/testing";
import { SlmError } from "@slm/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { MAX_LINE_BYTES } from "../rows/limits.js";
import { all } from "../testing/prepared.test-support.js";
import { readAllRows, readRows, scanRows, type ScannedLine } from "./read-rows.js";
import type { Row } from "../rows/row.js";

const directory = temporaryFolder();
const path = join(directory, "rows.jsonl");

const A = '{"source":"a","target":"AH"}';
const B = '{"source":"bé😀","target":"B IY","references":["B IY","B EH"]}';

async function scan(content: string | Uint8Array): Promise<readonly ScannedLine[]> {
  await writeFile(path, content);
  return all(scanRows(path));
}

async function reasonFor(line: string | Uint8Array): Promise<string> {
  const [scanned] = await scan(line);
  return scanned !== undefined && "reason" in scanned ? scanned.reason : "a row";
}

describe(scanRows, () => {
  test.each([
    ["without a final newline", `${A}\n${B}`],
    ["with CRLF", `${A}\r\n${B}\r\n`],
    ["with a byte order mark", `\ufeff${A}\n${B}\n`],
  ])("reads the same rows from a file %s", async (_name, content) => {
    expect(await scan(content)).toEqual(await scan(`${A}\n${B}\n`));
  });

  test("skips empty lines, but counts them", async () => {
    expect((await scan(`\n${A}\n\r\n  \n${B}\n\n`)).map(({ line }) => line)).toEqual([2, 5]);
  });

  test("a byte order mark inside the file is not skipped", async () => {
    expect(await scan(`${A}\n\ufeff${A}\n`)).toMatchObject([{ line: 1 }, { line: 2, reason: /not JSON/ }]);
  });

  test.each([
    ["{", "not JSON"],
    ["[]", "got an empty list"],
    ['{"target":"X"}', "source: expected text, got nothing"],
    ['{"source":"a","target":" \\t"}', "target: expected text, got whitespace"],
    ['{"source":"a","target":"X","__proto__":{}}', 'unknown key "__proto__"'],
    ['{"source":"a","target":"X","references":[]}', "references: expected a list"],
    ['{"source":"a","target":"X","references":["X",""]}', "references[1]"],
    ['{"source":"a\\ud800","target":"X"}', "source: contains half a character"],
  ])("rejects %s", async (line, reason) => {
    expect(await reasonFor(line)).toContain(reason);
  });

  test("rejects bytes that are not UTF-8, and continues", async () => {
    const bytes = Buffer.concat([Buffer.from('{"source":"'), Buffer.of(0xff), Buffer.from(`"}\n${A}\n`)]);
    expect(await scan(bytes)).toMatchObject([
      { line: 1, reason: "not UTF-8 text" },
      { line: 2, row: { source: "a" } },
    ]);
  });

  test("rejects a line longer than the limit, and continues; a line at the limit is read", async () => {
    const frame = JSON.stringify({ source: "", target: "X" }).length;
    const fits = JSON.stringify({ source: "a".repeat(MAX_LINE_BYTES - frame), target: "X" });
    expect(fits).toHaveLength(MAX_LINE_BYTES);
    const lines = await scan(`${fits}\n${fits} \n${A}\n`);
    expect(lines.map((line) => "row" in line)).toEqual([true, false, true]);
    expect(lines[1]).toMatchObject({ line: 2, reason: new RegExp(`at most ${MAX_LINE_BYTES}`) });
  });

  test("survives extremely deep nesting", async () => {
    expect(await reasonFor("[".repeat(MAX_LINE_BYTES))).toContain("not JSON");
  });

  test("reads back whatever rows were written, across the chunks of the stream", async () => {
    const text = fc.string({ unit: "grapheme", minLength: 1 }).filter((value) => value.trim() !== "");
    const row = fc.record(
      { source: text, target: text, references: fc.array(text, { minLength: 1, maxLength: 3 }) },
      { requiredKeys: ["source", "target"] },
    );
    const property = fc.asyncProperty(fc.array(row), fc.constantFrom("\n", "\r\n"), async (rows, end) => {
      // Filler of odd length moves line breaks and multi-byte characters across the stream's 64 KiB chunk boundaries.
      const filler: Row = { source: "é".repeat(32_760 + rows.length), target: "X" };
      const written = [filler, ...rows, filler, ...rows];
      const lines = await scan(written.map((value) => JSON.stringify(value) + end).join(""));
      expect(lines).toEqual(written.map((value, index) => ({ line: index + 1, row: value })));
    });
    await fc.assert(property, { numRuns: 30 });
  });

  test("corrupt bytes result only in rows or rejections, each with a line of the file", async () => {
    const original = Buffer.from(`\ufeff${A}\r\n${B}\n\n${A}\n${B}\n`);
    const edit = fc.tuple(fc.nat({ max: original.length - 1 }), fc.nat({ max: 255 }), fc.nat({ max: 6 }));
    const property = fc.asyncProperty(fc.array(edit, { minLength: 1, maxLength: 6 }), async (edits) => {
      let bytes = original;
      for (const [at, byte, removed] of edits) {
        bytes = Buffer.concat([bytes.subarray(0, at), Buffer.of(byte), bytes.subarray(at + removed)]);
      }
      const last = bytes.filter((byte) => byte === 0x0a).length + 1;
      for (const scanned of await scan(bytes)) {
        expect(scanned.line).toBeGreaterThanOrEqual(1);
        expect(scanned.line).toBeLessThanOrEqual(last);
        if ("reason" in scanned) expect(scanned.reason).not.toBe("");
        else
          expect(
            Object.keys(scanned.row).every((key) => ["source", "target", "references"].includes(key)),
          ).toBe(true);
      }
    });
    await fc.assert(property, { numRuns: 300 });
  });
});

describe(readRows, () => {
  test("stops at the first line that is not a row and names it", async () => {
    await writeFile(path, `${A}\n\n{"source":"b"}\n`);
    const rows: Row[] = [];
    const reading = (async () => {
      for await (const row of readRows(path)) rows.push(row);
    })();
    await expect(reading).rejects.toMatchObject({ code: "DATA_INVALID", context: { line: 3 } });
    expect(rows).toHaveLength(1);
  });

  test("says which file is missing", async () => {
    const missing = join(directory, "missing.jsonl");
    await expect(readAllRows(missing)).rejects.toMatchObject({
      code: "INPUT_MISSING",
      context: { path: missing },
    });
    await expect(readAllRows(directory)).rejects.toMatchObject({ code: "INPUT_MISSING" });
  });
});

describe(readAllRows, () => {
  test.each(["", "\n\n", "\ufeff"])("rejects the file %j, which has no rows", async (content) => {
    await writeFile(path, content);
    await expect(readAllRows(path)).rejects.toBeInstanceOf(SlmError);
  });
});
