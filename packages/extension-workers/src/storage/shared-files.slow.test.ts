import { execFileSync } from "node:child_process";
import { closeSync, ftruncateSync, openSync, symlinkSync } from "node:fs";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { randomBytes } from "node:crypto";
import { sha256 } from "@slm/core";
import { temporaryFolder, withCode } from "@slm/core/testing";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { LocalCopies, removeLeftovers } from "./local-copies.js";
import { DirectoryStore } from "./directory-store.js";
import { SharedFiles } from "./shared-files.js";

const RUN = "cache-0123456789abcdef";
const root = temporaryFolder({ each: true });
let store: DirectoryStore;
let files: SharedFiles;
const at = (...names: readonly string[]): string => join(root, ...names);

beforeEach(async () => {
  await mkdir(at("shared"));
  store = await DirectoryStore.open(at("shared"));
  files = new SharedFiles(store, RUN);
});

/** A sparse file of a terabyte. */
function placeLarge(path: string): void {
  const file = openSync(path, "w");
  ftruncateSync(file, 2 ** 40);
  closeSync(file);
}

/** Larger than a piece. */
const large = randomBytes(33 * 1024 * 1024);

describe(DirectoryStore, () => {
  test("requires a directory that exists", async () => {
    await expect(DirectoryStore.open(at("missing"))).rejects.toMatchObject({ code: "INPUT_MISSING" });
  });

  test("rejects keys that leave the directory", async () => {
    await expect(async () => store.put("../outside", Buffer.from("x"))).rejects.toMatchObject({
      code: "DATA_INVALID",
    });
    await expect(async () => store.get("/etc/hostname")).rejects.toMatchObject({ code: "DATA_INVALID" });
  });
});

describe(SharedFiles, () => {
  test.each([
    ["nothing", Buffer.alloc(0), 0],
    ["a few bytes", Buffer.from("abc"), 1],
    ["more than a piece", large, 2],
  ])("gives back %s, from bytes and from a file", async (_name, bytes, pieces) => {
    await writeFile(at("given"), bytes);
    const ref = await files.putFile(at("given"));
    expect(ref).toEqual({ bytes: bytes.length, sha256: sha256(bytes) });
    expect(await files.putBytes(bytes)).toEqual(ref);
    expect((await files.getBytes(ref)).equals(bytes)).toBe(true);
    await files.getFile(ref, at("copy"));
    expect((await readFile(at("copy"))).equals(bytes)).toBe(true);
    const stored = await readdir(at("shared", RUN, "pieces")).catch(() => []);
    expect(stored).toHaveLength(pieces);
  });

  test("sends only the pieces that are not there yet", async () => {
    await files.putBytes(large);
    const put = vi.spyOn(store, "put");
    await writeFile(
      at("given"),
      Buffer.concat([large.subarray(0, 32 * 1024 * 1024), Buffer.from("another end")]),
    );
    await files.putFile(at("given"));
    expect(put.mock.calls.filter(([key]) => key.includes("/pieces/"))).toHaveLength(1);
  });

  test("refuses bytes that are not those of the checksum, and leaves no part of a file", async () => {
    const ref = await files.putBytes(Buffer.from("abc"));
    await writeFile(at("shared", RUN, "pieces", ref.sha256), "abd");
    await expect(files.getBytes(ref)).rejects.toMatchObject({ code: "DATA_INVALID" });
    await mkdir(at("out"));
    await expect(files.getFile(ref, at("out", "file"))).rejects.toMatchObject({ code: "DATA_INVALID" });
    expect(await readdir(at("out"))).toEqual([]);
    await expect(files.getBytes({ ...ref, bytes: 2 })).rejects.toMatchObject({ code: "DATA_INVALID" });
    await expect(files.getBytes({ bytes: 3, sha256: sha256("x") })).rejects.toMatchObject({
      code: "INPUT_MISSING",
    });
  });

  test.each([
    ["a pipe", (path: string): void => void execFileSync("mkfifo", [path]), "INPUT_MISSING"],
    [
      "a device without an end",
      (path: string): void => {
        symlinkSync("/dev/zero", path);
      },
      "INPUT_MISSING",
    ],
    ["a file larger than announced", placeLarge, "DATA_INVALID"],
  ])("reads nothing of %s in the place of a piece or a list", async (_name, place, code) => {
    for (const [bytes, folder] of [
      [3, "pieces"],
      [large.length, "lists"],
    ] as const) {
      const ref = { bytes, sha256: sha256("never written") };
      await mkdir(at("shared", RUN, folder), { recursive: true });
      place(at("shared", RUN, folder, ref.sha256));
      await expect(files.getBytes(ref)).rejects.toMatchObject({ code });
    }
  });

  test("gives back a tree, and goes on where a copy is complete in part", async () => {
    await mkdir(at("model", "graph"), { recursive: true });
    await writeFile(at("model", "config.json"), "{}");
    await writeFile(at("model", "graph", "weights.bin"), "weights");
    const ref = await files.putTree(at("model"));
    await mkdir(at("copy"));
    await writeFile(at("copy", "config.json"), "wrong");
    await files.getTree(ref, at("copy"));
    expect(await readFile(at("copy", "config.json"), "utf8")).toBe("{}");
    expect(await readFile(at("copy", "graph", "weights.bin"), "utf8")).toBe("weights");
  });

  test("refuses a tree that would leave its directory", async () => {
    const listed = [{ path: "../outside", bytes: 0, sha256: sha256("") }];
    const ref = await files.putBytes(Buffer.from(JSON.stringify(listed)));
    await expect(files.getTree(ref, at("copy"))).rejects.toThrow(withCode("DATA_INVALID"));
  });

  test("refuses lists that are not JSON", async () => {
    await expect(files.getTree(await files.putBytes(Buffer.from("[")), at("copy"))).rejects.toMatchObject({
      code: "DATA_INVALID",
    });
    const ref = { bytes: large.length, sha256: sha256("never written") };
    await mkdir(at("shared", RUN, "lists"), { recursive: true });
    await writeFile(at("shared", RUN, "lists", ref.sha256), '{"not": "a list"}');
    await expect(files.getBytes(ref)).rejects.toMatchObject({ code: "DATA_INVALID" });
  });

  test("removes its run and no other", async () => {
    const other = new SharedFiles(store, "cache-fedcba9876543210");
    await other.putBytes(Buffer.from("kept"));
    await files.putBytes(Buffer.from("gone"));
    await files.remove();
    expect(await readdir(at("shared"))).toEqual([other.run]);
  });
});

describe(LocalCopies, () => {
  test("copies a tree once for all workers of a machine, and a race between them is no error", async () => {
    await mkdir(at("model"));
    await writeFile(at("model", "a"), "a");
    const ref = await files.putTree(at("model"));
    const [one, two] = [new LocalCopies(at("local"), files), new LocalCopies(at("local"), files)];
    expect(await Promise.all([one.tree(ref), two.tree(ref)])).toEqual([
      at("local", RUN, ref.sha256),
      at("local", RUN, ref.sha256),
    ]);
    expect(await readdir(at("local", RUN))).toEqual([ref.sha256]);
    await files.remove();
    expect(await readFile(join(await one.tree(ref), "a"), "utf8")).toBe("a");
  });
});

describe(removeLeftovers, () => {
  test("removes copies of ended runs, and of running ones what killed workers left", async () => {
    const dead = "x.999999999.0a1b2c3d.tmp";
    const alive = `x.${process.pid}.0a1b2c3d.tmp`;
    for (const run of ["cache-1", "cache-2"])
      for (const name of [dead, alive, "copy"]) await mkdir(at("local", run, name), { recursive: true });
    await removeLeftovers(at("local"), (run) => Promise.resolve(run === "cache-2"));
    expect(await readdir(at("local"))).toEqual(["cache-1"]);
    expect((await readdir(at("local", "cache-1"))).sort()).toEqual(["copy", alive].sort());
  });
});
