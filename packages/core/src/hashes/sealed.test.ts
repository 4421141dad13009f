import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { temporaryFolder, withCode } from "../testing/index.js";
import { isSealed, isSealedFile, seal, UNSEALED } from "./sealed.js";
import { requireSealed, writeSealedJson } from "./sealed-json.js";

const root = temporaryFolder({ each: true });

const MARK = "sum=";
const sealed = (): Buffer => seal(Buffer.from(`before sum=${UNSEALED} and after`), MARK);

describe(seal, () => {
  test("replaces the placeholder with a checksum that detects every wrong byte", async () => {
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

  test("needs a placeholder", () => {
    expect(() => seal(Buffer.from("nothing"), MARK)).toThrow("no place");
    expect(isSealed(Buffer.from("nothing"), MARK)).toBe(false);
  });
});

describe(writeSealedJson, () => {
  test("writes a checksum that detects a wrong byte, and rejects a text without one", async () => {
    const file = join(root, "file.json");
    await writeSealedJson(file, { value: 0.1234, text: 'a "checksum": "b"' });
    const text = await readFile(file, "utf8");
    requireSealed(text, file);
    for (const wrong of [text.replace("0.1234", "0.1235"), JSON.stringify({ value: 1 })])
      expect(() => {
        requireSealed(wrong, file);
      }).toThrow(withCode("DATA_INVALID"));
  });
});
