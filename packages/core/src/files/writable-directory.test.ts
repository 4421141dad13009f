import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { requireWritable } from "./writable-directory.js";

let root = "";
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "slm-writable-"));
});
afterEach(() => rm(root, { recursive: true, force: true }));

describe(requireWritable, () => {
  test("accepts a directory, and a path where one can be created", async () => {
    await requireWritable(root);
    await requireWritable(join(root, "a", "b"));
  });

  test.each([["file"], ["file", "below"], ["file", "far", "below"]])(
    "rejects %s, where file is a file",
    async (...parts) => {
      await writeFile(join(root, "file"), "");
      await expect(requireWritable(join(root, ...parts))).rejects.toMatchObject({
        code: "OUTPUT_FAILED",
        context: { systemCode: "ENOTDIR" },
      });
    },
  );
});
