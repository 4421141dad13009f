import { mkdir, readFile, readdir, rename, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { temporaryFolder, withCode } from "../testing/index.js";
import { sha256 } from "../hashes/hash.js";
import { artifactInput, readManifest } from "./manifest.js";
import { verifyDirectory } from "./verify.js";
import { partialPath, putInPlace, recoverArtifact } from "./replace-artifact.js";
import { writeArtifact, type ArtifactSpec } from "./write-artifact.js";

const root = temporaryFolder({ each: true });
const specOf = (key: string, name = "out"): ArtifactSpec => ({
  directory: join(root, name),
  kind: "data",
  key,
  inputs: [],
  settings: { rows: 3 },
  origins: { rows: "recipe" },
  seed: 7,
});

async function writeOne(key: string, text: string): Promise<void> {
  await writeArtifact(specOf(key), async (work) => {
    await writeFile(join(work, "a.txt"), text);
    return { rows: 3 };
  });
}

describe(writeArtifact, () => {
  test("writes a directory that passes verification, and a manifest that describes it", async () => {
    await writeArtifact(specOf("k1"), async (work) => {
      await mkdir(join(work, "shards"));
      await writeFile(join(work, "shards", "0.bin"), Uint8Array.of(1, 2, 3));
      return { rows: 3, skipped: undefined };
    });
    const manifest = await readManifest(join(root, "out"));
    expect(manifest.outputs.map(({ path, bytes }) => [path, bytes])).toEqual([["shards/0.bin", 3]]);
    expect(manifest.details).toEqual({ rows: 3 });
    expect(manifest).toMatchObject({
      key: "k1",
      seed: 7,
      settings: { rows: 3 },
      origins: { rows: "recipe" },
    });
    expect((await verifyDirectory(join(root, "out"))).problems).toEqual([]);
    expect(await readdir(root)).toEqual(["out"]);
  });

  test("lists the files of an indexed folder in a separate file, which is checked like the manifest", async () => {
    const write = (): Promise<unknown> =>
      writeArtifact({ ...specOf("k1"), indexed: ["images", "absent"] }, async (work) => {
        await mkdir(join(work, "images", "train"), { recursive: true });
        for (const name of ["b", "a"]) await writeFile(join(work, "images", "train", name), name);
        await writeFile(join(work, "train.jsonl"), "{}");
        return {};
      });
    await write();
    const out = join(root, "out");
    const { outputs } = await readManifest(out);
    expect(outputs.map(({ path, isIndex }) => [path, isIndex])).toEqual([
      ["images/SHA256SUMS", true],
      ["train.jsonl", undefined],
    ]);
    const list = join(out, "images", "SHA256SUMS");
    const text = await readFile(list, "utf8");
    expect(text).toBe(`${sha256("a")}  train/a\n${sha256("b")}  train/b\n`);
    expect((await verifyDirectory(out)).problems).toEqual([]);

    await writeFile(join(out, "images", "train", "a"), "x");
    await writeFile(join(out, "images", "c"), "c");
    await rm(join(out, "images", "train", "b"));
    expect((await verifyDirectory(out)).problems.map(({ path, problem }) => [path, problem])).toEqual([
      ["images/c", "extra"],
      ["images/train/a", "changed"],
      ["images/train/b", "missing"],
    ]);
    await write();
    await writeFile(list, text.replace("train/a", "../a"));
    const rejected = (await verifyDirectory(out)).problems;
    expect(rejected[0]).toMatchObject({ path: "images/SHA256SUMS", problem: "changed" });
    await rm(list);
    expect((await verifyDirectory(out)).problems).toContainEqual(
      expect.objectContaining({ path: "images/SHA256SUMS", problem: "missing" }),
    );
  });

  test("keeps the old artifact if filling fails, and resumes unfinished work with the same key", async () => {
    await writeOne("k1", "old");
    const failing = writeArtifact(specOf("k2"), async (work) => {
      await writeFile(join(work, "checkpoint"), "step 10");
      throw new Error("pulled the plug");
    });
    await expect(failing).rejects.toThrow("pulled the plug");
    expect(await readFile(join(root, "out", "a.txt"), "utf8")).toBe("old");
    expect((await verifyDirectory(join(root, "out"))).problems).toEqual([]);

    await writeArtifact(specOf("k2"), async (work) => {
      expect(await readFile(join(work, "checkpoint"), "utf8")).toBe("step 10");
      return {};
    });
    expect((await readManifest(join(root, "out"))).outputs.map(({ path }) => path)).toEqual(["checkpoint"]);
    expect(await readdir(root)).toEqual(["out"]);
  });

  test("deletes failed work that cannot be resumed, including the folders created for it", async () => {
    const spec = (name: string): ArtifactSpec => ({ ...specOf("k", name), isResumable: false });
    const fail = (name: string): Promise<unknown> =>
      writeArtifact(spec(name), async (work) => {
        await writeFile(join(work, "half"), "");
        throw new Error("no good");
      });
    await expect(fail("deep/er/out")).rejects.toThrow("no good");
    expect(await readdir(root)).toEqual([]);
    await writeOne("k1", "old");
    await mkdir(partialPath(join(root, "out")), { recursive: true }); // files of a killed process
    await expect(fail("out")).rejects.toThrow("no good");
    expect(await readdir(root)).toEqual(["out"]);
    expect(await readFile(join(root, "out", "a.txt"), "utf8")).toBe("old");
    await mkdir(join(root, "mine"));
    await expect(fail("mine/out")).rejects.toThrow("no good");
    expect((await readdir(root)).sort()).toEqual(["mine", "out"]);
  });

  test("does not change a directory that is not slm's, or its parent folder", async () => {
    await mkdir(join(root, "mine", "thesis"), { recursive: true });
    await writeFile(join(root, "mine", "thesis", "text"), "years");
    const spec = { ...specOf("k", "mine/thesis"), isResumable: false };
    await expect(writeArtifact(spec, () => Promise.resolve({}))).rejects.toMatchObject({
      code: "OUTPUT_FAILED",
    });
    expect(await readdir(join(root, "mine"))).toEqual(["thesis"]);
  });

  test("deletes unfinished work with another key or an unreadable record", async () => {
    for (const record of ['{"key":"other"}', "{", ""]) {
      await mkdir(partialPath(join(root, "out")), { recursive: true });
      await writeFile(join(partialPath(join(root, "out")), ".work.json"), record);
      await writeFile(join(partialPath(join(root, "out")), "stale"), "");
      await writeOne("k1", "new");
      expect((await readManifest(join(root, "out"))).outputs.map(({ path }) => path)).toEqual(["a.txt"]);
    }
  });

  test("does not publish temporary files of a killed process in the work directory", async () => {
    await expect(
      writeArtifact(specOf("k"), async (work) => {
        await writeFile(join(work, "a.txt.4711.0badcafe.tmp"), "half");
        throw new Error("killed");
      }),
    ).rejects.toThrow("killed");
    await writeOne("k", "whole");
    expect((await readManifest(join(root, "out"))).outputs.map(({ path }) => path)).toEqual(["a.txt"]);
  });

  test("keeps finished work of a process that was killed just before the rename", async () => {
    await writeOne("k1", "whole");
    await rename(join(root, "out"), partialPath(join(root, "out")));
    await writeArtifact(specOf("k1"), async (work) => {
      expect(await readFile(join(work, "a.txt"), "utf8")).toBe("whole");
      return {};
    });
  });

  test("completes a replacement that was killed between its two renames", async () => {
    await writeOne("old", "old");
    // Build the exact state by hand: the complete new artifact in .partial, the old one in .previous, nothing at the target.
    await rename(join(root, "out"), join(root, "out.previous"));
    await writeArtifact(specOf("new", "other"), async (work) => {
      await writeFile(join(work, "a.txt"), "new");
      return {};
    });
    await rename(join(root, "other"), partialPath(join(root, "out")));
    await recoverArtifact(join(root, "out"));
    expect(await readFile(join(root, "out", "a.txt"), "utf8")).toBe("new");
    expect(await readdir(root)).toEqual(["out"]);
  });

  test("restores the old artifact if the new one is incomplete", async () => {
    await writeOne("old", "old");
    await rename(join(root, "out"), join(root, "out.previous"));
    await mkdir(partialPath(join(root, "out")));
    await recoverArtifact(join(root, "out"));
    expect(await readFile(join(root, "out", "a.txt"), "utf8")).toBe("old");
  });

  test("keeps the old artifact at its place if the new one cannot be moved there", async () => {
    await writeOne("old", "old");
    // There is no work directory, so the second rename fails.
    await expect(putInPlace(join(root, "out"))).rejects.toMatchObject({ code: "ENOENT" });
    expect(await readFile(join(root, "out", "a.txt"), "utf8")).toBe("old");
    expect(await readdir(root)).toEqual(["out"]);
  });

  test("rejects names among the outputs that Windows cannot have", async () => {
    const writing = writeArtifact(specOf("k"), async (work) => {
      await writeFile(join(work, "aux.txt"), "");
      return {};
    });
    await expect(writing).rejects.toMatchObject({ code: "OUTPUT_FAILED", message: /device on Windows/ });
  });

  test("rejects a second writer of the same directory", async () => {
    let finish: () => void = () => undefined;
    let begun: () => void = () => undefined;
    const begin = new Promise<void>((resolve) => (begun = resolve));
    const first = writeArtifact(specOf("k1"), async () => {
      begun();
      await new Promise<void>((resolve) => (finish = resolve));
      return {};
    });
    await begin;
    await expect(writeOne("k2", "second")).rejects.toMatchObject({
      code: "BUSY",
      context: { pid: process.pid },
    });
    finish();
    await first;
    expect((await readManifest(join(root, "out"))).key).toBe("k1");
  });

  test("reports a full disk as OUTPUT_FAILED, and says which data is safe", async () => {
    const full = writeArtifact(specOf("k"), () => {
      throw Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
    });
    await expect(full).rejects.toMatchObject({ code: "OUTPUT_FAILED", exitCode: 74 });
    await expect(full).rejects.toThrow(withCode("OUTPUT_FAILED"));
  });

  test("does not change the error of an input that cannot be read", async () => {
    const cause = Object.assign(new Error("EACCES"), { code: "EACCES", path: join(root, "corpus.txt") });
    await expect(writeArtifact(specOf("k"), () => Promise.reject(cause))).rejects.toBe(cause);
  });

  test("rejects symbolic links among the outputs", async () => {
    const linking = writeArtifact(specOf("k"), async (work) => {
      await symlink("/etc/passwd", join(work, "link"));
      return {};
    });
    await expect(linking).rejects.toThrow("symbolic link");
  });

  test("rejects a report that JSON would silently change", async () => {
    await expect(writeArtifact(specOf("k"), () => Promise.resolve({ loss: Number.NaN }))).rejects.toThrow(
      "$.loss",
    );
  });
});

describe(artifactInput, () => {
  test("depends on the content, not on the time or the key", async () => {
    await writeOne("k1", "same");
    const before = await artifactInput("data", join(root, "out"));
    await writeOne("k2", "same");
    expect(await artifactInput("data", join(root, "out"))).toEqual(before);
    await writeOne("k3", "other");
    expect((await artifactInput("data", join(root, "out"))).sha256).not.toBe(before.sha256);
  });
});
