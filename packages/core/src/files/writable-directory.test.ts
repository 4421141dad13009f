import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { temporaryFolder } from "../testing/index.js";
import { requireWritable } from "./writable-directory.js";

const root = temporaryFolder({ each: true });

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
