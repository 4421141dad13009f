import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";
import { isSealed, isSealedFile, seal, UNSEALED } from "./sealed.js";
import { readSealedJson, writeSealedJson } from "./sealed-json.js";

let root = "";
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "slm-sealed-"));
});
afterEach(() => rm(root, { recursive: true }));

const MARK = "sum=";
const sealed = (): Buffer => seal(Buffer.from(`before sum=${UNSEALED} and after`), MARK);

describe(seal, () => {
  test("puts a checksum of everything else in its place, which every wrong byte contradicts", async () => {
    const bytes = sealed();
    const file = join(root, "file");
    expect(isSealed(bytes, MARK)).toBe(true);
    for (let at = 0; at < bytes.length; at += 1) {
      const corrupt = Buffer.from(bytes);
      corrupt[at]! ^= 1 << (at % 8);
      await writeFile(file, corrupt);
      expect([isSealed(corrupt, MARK), await isSealedFile(file, MARK)], `byte ${at}`).toEqual([false, false]);
    }
    await writeFile(file, bytes);
    expect(await isSealedFile(file, MARK)).toBe(true);
    await writeFile(file, bytes.subarray(0, -1));
    expect(await isSealedFile(file, MARK)).toBe(false);
  });

  test("reads files of several pieces", async () => {
    const file = join(root, "large");
    const bytes = seal(Buffer.concat([Buffer.from(`sum=${UNSEALED}`), Buffer.alloc(3 << 20, 7)]), MARK);
    await writeFile(file, bytes);
    expect(await isSealedFile(file, MARK)).toBe(true);
    bytes[bytes.length - 1] = 8;
    await writeFile(file, bytes);
    expect(await isSealedFile(file, MARK)).toBe(false);
  });

  test("needs a place", () => {
    expect(() => seal(Buffer.from("nothing"), MARK)).toThrow("no place");
    expect(isSealed(Buffer.from("nothing"), MARK)).toBe(false);
  });
});

describe(readSealedJson, () => {
  const schema = z.strictObject({ value: z.number(), text: z.string() });

  test("gives what was written, and rejects a file with a wrong byte, or without a checksum", async () => {
    const file = join(root, "file.json");
    const value = { value: 0.1234, text: 'a "checksum": "b"' };
    await writeSealedJson(file, value);
    expect(await readSealedJson(file, schema)).toEqual(value);
    const text = await readFile(file, "utf8");
    await writeFile(file, text.replace("0.1234", "0.1235"));
    await expect(readSealedJson(file, schema)).rejects.toMatchObject({ code: "DATA_INVALID" });
    await writeFile(file, JSON.stringify(value));
    await expect(readSealedJson(file, schema)).rejects.toMatchObject({ code: "DATA_INVALID" });
  });
});
