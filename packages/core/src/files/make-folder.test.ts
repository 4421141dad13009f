import { stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { temporaryFolder } from "../testing/index.js";
import { makeFolder } from "./make-folder.js";

const root = temporaryFolder({ each: true });

describe(makeFolder, () => {
  test("creates a folder and its parents, and accepts an existing one, also concurrently", async () => {
    const folder = join(root, "a", "b", "c");
    await Promise.all(Array.from({ length: 20 }, () => makeFolder(folder)));
    await makeFolder(folder);
    expect((await stat(folder)).isDirectory()).toBe(true);
  });

  test("rejects a path through a file, and a path that is a file", async () => {
    await writeFile(join(root, "file"), "");
    await expect(makeFolder(join(root, "file", "b"))).rejects.toMatchObject({ code: "ENOTDIR" });
    await expect(makeFolder(join(root, "file"))).rejects.toMatchObject({ code: "EEXIST" });
  });

  test.runIf(process.platform === "linux")("fails where the system cannot create folders", async () => {
    await expect(makeFolder("/proc/no-such-folder/b")).rejects.toMatchObject({ code: "ENOENT" });
  });
});
