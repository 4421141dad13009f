import { mkdtemp, readFile, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { temporaryFolder, withCode } from "@slm/core/testing";
import { MANIFEST_FILE, verifyDirectory, SlmError } from "@slm/core";
import fc from "fast-check";
import { pack, type Header } from "tar-stream";
import { beforeEach, describe, expect, test } from "vitest";
import { BUNDLE_LIMITS } from "./limits.js";
import { packBundle } from "./pack.js";
import { tarOf } from "./tar.js";
import { TINY_FILES, writeTinyBundle } from "./tiny-bundle.test-support.js";
import { unpackBundle } from "./unpack.js";

const root = temporaryFolder({ each: true });
let bundle: string;
let packed: string;

beforeEach(async () => {
  bundle = await writeTinyBundle(join(root, "bundle"));
  packed = join(root, "bundle.slm");
  await packBundle(bundle, packed);
});

/** An archive with the bundle's manifest and then an entry, whatever its header says. */
async function withSecondEntry(header: Partial<Header>): Promise<string> {
  const archive = pack();
  archive.entry({ name: MANIFEST_FILE }, await readFile(join(bundle, MANIFEST_FILE)));
  const entry = { name: "README.md", ...header };
  if (header.type === undefined) archive.entry(entry, "# tiny\n");
  else archive.entry(entry);
  archive.finalize();
  return written(await buffer(archive));
}

async function written(bytes: Uint8Array): Promise<string> {
  const file = join(root, "hostile.slm");
  await writeFile(file, bytes);
  return file;
}

describe(packBundle, () => {
  test("writes the same bytes for the same inputs at another time and in another directory", async () => {
    const again = await writeTinyBundle(join(root, "elsewhere"));
    await packBundle(again, join(root, "again.slm"));
    expect(await readFile(join(root, "again.slm"))).toEqual(await readFile(packed));
  });

  test("rejects a bundle that does not match its manifest, and writes nothing", async () => {
    await writeFile(join(bundle, "decoder.onnx"), "changed");
    await expect(packBundle(bundle, join(root, "bad.slm"))).rejects.toMatchObject({ code: "DATA_INVALID" });
    expect((await readdir(root)).sort()).toEqual(["bundle", "bundle.slm"]);
  });
});

describe(unpackBundle, () => {
  test("restores every file, and the manifest byte for byte", async () => {
    const target = join(root, "unpacked");
    await unpackBundle(packed, target);
    for (const [path, text] of Object.entries(TINY_FILES)) {
      expect(await readFile(join(target, path), "utf8")).toBe(text);
    }
    expect(await readFile(join(target, MANIFEST_FILE))).toEqual(await readFile(join(bundle, MANIFEST_FILE)));
    expect((await verifyDirectory(target)).problems).toEqual([]);
  });

  test("replaces an older bundle, but never a directory that is something else", async () => {
    const target = await writeTinyBundle(join(root, "target"));
    await unpackBundle(packed, target);
    const other = await mkdtemp(join(root, "notes-"));
    await writeFile(join(other, "notes.txt"), "mine");
    await expect(unpackBundle(packed, other)).rejects.toMatchObject({ code: "OUTPUT_FAILED" });
    expect(await readdir(other)).toEqual(["notes.txt"]);
  });

  test.each<readonly [string, Partial<Header>, RegExp]>([
    ["a path that climbs out", { name: "../README" }, /'\.\.' part/],
    ["an absolute path", { name: "/etc/cron.d/x" }, /absolute/],
    ["a symbolic link", { type: "symlink", linkname: "/etc/passwd" }, /of type 'symlink'/],
    ["a hard link", { type: "link", linkname: "/etc/passwd" }, /of type 'link'/],
    ["a device", { type: "character-device" }, /of type 'character-device'/],
    ["a directory", { type: "directory" }, /of type 'directory'/],
    ["a file nobody listed", { name: "more.txt" }, /not in the manifest/],
    ["a long extended header", { type: "pax-header" as Header["type"], size: 8 ** 10 }, /exceeds max size/],
    ["a path in an extended header", { name: "\u00fcber/../../x" }, /'\.\.' part/],
  ])("rejects %s and leaves nothing behind", async (_name, header, message) => {
    const file = await withSecondEntry(header);
    await expect(unpackBundle(file, join(root, "out"))).rejects.toThrow(message);
    expect((await readdir(root)).sort()).toEqual(["bundle", "bundle.slm", "hostile.slm"]);
  });

  test.each([
    ["escape sequences", "a\u001b[2J", /control character/],
    ["a mark that turns the direction", "a\u202egpj.exe", /change the text direction/],
    ["a device of Windows", "CON", /a device on Windows/],
    ["a name that differs in case only", "readme.md", /are the same file on some systems/],
  ])("rejects a manifest whose names hold %s, and leaves nothing behind", async (_name, path, message) => {
    const manifest = JSON.parse(await readFile(join(bundle, MANIFEST_FILE), "utf8")) as {
      outputs: { path: string }[];
    };
    manifest.outputs.push({ ...manifest.outputs[0]!, path });
    const contents = Buffer.from(JSON.stringify(manifest));
    const file = await written(await buffer(tarOf([{ path: MANIFEST_FILE, contents }])));
    await expect(unpackBundle(file, join(root, "out"))).rejects.toThrow(message);
    expect((await readdir(root)).sort()).toEqual(["bundle", "bundle.slm", "hostile.slm"]);
  });

  test("rejects a size that the manifest does not say, and an archive that is cut short", async () => {
    const archive = tarOf([
      { path: MANIFEST_FILE, contents: join(bundle, MANIFEST_FILE) },
      { path: "README.md", contents: Buffer.from("# tiny") },
    ]);
    const file = await written(await buffer(archive));
    await expect(unpackBundle(file, join(root, "out"))).rejects.toThrow(withCode("DATA_INVALID"));
    await written((await readFile(packed)).subarray(0, -1400));
    await expect(unpackBundle(file, join(root, "out"))).rejects.toMatchObject({ code: "DATA_INVALID" });
  });

  test("rejects more files and more bytes than its limits", async () => {
    const reject = (limits: object) =>
      expect(unpackBundle(packed, join(root, "out"), { ...BUNDLE_LIMITS, ...limits })).rejects;
    await reject({ files: 2 }).toThrow(withCode("DATA_INVALID"));
    await reject({ totalBytes: 706 }).toThrow(withCode("DATA_INVALID"));
    await reject({ manifestBytes: 10 }).toThrow(withCode("DATA_INVALID"));
  });

  test("rejects a link in place of the archive's directory entries even when it is put next to the files", async () => {
    await symlink("/etc/passwd", join(bundle, "link"));
    await expect(packBundle(bundle, join(root, "x.slm"))).rejects.toThrow(withCode("DATA_INVALID"));
  });

  test("a corrupt archive is unpacked to the same files or rejected, and nothing else appears", async () => {
    const original = await readFile(packed);
    const change = fc.record({
      at: fc.nat({ max: original.length - 1 }),
      byte: fc.nat({ max: 255 }),
      cut: fc.boolean(),
    });
    const property = fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 3 }), async (changes) => {
      let bytes = Buffer.from(original);
      for (const { at, byte, cut } of changes) {
        if (cut) bytes = bytes.subarray(0, at);
        else if (at < bytes.length) bytes[at] = byte;
      }
      await writeFile(join(root, "corrupt.slm"), bytes);
      const target = join(root, "corrupt");
      const outcome = await unpackBundle(join(root, "corrupt.slm"), target).then(
        () => "unpacked",
        (error: unknown) => (error instanceof SlmError ? error.code : error),
      );
      expect(["unpacked", "DATA_INVALID"]).toContain(outcome);
      const left = (await readdir(root)).filter(
        (name) => !["bundle", "bundle.slm", "corrupt.slm"].includes(name),
      );
      expect(left).toEqual(outcome === "unpacked" ? ["corrupt"] : []);
      await rm(target, { recursive: true, force: true });
    });
    await fc.assert(property, { numRuns: 60 });
  });
});
