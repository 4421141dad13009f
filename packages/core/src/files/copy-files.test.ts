import type * as FileSystem from "node:fs/promises";
import { copyFile, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { copyFiles } from "./copy-files.js";

vi.mock("node:fs/promises", async (original) => {
  const real = await original<typeof FileSystem>();
  return { ...real, copyFile: vi.fn(real.copyFile) };
});

test("a full disk is reported of the file that is written, not of the one that is read", async () => {
  const root = await mkdtemp(join(tmpdir(), "slm-copy-"));
  onTestFinished(() => rm(root, { recursive: true }));
  await writeFile(join(root, "graph.onnx"), "graph");
  const [path, dest] = [join(root, "graph.onnx"), join(root, "bundle", "graph.onnx")];
  const full = { code: "ENOSPC", syscall: "copyfile", path, dest };
  vi.mocked(copyFile).mockRejectedValueOnce(Object.assign(new Error("ENOSPC: no space left"), full));
  await expect(copyFiles(root, join(root, "bundle"), ["graph.onnx"])).rejects.toMatchObject({
    code: "OUTPUT_FAILED",
    message: expect.stringContaining(`cannot write ${dest}: no space is left`) as string,
  });
  await expect(copyFiles(root, join(root, "bundle"), ["missing"])).rejects.toMatchObject({ code: "ENOENT" });
});
