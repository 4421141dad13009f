/**
 *
 * Reads a package's metadata: name, version, licence, and the hashes of its files.
 *
 * Source: Binary distribution format (wheels: METADATA, RECORD) and Core metadata of packaging.python.org.
 */
import { posix } from "node:path";
import { knownByPackage } from "./known.js";
import { readEntry, unsafe, type PackageEntry, type PackageSource } from "./package-source.js";
import type { PluginManifest } from "./plugin.js";

export interface RecordedFile {
  readonly sha256: string;
  readonly bytes: number;
}

export interface PackageFacts {
  readonly kind: PluginManifest["source"]["kind"];
  readonly name: string | null;
  readonly version: string | null;
  /** The first line of the licence in the metadata. */
  readonly licence: string | null;
  /** Hashes of a wheel's files by path; undefined for packages without hashes. */
  readonly record?: ReadonlyMap<string, RecordedFile> | undefined;
}

const METADATA_LIMIT = 4 * 1024 * 1024;
const RECORD_LIMIT = 16 * 1024 * 1024;

/** @throws SlmError DATA_INVALID for unreadable metadata or hashes, and for files of a wheel that are not in its RECORD */
export async function readPackageFacts(path: string, source: PackageSource): Promise<PackageFacts> {
  const metadata = source.entries.filter((entry) => /^[^/]+\.dist-info\/METADATA$/u.test(entry.path));
  if (metadata.length > 0) return wheelFacts(path, source, metadata);
  return { kind: source.kind === "archive" ? "zip" : "directory", name: null, version: null, licence: null };
}

interface Metadata {
  readonly entry: PackageEntry;
  readonly name: string | null;
  readonly version: string | null;
  readonly licence: string | null;
}

async function wheelFacts(
  path: string,
  source: PackageSource,
  entries: readonly PackageEntry[],
): Promise<PackageFacts> {
  const all: Metadata[] = [];
  for (const entry of entries) all.push(await readMetadata(source, entry));
  // `pip install --target` leaves several packages in a folder.
  const [one, ...others] =
    all.length === 1 ? all : all.filter(({ name }) => name !== null && knownByPackage(name) !== undefined);
  if (one === undefined || others.length > 0) {
    const names = all.map(({ name }) => name ?? "?").join(", ");
    throw unsafe(path, `it contains ${all.length} packages (${names}); exactly one must be a known plug-in`);
  }
  const { name, version, licence, entry } = one;
  const record = await readRecord(path, source, posix.dirname(entry.path));
  return { kind: "wheel", name, version, licence, record };
}

async function readMetadata(source: PackageSource, entry: PackageEntry): Promise<Metadata> {
  const text = (await readEntry(source, entry, METADATA_LIMIT)).toString("utf8");
  return { entry, ...parseMetadata(text) };
}

/** Name, version and licence in a METADATA file; null if missing. Runs in linear time. */
export function parseMetadata(text: string): Omit<Metadata, "entry"> {
  const [header = ""] = text.split(/\r?\n\r?\n/u, 1);
  const lines = header.split("\n");
  const field = (name: string): string | null => {
    const start = `${name}:`.toLowerCase();
    return (
      lines
        .find((line) => line.toLowerCase().startsWith(start))
        ?.slice(start.length)
        .trim() ?? null
    );
  };
  return {
    name: field("Name"),
    version: field("Version"),
    licence: field("License-Expression") ?? field("License"),
  };
}

/** Files of a `.dist-info` folder that RECORD does not have to list: itself and its signatures. */
const UNRECORDED = /\/RECORD(?:\.jws|\.p7s)?$/u;

async function readRecord(
  path: string,
  source: PackageSource,
  folder: string,
): Promise<ReadonlyMap<string, RecordedFile>> {
  const name = `${folder}/RECORD`;
  const entry = source.entries.find((one) => one.path === name);
  if (entry === undefined) throw unsafe(path, `it has no ${name}, so its files cannot be checked`);
  const record = parseRecord(path, (await readEntry(source, entry, RECORD_LIMIT)).toString("utf8"));
  // A folder may contain more than the wheel. Files that are not in RECORD are ignored.
  if (source.kind === "archive") checkListed(path, source.entries, record);
  return record;
}

function checkListed(
  path: string,
  entries: readonly PackageEntry[],
  record: ReadonlyMap<string, RecordedFile>,
): void {
  const present = new Set(entries.map((entry) => entry.path));
  const missing = [...record.keys()].find((file) => !present.has(file));
  if (missing !== undefined) throw unsafe(path, `its RECORD lists '${missing}', which is missing`);
  const unlisted = entries.find((entry) => !record.has(entry.path) && !UNRECORDED.test(entry.path));
  if (unlisted !== undefined) throw unsafe(path, `'${unlisted.path}' is not in its RECORD`);
}

/** One line: path, algorithm=digest in base64url, size. The path may be quoted. Only RECORD's own lines have no digest. */
const RECORD_LINE = /^(?:"((?:[^"]|"")*)"|([^,"]*)),([^,]*),(\d*)$/u;
const SHA256_BYTES = 32;

/** @throws SlmError DATA_INVALID for an invalid line, or a digest other than SHA-256 */
export function parseRecord(path: string, text: string): ReadonlyMap<string, RecordedFile> {
  const record = new Map<string, RecordedFile>();
  for (const line of text.split(/\r?\n/u).filter((one) => one !== "")) {
    const [, quoted, plain, digest = "", size = ""] = RECORD_LINE.exec(line) ?? [];
    const file = quoted?.replaceAll('""', '"') ?? plain;
    if (file === undefined) throw unsafe(path, `its RECORD has an invalid line: ${line.slice(0, 200)}`);
    if (digest === "") continue;
    const [algorithm, encoded = ""] = digest.split("=", 2);
    const bytes = Buffer.from(encoded, "base64url");
    if (algorithm !== "sha256" || bytes.length !== SHA256_BYTES || size === "")
      throw unsafe(path, `its RECORD has no SHA-256 and size for '${file}', got ${digest},${size}`);
    record.set(file, { sha256: bytes.toString("hex"), bytes: Number(size) });
  }
  return record;
}
