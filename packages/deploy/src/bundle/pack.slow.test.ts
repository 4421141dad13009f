import { mkdtemp, readFile, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder } from "@slm/core/testing";
import { MANIFEST_FILE, verifyDirectory, SlmError } from "@slm/core";
import fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";
import { BUNDLE_LIMITS } from "./limits.js";
import { packBundle } from "./pack.js";
import { TAR_BLOCK, encodeTarHeader, parseTarHeader } from "./tar-header.js";
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

/** A header whose fields were changed after it was made, with a checksum that is right again. */
function forged(path: string, bytes: number, change: (block: Buffer) => void): Buffer {
  const block = Buffer.from(encodeTarHeader({ path, bytes }));
  change(block);
  block.fill(" ", 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return block;
}

/** The archive with its second entry's header replaced. */
async function withSecondHeader(header: Uint8Array): Promise<string> {
  const bytes = Buffer.from(await readFile(packed));
  const manifest = parseTarHeader(bytes.subarray(0, TAR_BLOCK), packed)!;
  const at = TAR_BLOCK + Math.ceil(manifest.bytes / TAR_BLOCK) * TAR_BLOCK;
  bytes.set(header, at);
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

  test.each<readonly [string, string, (block: Buffer) => void, RegExp]>([
    ["a path that climbs out", "../README", () => undefined, /'\.\.' part/],
    ["an absolute path", "/etc/cron.d/x", () => undefined, /absolute/],
    ["a symbolic link", "README.md", (block) => block.write("2", 156), /a symbolic link/],
    ["a hard link", "README.md", (block) => block.write("1", 156), /a hard link/],
    ["a device", "README.md", (block) => block.write("3", 156), /a character device/],
    ["a directory", "README.md", (block) => block.write("5", 156), /a directory/],
    ["a file nobody listed", "more.txt", () => undefined, /not in the manifest/],
  ])("rejects %s and leaves nothing behind", async (_name, path, change, message) => {
    const file = await withSecondHeader(forged(path, 7, change));
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
    const text = Buffer.from(JSON.stringify(manifest));
    const header = encodeTarHeader({ path: MANIFEST_FILE, bytes: text.length });
    const padding = Buffer.alloc(((TAR_BLOCK - (text.length % TAR_BLOCK)) % TAR_BLOCK) + 2 * TAR_BLOCK);
    const file = join(root, "hostile.slm");
    await writeFile(file, Buffer.concat([header, text, padding]));
    await expect(unpackBundle(file, join(root, "out"))).rejects.toThrow(message);
    expect((await readdir(root)).sort()).toEqual(["bundle", "bundle.slm", "hostile.slm"]);
  });

  test("rejects a size that the archive does not have, before anything is written for it", async () => {
    const file = await withSecondHeader(forged("README.md", 8 ** 11 - 1, () => undefined));
    await expect(unpackBundle(file, join(root, "out"))).rejects.toThrow(/the archive ends after/);
  });

  test("rejects more files and more bytes than its limits", async () => {
    const reject = (limits: object) =>
      expect(unpackBundle(packed, join(root, "out"), { ...BUNDLE_LIMITS, ...limits })).rejects;
    await reject({ files: 2 }).toThrow(/lists 3 files/);
    await reject({ totalBytes: 706 }).toThrow(/at most 4096 files of 706 bytes/);
    await reject({ manifestBytes: 10 }).toThrow(/at most 10 are allowed/);
  });

  test("rejects a link in place of the archive's directory entries even when it is put next to the files", async () => {
    await symlink("/etc/passwd", join(bundle, "link"));
    await expect(packBundle(bundle, join(root, "x.slm"))).rejects.toThrow(/symbolic link/);
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

describe(parseTarHeader, () => {
  test("reads back every path and size that can be written", () => {
    const part = fc.stringMatching(/^[a-zA-Z0-9_-]{1,40}$/);
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 3 }), fc.nat(), (parts, bytes) => {
        const entry = { path: parts.join("/"), bytes };
        expect(parseTarHeader(encodeTarHeader(entry), "x")).toEqual(entry);
      }),
    );
  });

  test("rejects a path that is too long when it is written", () => {
    expect(() => encodeTarHeader({ path: "x".repeat(101), bytes: 1 })).toThrow(/too long/);
  });
});
