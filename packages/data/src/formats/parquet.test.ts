import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { temporaryFolder, withCode } from "@slm/core/testing";
import { parquetWriteBuffer } from "hyparquet-writer";
import { describe, expect, test } from "vitest";
import { scanFile, type ScanSettings } from "./scan-file.js";
import { all } from "../testing/prepared.test-support.js";
import type { ScannedLine } from "./read-rows.js";

// Written by packages/data/fixtures/parquet-fixtures.py.
const fixture = (name: string): string =>
  fileURLToPath(new URL(`../../fixtures/${name}.parquet`, import.meta.url));

const directory = temporaryFolder();
const path = join(directory, "a.parquet");

async function scan(file: string, settings: ScanSettings = {}): Promise<readonly ScannedLine[]> {
  return all(scanFile(file, settings));
}

const FIELDS = { source: "text", target: "fr", references: "also" };

describe("Parquet", () => {
  const codecs = ["zstd", "gzip", "brotli", "lz4", "snappy", "none"];
  const encodings = ["zstd-v2", "delta-v2", "front-coded", "front-coded-v2"];
  test.each([...codecs, ...encodings])("reads what pyarrow writes: %s", async (name) => {
    const lines = await scan(fixture(name), { fields: FIELDS });
    expect(lines).toHaveLength(8);
    expect(lines[0]).toEqual({
      line: 1,
      row: { source: "a cat", target: "un chat", references: ["un chat", "x"] },
    });
    expect(lines[3]).toEqual({ line: 4, reason: "text: expected text, got null" });
    expect(lines[4]).toMatchObject({ line: 5, row: { source: "emoji 😀", target: "joie" } });
    expect(lines[6]).toMatchObject({ line: 7, row: { source: "line\nbreak", references: ["saut", "v"] } });
    const nested = await scan(fixture(name), {
      fields: { source: "{id}: {translation.en}", target: "{score}" },
    });
    expect(nested[1]).toEqual({ line: 2, row: { source: "1: two dogs", target: "1" } });
    expect(nested[2]).toMatchObject({ line: 3, reason: "score: expected text, got null" });
  });

  test("lists the existing columns if one is missing", async () => {
    await expect(scan(fixture("zstd"))).rejects.toMatchObject({ code: "CONFIG_INVALID" });
    await expect(scan(fixture("zstd"))).rejects.toThrow(withCode("CONFIG_INVALID"));
  });

  test("reads files of hyparquet-writer, and rejects text that is not UTF-8", async () => {
    const data = [new Uint8Array([0xff]), new Uint8Array([0x61])];
    const columnData = [
      { name: "source", data, type: "BYTE_ARRAY" as const },
      { name: "target", data: ["x", "y"], type: "STRING" as const },
    ];
    await writeFile(path, new Uint8Array(parquetWriteBuffer({ columnData })));
    expect(await scan(path)).toEqual([
      { line: 1, reason: "source: contains bytes that are not UTF-8 text" },
      { line: 2, row: { source: "a", target: "y" } },
    ]);
  });

  test.each([
    ["an empty file", 0, "bytes -8 to 0"],
    ["half a file", 1500, "does not end in PAR1"],
  ])("rejects %s", async (_name, size, reason) => {
    await writeFile(path, (await readFile(fixture("zstd"))).subarray(0, size));
    await expect(scan(path)).rejects.toMatchObject({ code: "DATA_INVALID" });
    await expect(scan(path)).rejects.toThrow(reason);
  });
});
