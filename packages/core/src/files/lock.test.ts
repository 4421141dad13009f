import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { temporaryFolder, withCode } from "../testing/index.js";
import { withLock } from "./lock.js";

const root = temporaryFolder({ each: true });
const target = join(root, "run");

/** The files of a process that had the lock and was killed with SIGKILL. */
async function leaveLockOf(pid: number, host = hostname()): Promise<void> {
  await mkdir(`${target}.lock`);
  await writeFile(`${target}.lock.json`, JSON.stringify({ pid, host, since: "2026-01-01T00:00:00.000Z" }));
}

async function deadPid(): Promise<number> {
  const child: ChildProcess = spawn(process.execPath, ["-e", ""]);
  await once(child, "exit");
  return child.pid ?? 0;
}

describe(withLock, () => {
  test("returns the body's result and deletes its files", async () => {
    expect(await withLock(target, () => Promise.resolve(42))).toBe(42);
    expect(await readdir(root)).toEqual([]);
  });

  test("releases the lock if the body throws", async () => {
    await expect(withLock(target, () => Promise.reject(new Error("body")))).rejects.toThrow("body");
    expect(await readdir(root)).toEqual([]);
  });

  test("rejects while a living process has the lock, and names the process", async () => {
    await leaveLockOf(process.ppid);
    await expect(withLock(target, () => Promise.resolve())).rejects.toMatchObject({
      code: "BUSY",
      exitCode: 75,
      context: { pid: process.ppid },
    });
  });

  test("takes over the lock of a dead process at once, and only one of many processes gets it", async () => {
    await leaveLockOf(await deadPid());
    let inside = 0;
    let most = 0;
    const takers = Array.from({ length: 5 }, () =>
      withLock(target, async () => {
        most = Math.max(most, ++inside);
        await new Promise((resolve) => setTimeout(resolve, 30));
        inside--;
      }).then(
        () => "ran",
        (error: unknown) => (error instanceof Error && "code" in error ? error.code : error),
      ),
    );
    const outcomes = await Promise.all(takers);
    expect(most).toBe(1);
    expect(outcomes).toContain("ran");
    expect(outcomes.every((outcome) => outcome === "ran" || outcome === "BUSY")).toBe(true);
  });

  test("reports at once that its files cannot be written", async () => {
    const start = performance.now();
    await expect(withLock(join(root, "x".repeat(250)), () => Promise.resolve())).rejects.toMatchObject({
      code: "OUTPUT_FAILED",
      context: { systemCode: "ENAMETOOLONG" },
    });
    expect(performance.now() - start).toBeLessThan(5_000); // A lock that another process has is awaited for 10 s.
  });

  test("does not check processes on another machine", async () => {
    await leaveLockOf(await deadPid(), `not-${hostname()}`);
    await expect(withLock(target, () => Promise.resolve())).rejects.toMatchObject({ code: "BUSY" });
  });

  test("treats an unreadable record as an unknown holder", async () => {
    await mkdir(`${target}.lock`);
    await writeFile(`${target}.lock.json`, "{");
    await expect(withLock(target, () => Promise.resolve())).rejects.toThrow(withCode("BUSY"));
  });
});
