import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { temporaryFolder } from "../testing/index.js";
import { requireIntact } from "./intact.js";
import { MANIFEST_FILE, readManifest } from "./manifest.js";
import { writeArtifact } from "./write-artifact.js";

const root = temporaryFolder({ each: true });
let directory = "";
const FILES = ["a.bin", "scheme/model.json", "images/1.png", "images/SHA256SUMS"];
beforeEach(async () => {
  directory = join(root, "out");
  const spec = {
    directory,
    kind: "export",
    key: "k",
    inputs: [],
    settings: {},
    origins: {},
    seed: 0,
  } as const;
  await writeArtifact({ ...spec, indexed: ["images"], records: ["times"] }, async (work) => {
    for (const folder of ["scheme", "images"]) await mkdir(join(work, folder));
    await writeFile(join(work, "a.bin"), "0123");
    await writeFile(join(work, "scheme", "model.json"), "{}");
    await writeFile(join(work, "images", "1.png"), "picture");
    await writeFile(join(work, "times"), "1 s");
    return { note: "about" };
  });
});

/** Changes one bit of a file. */
async function flip(path: string, at: number): Promise<() => Promise<void>> {
  const bytes = await readFile(path);
  const corrupt = Buffer.from(bytes);
  corrupt[at]! ^= 1 << (at % 8);
  await writeFile(path, corrupt);
  return () => writeFile(path, bytes);
}

const outcome = (path: string): Promise<unknown> =>
  requireIntact(path).then(
    () => "intact",
    (error: unknown) => (error as { code?: unknown }).code,
  );

describe(requireIntact, () => {
  test("detects a wrong bit in any byte of any file, including the manifest and the list of a folder", async () => {
    expect(await outcome(directory)).toBe("intact");
    let flips = 0;
    for (const name of [...FILES, "times", MANIFEST_FILE]) {
      const path = join(directory, name);
      for (let at = 0; at < (await readFile(path)).length; at += 1) {
        const restore = await flip(path, at);
        expect(await outcome(directory), `${name}, byte ${at}`).toBe("DATA_INVALID");
        await restore();
        flips += 1;
      }
    }
    expect(flips).toBeGreaterThan(1000);
    expect(await outcome(directory)).toBe("intact");
  }, 300_000);

  test("of a part checks only that part, with the manifest above it", async () => {
    const restore = await flip(join(directory, "a.bin"), 0);
    expect(await outcome(join(directory, "scheme"))).toBe("intact");
    expect(await outcome(join(directory, "images", "1.png"))).toBe("intact");
    expect(await outcome(join(directory, "a.bin"))).toBe("DATA_INVALID");
    await restore();
    await flip(join(directory, "scheme", "model.json"), 0);
    expect(await outcome(join(directory, "scheme"))).toBe("DATA_INVALID");
    await rm(join(directory, "scheme", "model.json"));
    expect(await outcome(join(directory, "scheme"))).toBe("DATA_INVALID");
  });

  test("ignores a folder that is not read, and says how to restore a corrupt file", async () => {
    const restore = await flip(join(directory, "scheme", "model.json"), 0);
    await expect(requireIntact(directory, { except: ["scheme"] })).resolves.toBeUndefined();
    await expect(
      requireIntact(directory, { except: ["sch"], remake: "slm compile M" }),
    ).rejects.toMatchObject({
      code: "DATA_INVALID",
      suggestions: [`slm verify ${directory}`, "slm compile M"],
    });
    await flip(join(directory, "a.bin"), 0);
    await expect(requireIntact(directory, { except: ["scheme"] })).rejects.toMatchObject({
      code: "DATA_INVALID",
    });
    await restore();
  });

  test("ignores files that no manifest lists, and another program's manifest.json", async () => {
    await writeFile(join(directory, "notes.txt"), "mine");
    expect(await outcome(directory)).toBe("intact");
    const other = join(root, "app");
    await mkdir(other);
    await writeFile(join(other, MANIFEST_FILE), '{"name":"an app","icons":[]}');
    expect(await outcome(other)).toBe("intact");
    expect(await outcome(join(root, "nowhere"))).toBe("INPUT_MISSING");
  });

  test("accepts manifests of earlier versions, which have no checksum", async () => {
    const manifest = await readManifest(directory);
    await writeFile(join(directory, MANIFEST_FILE), JSON.stringify({ ...manifest, checksum: undefined }));
    expect(await outcome(directory)).toBe("intact");
    await flip(join(directory, "a.bin"), 0);
    expect(await outcome(directory)).toBe("DATA_INVALID");
  });
});
