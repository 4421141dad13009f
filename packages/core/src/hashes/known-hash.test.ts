import { open, readFile, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { temporaryFolder } from "../testing/index.js";
import { hashFile, sha256 } from "./hash.js";
import { knownHash, KnownHashes } from "./known-hash.js";

const root = temporaryFolder({ each: true });
beforeEach(() => {
  vi.stubEnv("XDG_CACHE_HOME", join(root, "cache"));
});
afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});

const laterBy = (ms: number): void => {
  const now = Date.now();
  vi.spyOn(Date, "now").mockReturnValue(now + ms);
};
const kept = (): string => join(root, "cache", "slm", "file-hashes.json");

/** A file large enough for the cache on disk. Most of it is a hole, so it needs no disk space. */
async function largeFile(): Promise<string> {
  const path = join(root, "large");
  const handle = await open(path, "w");
  await handle.truncate(33 * 1024 * 1024);
  await handle.close();
  return path;
}

describe(knownHash, () => {
  test("is the hash of a file's current content, also if its size and modification time are the same", async () => {
    const path = join(root, "file");
    await writeFile(path, "one");
    await utimes(path, 1, 1);
    laterBy(10_000);
    expect(await knownHash(path)).toBe(sha256("one"));
    expect(await knownHash(path)).toBe(sha256("one"));
    await writeFile(path, "two");
    await utimes(path, 1, 1);
    expect(await knownHash(path)).toBe(sha256("two"));
  });

  test("of a file that has just changed is not cached", async () => {
    const path = await largeFile();
    expect(await knownHash(path)).toBe(await hashFile(path));
    await expect(readFile(kept())).rejects.toThrow("ENOENT");
  });

  test("of a large file is cached for other processes, for a day", async () => {
    const path = await largeFile();
    laterBy(10_000);
    const right = await knownHash(path);
    const wrong = "0".repeat(64);
    const memory = await readFile(kept(), "utf8");
    expect(memory).toContain(right);
    await writeFile(kept(), memory.replace(right, wrong));
    const inAnotherProcess = (): Promise<string> => new KnownHashes().of(path);
    expect(await inAnotherProcess()).toBe(wrong);
    laterBy(24 * 60 * 60 * 1000);
    expect(await inAnotherProcess()).toBe(right);
    await writeFile(kept(), "corrupt");
    expect(await inAnotherProcess()).toBe(right);
  });
});
