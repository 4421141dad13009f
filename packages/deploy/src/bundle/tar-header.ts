/**
 * One header of a tar archive in the ustar format: regular files only, every field that could differ between machines
 * (owner, time, mode) fixed.
 *
 * Source: IEEE Std 1003.1-2017, "pax - portable archive interchange", ustar interchange format.
 */
import { pathProblem, SlmError } from "@slm/core";

/** Headers and contents are padded to this [bytes]. */
export const TAR_BLOCK = 512;

/** Largest size that fits eleven octal digits [bytes]. */
const MAX_FILE_BYTES = 8 ** 11 - 1;

const NAME_BYTES = 100;
const PREFIX_BYTES = 155;

/** Offset and length of each field [bytes]. */
const FIELDS = {
  name: [0, NAME_BYTES],
  mode: [100, 8],
  uid: [108, 8],
  gid: [116, 8],
  size: [124, 12],
  mtime: [136, 12],
  checksum: [148, 8],
  type: [156, 1],
  link: [157, 100],
  magic: [257, 8],
  prefix: [345, PREFIX_BYTES],
} as const;

/** "ustar", a null character and version "00". */
const MAGIC = "ustar\u000000";
const REGULAR_FILE = "0";

/** Entry types by their letter, for messages. */
const TYPE_NAMES: ReadonlyMap<string, string> = new Map([
  ["1", "a hard link"],
  ["2", "a symbolic link"],
  ["3", "a character device"],
  ["4", "a block device"],
  ["5", "a directory"],
  ["6", "a pipe"],
  ["x", "an extended header"],
  ["g", "an extended header"],
  ["L", "a long name"],
  ["S", "a sparse file"],
]);

export interface TarEntry {
  readonly path: string;
  /** Size of the file [bytes]. */
  readonly bytes: number;
}

/** @throws SlmError DATA_INVALID if the path or size does not fit a header. */
export function encodeTarHeader({ path, bytes }: TarEntry): Uint8Array {
  const { name, prefix } = splitPath(path);
  if (bytes > MAX_FILE_BYTES) {
    throw new SlmError(
      "DATA_INVALID",
      `bundle: ${path} has ${bytes} bytes; an archive allows at most ${MAX_FILE_BYTES} per file`,
    );
  }
  const block = Buffer.alloc(TAR_BLOCK);
  const put = (field: keyof typeof FIELDS, text: string): void => {
    block.write(text, FIELDS[field][0], FIELDS[field][1], "utf8");
  };
  put("name", name);
  put("prefix", prefix);
  put("mode", octal(0o644, 7));
  put("uid", octal(0, 7));
  put("gid", octal(0, 7));
  put("size", octal(bytes, 11));
  put("mtime", octal(0, 11));
  put("type", REGULAR_FILE);
  put("magic", MAGIC);
  put("checksum", `${octal(checksumOf(block), 6)}\0 `);
  return block;
}

/**
 * The entry of a header; undefined for the block of zeros that ends an archive.
 *
 * @param where names the archive in errors
 * @throws SlmError DATA_INVALID for a corrupt header, anything but a regular file, or a path outside the bundle.
 */
export function parseTarHeader(block: Uint8Array, where: string): TarEntry | undefined {
  if (block.every((byte) => byte === 0)) return undefined;
  const bytes = Buffer.from(block.buffer, block.byteOffset, block.byteLength);
  const raw = (field: keyof typeof FIELDS): Buffer => {
    return bytes.subarray(FIELDS[field][0], FIELDS[field][0] + FIELDS[field][1]);
  };
  if (raw("magic").toString("latin1") !== MAGIC)
    throw rejected(where, "a header does not have the ustar format");
  if (readOctal(raw("checksum"), where, "checksum") !== checksumOf(bytes)) {
    throw rejected(where, "the checksum of a header is wrong: the archive is corrupt");
  }
  const prefix = readText(raw("prefix"), where);
  const name = readText(raw("name"), where);
  const path = prefix === "" ? name : `${prefix}/${name}`;
  const type = raw("type").toString("latin1");
  if (type !== REGULAR_FILE) {
    const kind = TYPE_NAMES.get(type) ?? `an entry of type ${JSON.stringify(type)}`;
    throw rejected(where, `'${path}' is ${kind}; a bundle contains regular files only`);
  }
  const problem = pathProblem(path);
  if (problem !== undefined) throw rejected(where, `rejected path '${path}': ${problem}`);
  return { path, bytes: readOctal(raw("size"), where, "size") };
}

/** Number of zeros that fill the last block of a file of this size [bytes]. */
export function paddingAfter(bytes: number): number {
  return (TAR_BLOCK - (bytes % TAR_BLOCK)) % TAR_BLOCK;
}

/** Unsigned sum of all bytes, with spaces in the checksum's own field. */
function checksumOf(block: Uint8Array): number {
  const [start, length] = FIELDS.checksum;
  return block.reduce((sum, byte, at) => sum + (at >= start && at < start + length ? 32 : byte), 0);
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, "0");
}

function readOctal(field: Buffer, where: string, name: string): number {
  const text = field.toString("latin1").replace(/[\0 ]+$/, "");
  if (/^[0-7]{1,11}$/.test(text)) return Number.parseInt(text, 8);
  throw rejected(where, `the ${name} of a header is not an octal number`);
}

function readText(field: Buffer, where: string): string {
  const end = field.indexOf(0);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(end === -1 ? field : field.subarray(0, end));
  } catch (cause) {
    throw new SlmError("DATA_INVALID", `${where}: a path is not UTF-8`, { cause });
  }
}

/** Splits a path that is longer than the name field at a slash. */
function splitPath(path: string): { readonly name: string; readonly prefix: string } {
  if (Buffer.byteLength(path) <= NAME_BYTES) return { name: path, prefix: "" };
  for (let slash = path.indexOf("/"); slash !== -1; slash = path.indexOf("/", slash + 1)) {
    const [prefix, name] = [path.slice(0, slash), path.slice(slash + 1)];
    if (Buffer.byteLength(prefix) <= PREFIX_BYTES && Buffer.byteLength(name) <= NAME_BYTES)
      return { name, prefix };
  }
  throw new SlmError("DATA_INVALID", `bundle: the path ${path} is too long for an archive`);
}

function rejected(where: string, problem: string): SlmError {
  return new SlmError("DATA_INVALID", `${where}: ${problem}`, { context: { archive: where } });
}
