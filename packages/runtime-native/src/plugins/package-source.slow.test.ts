import { mkdir, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder, withCode } from "@slm/core/testing";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { SlmError } from "@slm/core";
import { openPackage } from "./open-package.js";
import { readPackageFacts, parseRecord } from "./package-facts.js";
import { PACKAGE_LIMITS, readEntry, type PackageSource } from "./package-source.js";
import { elf, recordLine, wheelEntries, zipOf, type ZipEntry } from "./test-packages.test-support.js";

const root = temporaryFolder();
const at = (name: string): string => join(root, name);

let count = 0;
async function file(bytes: Buffer): Promise<string> {
  count += 1;
  const path = at(`${count}.zip`);
  await writeFile(path, bytes);
  return path;
}
const archive = (entries: readonly ZipEntry[]): Promise<string> => file(zipOf(entries));

/** Reads every file of a package. */
async function readAll(source: PackageSource): Promise<Readonly<Record<string, string>>> {
  const read: Record<string, string> = {};
  for (const entry of source.entries)
    read[entry.path] = (await readEntry(source, entry, 1 << 20)).toString("utf8");
  return read;
}

async function contentsOf(path: string): Promise<Readonly<Record<string, string>>> {
  const source = await openPackage(path);
  try {
    return await readAll(source);
  } finally {
    source.close();
  }
}

const REGULAR = { data: "x" };

describe(openPackage, () => {
  test("reads the files of an archive and of a folder alike", async () => {
    const files = { "a/b.txt": "one", "c.txt": "two" };
    const path = await archive(Object.entries(files).map(([name, data]) => ({ path: name, data })));
    await mkdir(at("folder/a"), { recursive: true });
    await Promise.all(Object.entries(files).map(([name, data]) => writeFile(at(`folder/${name}`), data)));
    expect(await contentsOf(path)).toEqual(files);
    expect(await contentsOf(at("folder"))).toEqual(files);
  });

  test.each<[string, RegExp, readonly ZipEntry[]]>([
    ["a path out of it", /'\.\.\/x'|invalid relative path/, [{ path: "../x", ...REGULAR }]],
    ["a path out of it below a folder", /\.\./, [{ path: "a/../../x", ...REGULAR }]],
    ["an absolute path", /absolute/, [{ path: "/etc/x", ...REGULAR }]],
    ["a drive letter", /colon|absolute/, [{ path: "C:/x", ...REGULAR }]],
    ["a backslash", /backslash|invalid characters/, [{ path: "a\\..\\x", ...REGULAR }]],
    ["a device of Windows", /Windows has a device/, [{ path: "a/NUL.so", ...REGULAR }]],
    ["a name that Windows shortens", /ends in a dot/, [{ path: "a./x", ...REGULAR }]],
    ["a symbolic link", /'link' is a link/, [{ path: "link", data: "/etc", declared: { mode: 0o120777 } }]],
    ["a device file", /not a regular file/, [{ path: "dev", ...REGULAR, declared: { mode: 0o020666 } }]],
    ["an encrypted file", /encrypted/, [{ path: "x", ...REGULAR, declared: { flags: 0x801 } }]],
    ["an unknown compression", /method 12/, [{ path: "x", ...REGULAR, declared: { method: 12 } }]],
    [
      "a name twice",
      /twice/,
      [
        { path: "x", ...REGULAR },
        { path: "x", ...REGULAR },
      ],
    ],
    [
      "names that differ in case only",
      /twice/,
      [
        { path: "x", ...REGULAR },
        { path: "X", ...REGULAR },
      ],
    ],
    [
      "a file that is also a folder",
      /'a' is both a file and the folder/,
      [
        { path: "a", ...REGULAR },
        { path: "a/b", ...REGULAR },
      ],
    ],
  ])("rejects an archive with %s", async (_, reason, entries) => {
    const path = await archive(entries);
    await expect(openPackage(path)).rejects.toThrow(reason);
    await expect(openPackage(path)).rejects.toMatchObject({ code: "DATA_INVALID" });
  });

  test.each<[string, RegExp, NonNullable<ZipEntry["declared"]>]>([
    ["another CRC-32", /CRC-32/, { crc: 1 }],
    ["more bytes than it declares", /too many bytes/, { bytes: 3 }],
    ["fewer bytes than it declares", /not enough bytes/, { bytes: 100 }],
  ])("rejects a file of an archive with %s when it is read", async (_, reason, declared) => {
    const path = await archive([{ path: "x", data: "0123456789", declared }]);
    await expect(contentsOf(path)).rejects.toThrow(reason);
  });

  test("rejects packages above the limits before unpacking", async () => {
    const zeros = [{ path: "zeros", data: Buffer.alloc(1 << 20) }];
    await expect(openPackage(await archive(zeros))).rejects.toThrow(withCode("DATA_INVALID"));
    const random = [
      { path: "x", data: Buffer.from(Array.from({ length: 999 }, (_, index) => (index * 7919) % 256)) },
    ];
    const small = { ...PACKAGE_LIMITS, bytes: 500 };
    await expect(openPackage(await archive(random), small)).rejects.toThrow(withCode("DATA_INVALID"));
    const many = ["a", "b", "c"].map((path) => ({ path, ...REGULAR }));
    const few = { ...PACKAGE_LIMITS, entries: 2 };
    await expect(openPackage(await archive(many), few)).rejects.toThrow(withCode("DATA_INVALID"));
  });

  test("follows the links of a folder inside it, and rejects others", async () => {
    await mkdir(at("links"), { recursive: true });
    await writeFile(at("links/libx.so.1"), "library");
    await symlink("libx.so.1", at("links/libx.so"));
    expect(await contentsOf(at("links"))).toEqual({ "libx.so": "library", "libx.so.1": "library" });
    await symlink("/etc/hostname", at("links/out"));
    await expect(openPackage(at("links"))).rejects.toThrow(withCode("DATA_INVALID"));
    await rm(at("links/out"));
    await symlink("nothing", at("links/dangling"));
    await expect(openPackage(at("links"))).rejects.toThrow(withCode("DATA_INVALID"));
  });

  test("names a file that is missing, and one that is not an archive", async () => {
    await expect(openPackage(at("missing.whl"))).rejects.toMatchObject({ code: "INPUT_MISSING" });
    const path = await file(elf("x64", "not a zip archive"));
    await expect(openPackage(path)).rejects.toThrow(withCode("DATA_INVALID"));
  });

  test("answers every corrupt archive with an error of its own, or with the bytes that its CRC-32 declares", async () => {
    const good = zipOf(wheelEntries());
    const change = fc.record({ at: fc.nat(good.length - 1), value: fc.nat(255) });
    await fc.assert(
      fc.asyncProperty(
        fc.array(change, { minLength: 1, maxLength: 6 }),
        fc.nat(good.length),
        async (changes, cut) => {
          const bytes = Buffer.from(good);
          for (const { at: place, value } of changes) bytes[place] = value;
          const path = await file(cut % 4 === 0 ? bytes.subarray(0, cut) : bytes);
          try {
            const source = await openPackage(path);
            try {
              await readAll(source);
              await readPackageFacts(path, source);
            } finally {
              source.close();
            }
          } catch (error) {
            expect(error).toBeInstanceOf(SlmError);
            expect((error as SlmError).code).toBe("DATA_INVALID");
          } finally {
            await rm(path);
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe(readPackageFacts, () => {
  const factsOf = async (entries: readonly ZipEntry[]) => {
    const path = await archive(entries);
    const source = await openPackage(path);
    return readPackageFacts(path, source).finally(() => {
      source.close();
    });
  };

  test("reads name, version, licence and hashes of a wheel", async () => {
    const { record, ...facts } = await factsOf(wheelEntries());
    expect(facts).toEqual({
      kind: "wheel",
      name: "onnxruntime-qnn",
      version: "2.7.0",
      licence: "MIT License",
    });
    expect(record?.get("onnxruntime_qnn/LICENSE")?.bytes).toBe(38);
  });

  test("rejects a wheel with a file that RECORD does not list, or without one that it lists", async () => {
    const more = [{ path: "onnxruntime_qnn/extra.so", data: "x" }];
    await expect(factsOf(wheelEntries({ more }))).rejects.toThrow(withCode("DATA_INVALID"));
    const record = (lines: readonly string[]): readonly string[] => [
      ...lines,
      recordLine("gone.so", Buffer.from("x")),
    ];
    await expect(factsOf(wheelEntries({ record }))).rejects.toThrow(withCode("DATA_INVALID"));
    const without = wheelEntries().filter(({ path }) => !path.endsWith("/RECORD"));
    await expect(factsOf(without)).rejects.toThrow(withCode("DATA_INVALID"));
  });
});

describe(parseRecord, () => {
  test("reads Python's format: quoted paths, and lines without a digest", () => {
    const line = recordLine('"a ""b"", c.so"', Buffer.from("x"));
    expect([...parseRecord("x.whl", `${line}\r\nRECORD,,\r\n`).keys()]).toEqual(['a "b", c.so']);
  });

  test.each([
    ["a digest of another kind", "a,md5=AAAA,1"],
    ["a digest that is cut short", "a,sha256=AAAA,1"],
    ["no size", recordLine("a", Buffer.from("x")).replace(/,1$/u, ",")],
    ["too few columns", "a"],
  ])("rejects a line with %s", (_, line) => {
    expect(() => parseRecord("x.whl", line)).toThrow(withCode("DATA_INVALID"));
  });
});
