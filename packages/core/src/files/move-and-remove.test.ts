import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { writeFailure } from "../errors/file-error.js";
import { retryWhileOpen } from "./move-and-remove.js";

const failure = (code: string): Error => Object.assign(new Error(code), { code, syscall: "rename" });

/** Fails with the codes in order, then succeeds. */
function failing(...codes: readonly string[]) {
  const left = [...codes];
  let calls = 0;
  const operation = (): Promise<number> => {
    calls++;
    const code = left.shift();
    return code === undefined ? Promise.resolve(calls) : Promise.reject(failure(code));
  };
  return { operation, calls: () => calls };
}

describe(retryWhileOpen, () => {
  test("repeats on Windows while another program has the file open", async () => {
    const { operation } = failing("EPERM", "EBUSY", "EACCES", "ENOTEMPTY");
    await expect(retryWhileOpen(operation, join(tmpdir(), "a"), { platform: "win32" })).resolves.toBe(5);
  });

  test("does not repeat on Windows in a folder without write permission", async () => {
    const asked: string[] = [];
    const isWritable = (folder: string): Promise<boolean> => {
      asked.push(folder);
      return Promise.resolve(false);
    };
    const { operation, calls } = failing("EPERM");
    await expect(
      retryWhileOpen(operation, join("runs", "a"), { platform: "win32", isWritable }),
    ).rejects.toMatchObject({ code: "EPERM" });
    expect([calls(), asked]).toEqual([1, ["runs"]]);
  });

  test("does not repeat on Windows in a folder that does not exist", async () => {
    const { operation, calls } = failing("EPERM");
    const path = join(tmpdir(), "slm-no-such-folder", "a");
    await expect(retryWhileOpen(operation, path, { platform: "win32" })).rejects.toMatchObject({
      code: "EPERM",
    });
    expect(calls()).toBe(1);
  });

  test.each([
    ["linux", "EPERM"],
    ["win32", "ENOENT"],
    ["win32", "ENOSPC"],
  ] as const)("on %s, %s is final", async (platform, code) => {
    const { operation, calls } = failing(code);
    await expect(retryWhileOpen(operation, "a", { platform })).rejects.toMatchObject({ code });
    expect(calls()).toBe(1);
  });

  test("ends at the limit with an error that names the file and what to do", async () => {
    const endless = (): Promise<never> => Promise.reject(failure("EPERM"));
    const error: unknown = await retryWhileOpen(endless, "C:\\runs\\a", {
      platform: "win32",
      limitMs: 30,
      isWritable: () => Promise.resolve(true),
    }).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "EBUSY", path: "C:\\runs\\a", cause: { code: "EPERM" } });
    expect(writeFailure(error, "C:\\runs\\a", "it is unchanged")).toMatchObject({
      code: "OUTPUT_FAILED",
      message:
        "cannot write C:\\runs\\a: another program has it or a file in it open, or it is read-only (EBUSY); it is unchanged",
      suggestions: ["close the program that has it open, then run the same command again"],
    });
  });
});
