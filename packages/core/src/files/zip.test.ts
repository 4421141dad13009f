import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { temporaryFolder } from "../testing/index.js";
import { openZip } from "./zip.js";

const root = temporaryFolder();

/** A central directory with one stored file and its header's position `at`, with or without the file. */
function archive(at: bigint, text = "hello"): Buffer {
  const local = Buffer.alloc(31);
  local.writeUInt32LE(0x04034b50, 0);
  local.writeUInt32LE(text.length, 18);
  local.writeUInt32LE(text.length, 22);
  local.writeUInt16LE(1, 26);
  local.write("a", 30);
  // The position is in the extra field of Zip64.
  const extra = Buffer.alloc(12);
  extra.writeUInt16LE(1, 0);
  extra.writeUInt16LE(8, 2);
  extra.writeBigUInt64LE(at, 4);
  const entry = Buffer.alloc(47);
  entry.writeUInt32LE(0x02014b50, 0);
  entry.writeUInt32LE(text.length, 20);
  entry.writeUInt32LE(text.length, 24);
  entry.writeUInt16LE(1, 28);
  entry.writeUInt16LE(extra.length, 30);
  entry.writeUInt32LE(0xffffffff, 42);
  entry.write("a", 46);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(1, 8);
  end.writeUInt16LE(1, 10);
  end.writeUInt32LE(entry.length + extra.length, 12);
  end.writeUInt32LE(local.length + text.length, 16);
  return Buffer.concat([local, Buffer.from(text), entry, extra, end]);
}

/** The text of the one file in an archive. */
async function contentOf(bytes: Buffer): Promise<string> {
  const path = join(root, "a.zip");
  await writeFile(path, bytes);
  const zip = await openZip(path);
  try {
    const parts: Buffer[] = [];
    for await (const entry of zip.eachEntry())
      for await (const part of await zip.openReadStreamPromise(entry)) parts.push(part as Buffer);
    return Buffer.concat(parts).toString();
  } finally {
    zip.close();
  }
}

describe(openZip, () => {
  test("reads the content of an archive", async () => {
    expect(await contentOf(archive(0n))).toBe("hello");
  });

  test.each([2n ** 32n, 2n ** 52n, 100n])(
    "rejects a file at position %i, outside the archive",
    async (at) => {
      await expect(contentOf(archive(at))).rejects.toThrow("outside the file");
    },
  );

  test.each([0, 1, 21, 40])("rejects an archive that has only its last %i bytes", async (length) => {
    const bytes = archive(0n);
    await expect(contentOf(bytes.subarray(bytes.length - length))).rejects.toThrow();
  });
});
