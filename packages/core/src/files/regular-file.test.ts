import { execFileSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { temporaryFolder } from "../testing/index.js";
import { z } from "zod";
import { hashFile } from "../hashes/hash.js";
import { readJsonFile } from "./read-json.js";
import { openRegular, readRegular, streamRegular } from "./regular-file.js";

const directory = temporaryFolder({ each: true });

async function collect(pieces: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const piece of pieces) all.push(piece);
  return Buffer.concat(all);
}

/** All functions that read a file. */
const READERS: readonly (readonly [string, (path: string) => Promise<unknown>])[] = [
  ["openRegular", openRegular],
  ["readRegular", readRegular],
  ["streamRegular", (path) => collect(streamRegular(path))],
  ["hashFile", hashFile],
  ["readJsonFile", (path) => readJsonFile(path, z.unknown())],
];

describe("regular files", () => {
  test("are read completely, as bytes or in pieces", async () => {
    const path = join(directory, "file");
    const bytes = Buffer.alloc(3_000_000, "x");
    await writeFile(path, bytes);
    expect((await readRegular(path)).equals(bytes)).toBe(true);
    expect((await collect(streamRegular(path))).equals(bytes)).toBe(true);
  });

  test.skipIf(process.platform === "win32").each(READERS)(
    "%s rejects a pipe that nobody writes to, a socket, a device and a directory",
    async (_name, read) => {
      const pipe = join(directory, "pipe");
      execFileSync("mkfifo", [pipe]);
      await expect(read(pipe)).rejects.toMatchObject({ code: "INPUT_MISSING", context: { kind: "a pipe" } });
      await expect(read("/dev/zero")).rejects.toMatchObject({ code: "INPUT_MISSING" });
      await expect(read(directory)).rejects.toMatchObject({ code: "INPUT_MISSING" });
      const server = createServer().listen(join(directory, "socket"));
      await expect(read(join(directory, "socket"))).rejects.toThrow();
      server.close();
      await expect(read(join(directory, "none"))).rejects.toThrow(/no such file/i);
    },
  );
});
