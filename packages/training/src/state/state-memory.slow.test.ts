/** States and best weights are written and read tensor by tensor; a write that is killed leaves the previous file intact. */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { temporaryFolder } from "@slm/core/testing";
import { isTemporaryPath } from "@slm/core";
import { createHostTensor, type HostTensor } from "@slm/runtime";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { openSealedTensors, writeSealedTensors } from "./sealed-tensors.js";

const directory = temporaryFolder({ each: true });

const SCRIPT = fileURLToPath(new URL("../test-support/state-memory.mjs", import.meta.url));
const argvOf = (...argv: readonly string[]): string[] => ["--expose-gc", SCRIPT, ...argv];
const figures = z.object({ peak: z.number(), copied: z.number(), largest: z.number() });

const memoryOf = (...argv: readonly string[]): z.infer<typeof figures> =>
  figures.parse(JSON.parse(execFileSync(process.execPath, argvOf(...argv), { encoding: "utf8" })));

const MEBIBYTE = 2 ** 20;

describe("the host has only a few tensors of a state in memory at a time", () => {
  test("when it is saved, when it is read, and when its weights are among the best", async () => {
    const file = join(directory, "state.safetensors");
    for (const task of ["save", "read", "best"]) {
      const { peak, copied, largest } = memoryOf(task, file);
      expect(copied, task).toBeGreaterThan(30 * MEBIBYTE);
      // Two tensors, and the pieces in which files are read and hashed.
      expect(peak, task).toBeLessThan(2 * largest + 3 * MEBIBYTE);
      expect(peak, task).toBeLessThan(copied / 4);
    }
    expect((await stat(file)).size).toBeGreaterThan(90 * MEBIBYTE);
  });
});

test("a save that is killed in the middle leaves the state before it whole, and the next one is not in its way", async () => {
  const file = join(directory, "state.safetensors");
  memoryOf("save", file);
  const before = await readFile(file);
  const child = spawn(process.execPath, argvOf("save", file, "pause"), {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(child.stdout, "data");
  const half = (await readdir(directory)).filter(isTemporaryPath);
  expect(half).toHaveLength(1);
  expect((await stat(join(directory, half[0]!))).size).toBeGreaterThan(MEBIBYTE);
  child.kill("SIGKILL");
  await once(child, "exit");
  expect((await readFile(file)).equals(before)).toBe(true);
  await (await openSealedTensors(file)).close();
  memoryOf("save", file);
  await (await openSealedTensors(file)).close();
});

describe(writeSealedTensors, () => {
  const tensors = new Map<string, HostTensor>([
    ["a", createHostTensor("float32", [3], Float32Array.of(1, 2, 3))],
    ["b", createHostTensor("float32", [2, 2], Float32Array.of(4, 5, 6, 7))],
  ]);
  const deferred = new Map(
    [...tensors].map(([name, tensor]) => [name, { ...tensor, read: () => Promise.resolve(tensor) }]),
  );

  test("leaves the file unchanged, and no other files, if a tensor cannot be read", async () => {
    const file = join(directory, "sealed.safetensors");
    await writeSealedTensors(file, deferred);
    const before = await readFile(file);
    const failing = new Map(deferred).set("b", {
      ...tensors.get("b")!,
      read: () => Promise.reject(new RangeError("the device is gone")),
    });
    await expect(writeSealedTensors(file, failing)).rejects.toThrow("the device is gone");
    expect((await readFile(file)).equals(before)).toBe(true);
    expect(await readdir(directory)).toEqual(["sealed.safetensors"]);
  });
});
