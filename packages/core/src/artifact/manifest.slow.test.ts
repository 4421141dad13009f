import { mkdir, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { SlmError } from "../errors/slm-error.js";
import fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";
import { temporaryFolder } from "../testing/index.js";
import { contentHash, MANIFEST_FILE, readManifest, type Manifest } from "./manifest.js";
import { pathProblem, pathsProblem } from "../files/relative-path.js";
import { verifyDirectory } from "./verify.js";
import { writeArtifact } from "./write-artifact.js";

const root = temporaryFolder({ each: true });
let directory = "";
beforeEach(async () => {
  directory = join(root, "out");
  await writeArtifact(
    { directory, kind: "export", key: "k", inputs: [], settings: {}, origins: {}, seed: 0 },
    async (work) => {
      await writeFile(join(work, "a.bin"), Uint8Array.of(0, 1, 2, 3));
      await writeFile(join(work, "b.bin"), Uint8Array.of(9));
      return { parameters: 3 };
    },
  );
});

const problemsOf = async (): Promise<readonly string[]> =>
  (await verifyDirectory(directory)).problems.map(({ path, problem }) => `${path} ${problem}`);

describe(readManifest, () => {
  test("reports that a newer slm wrote a manifest of a later version, whatever it contains", async () => {
    const written = await readManifest(directory);
    const newer = { ...written, schemaVersion: 2, flavour: "new" };
    await writeFile(join(directory, MANIFEST_FILE), JSON.stringify(newer));
    await expect(readManifest(directory)).rejects.toMatchObject({
      code: "DATA_INVALID",
      message: expect.stringContaining("written by a newer slm: upgrade (schemaVersion 2; slm ") as string,
    });
  });
});

describe(verifyDirectory, () => {
  test("detects files of another size, missing and extra files, and links", async () => {
    await writeFile(join(directory, "a.bin"), Uint8Array.of(0));
    await rm(join(directory, "b.bin"));
    await writeFile(join(directory, "c.bin"), "");
    await symlink("/etc/passwd", join(directory, "d.bin"));
    expect([...(await problemsOf())].sort()).toEqual([
      "a.bin changed",
      "b.bin missing",
      "c.bin extra",
      "d.bin symlink",
    ]);
  });

  test("reports a link in place of a listed file once, and does not follow it", async () => {
    await rm(join(directory, "a.bin"));
    await symlink("b.bin", join(directory, "a.bin"));
    expect(await problemsOf()).toEqual(["a.bin symlink"]);
  });
});

describe(readManifest, () => {
  test("names a missing file", async () => {
    await expect(readManifest(join(root, "nowhere"))).rejects.toMatchObject({ code: "INPUT_MISSING" });
  });

  test("rejects paths outside the directory, repeated paths and unknown fields", async () => {
    const pathsThat =
      (...paths: readonly string[]) =>
      (manifest: Manifest) => ({
        ...manifest,
        outputs: paths.map((path) => ({ ...manifest.outputs[0], path })),
      });
    const changes = [
      pathsThat("../../etc/passwd"),
      pathsThat("/etc/passwd"),
      pathsThat("a.bin", "a.bin"),
      pathsThat(MANIFEST_FILE),
      (manifest: Manifest) => ({ ...manifest, extra: 1 }),
    ];
    const original = await readManifest(directory);
    for (const change of changes) {
      await writeFile(join(directory, MANIFEST_FILE), JSON.stringify(change(original)));
      await expect(readManifest(directory)).rejects.toMatchObject({ code: "DATA_INVALID" });
    }
  });

  test("answers every corrupted manifest with an SlmError or a valid manifest, never with a crash", async () => {
    const bytes = Buffer.from(JSON.stringify(await readManifest(directory)));
    const mutation = fc.record({
      at: fc.nat(bytes.length - 1),
      remove: fc.nat(8),
      insert: fc.uint8Array({ maxLength: 4 }),
    });
    await fc.assert(
      fc.asyncProperty(mutation, async ({ at, remove, insert }) => {
        const corrupted = Buffer.concat([bytes.subarray(0, at), insert, bytes.subarray(at + remove)]);
        await writeFile(join(directory, MANIFEST_FILE), corrupted);
        const outcome = await verifyDirectory(directory).catch((error: unknown) => error);
        if (outcome instanceof Error) expect(outcome).toBeInstanceOf(SlmError);
      }),
      { numRuns: 300 },
    );
  });
});

describe(contentHash, () => {
  const contentOf = async (name: string, times: string, content = "weights"): Promise<string> => {
    const spec = { kind: "checkpoint", key: "k", inputs: [], settings: {}, origins: {}, seed: 0 } as const;
    const target = join(root, name);
    await writeArtifact({ ...spec, directory: target, records: ["log", "events"] }, async (work) => {
      await mkdir(join(work, "member", "events"), { recursive: true });
      await writeFile(join(work, "model"), content);
      await writeFile(join(work, "log"), times);
      await writeFile(join(work, "member", "events", times), times);
      return {};
    });
    return contentHash(await readManifest(target));
  };

  test("does not depend on times and speeds of the run, only on its output", async () => {
    expect(await contentOf("one", "1 s")).toBe(await contentOf("two", "2 s"));
    expect(await contentOf("three", "1 s", "other weights")).not.toBe(await contentOf("four", "1 s"));
  });
});

describe(pathsProblem, () => {
  test.each([
    [["model.onnx", "tokenizer/CON"], 1, "'CON' is the name of a device on Windows"],
    [["nul.txt"], 0, "'nul.txt' is the name of a device on Windows"],
    [["lpt\u00b9"], 0, "is the name of a device"],
    [["a\u202egpj.exe"], 0, "invisible or change the text direction"],
    [["a\u200b"], 0, "invisible"],
    [["a\u001b[2J"], 0, "control character"],
    [["a."], 0, "ends in a dot or a space"],
    [["a /b"], 0, "ends in a dot or a space"],
    [["a?"], 0, "which Windows does not allow"],
    [["Model.onnx", "model.onnx"], 1, "'model.onnx' and 'Model.onnx' are the same file on some systems"],
    [["\u00e9", "e\u0301"], 1, "are the same file"],
    [["a", "a"], 1, "'a' is listed twice"],
    [["a", "A/b"], 1, "'A/b' is inside 'a', which is a file"],
    [["a/b", "a"], 1, "are the same file"],
  ])("rejects %j", (paths, index, problem) => {
    expect(pathsProblem(paths)).toEqual({ index, problem: expect.stringContaining(problem) as string });
  });

  test("accepts portable paths", () => {
    expect(
      pathsProblem(["a", "b/c", "b/d.json", ".hidden", "console.log", "ü/漢字", "com10"]),
    ).toBeUndefined();
  });
});

describe(pathProblem, () => {
  test("accepts only nested relative paths", () => {
    for (const path of ["a", "a/b.c", ".hidden", "a b/ü"]) expect(pathProblem(path)).toBeUndefined();
    const wrong = ["", "/a", "a/../b", "./a", "a//b", "a/", "a\\b", "C:/a", "a\0", "..", "a\n", "\ud800"];
    for (const path of [...wrong, "x".repeat(5000)]) expect(pathProblem(path), path).toBeDefined();
  });
});
