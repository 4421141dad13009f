/** Tiny packages for tests: zip archives with arbitrary fields, libraries that consist of a header, wheels. */
import { createHash } from "node:crypto";
import { writeFile } from "node:fs/promises";
import * as zlib from "node:zlib";
import { HEADER_BYTES } from "./library-platform.js";

export interface ZipEntry {
  readonly path: string;
  readonly data: Buffer | string;
  /** False values that the archive declares. */
  readonly declared?: {
    readonly bytes?: number;
    readonly crc?: number;
    /** Unix file type and permissions. */
    readonly mode?: number;
    readonly flags?: number;
    readonly method?: number;
  };
}

const LOCAL_HEADER = 0x04034b50;
const CENTRAL_HEADER = 0x02014b50;
const END_OF_CENTRAL_DIRECTORY = 0x06054b50;
const DEFLATED = 8;
const REGULAR = 0o100644;
const MADE_BY_UNIX = (3 << 8) | 20;

/** A zip archive. Source of the layout: APPNOTE.TXT of PKWARE, sections 4.3.7, 4.3.12 and 4.3.16. */
export function zipOf(entries: readonly ZipEntry[]): Buffer {
  const parts: Buffer[] = [];
  const central: Buffer[] = [];
  let offset = 0;
  for (const { path, data, declared = {} } of entries) {
    const bytes = Buffer.from(data);
    const packed = zlib.deflateRawSync(bytes);
    const name = Buffer.from(path);
    const { flags = 0x800, method = DEFLATED, mode = REGULAR } = declared;
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt16LE(flags, 2);
    common.writeUInt16LE(method, 4);
    common.writeUInt32LE(declared.crc ?? zlib.crc32(bytes), 10);
    common.writeUInt32LE(packed.length, 14);
    common.writeUInt32LE(declared.bytes ?? bytes.length, 18);
    common.writeUInt16LE(name.length, 22);
    const place = Buffer.alloc(14);
    place.writeUInt32LE((mode << 16) >>> 0, 6);
    place.writeUInt32LE(offset, 10);
    central.push(uint32(CENTRAL_HEADER), uint16(MADE_BY_UNIX), common, place, name);
    const local = [uint32(LOCAL_HEADER), common, name, packed];
    parts.push(...local);
    offset += local.reduce((sum, part) => sum + part.length, 0);
  }
  const directory = Buffer.concat(central);
  const end = Buffer.alloc(18);
  end.writeUInt16LE(entries.length, 4);
  end.writeUInt16LE(entries.length, 6);
  end.writeUInt32LE(directory.length, 8);
  end.writeUInt32LE(offset, 12);
  return Buffer.concat([...parts, directory, uint32(END_OF_CENTRAL_DIRECTORY), end]);
}

function uint32(value: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeUInt32LE(value);
  return buffer;
}

function uint16(value: number): Buffer {
  const buffer = Buffer.alloc(2);
  buffer.writeUInt16LE(value);
  return buffer;
}

/** Values of e_machine. */
const ELF = { x64: 0x3e, arm64: 0xb7, hexagon: 0xa4 } as const;
const PE = { x64: 0x8664, arm64: 0xaa64 } as const;
const MACH_O = { x64: 0x01000007, arm64: 0x0100000c } as const;
type Processor = "x64" | "arm64";

export function elf(processor: keyof typeof ELF, content = ""): Buffer {
  const header = Buffer.alloc(64);
  header.write("\x7fELF", "latin1");
  header.set([2, 1, 1], 4);
  header.writeUInt16LE(ELF[processor], 18);
  return Buffer.concat([header, Buffer.from(content)]);
}

export function pe(processor: Processor): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.write("MZ", "latin1");
  header.writeUInt32LE(0x100, 0x3c);
  header.write("PE\0\0", 0x100, "latin1");
  header.writeUInt16LE(PE[processor], 0x104);
  return header;
}

export function machO(processor: Processor): Buffer {
  const header = Buffer.alloc(64);
  header.writeUInt32LE(0xfeedfacf, 0);
  header.writeUInt32LE(MACH_O[processor], 4);
  return header;
}

/** A fat file's header is big-endian. */
export function fatMachO(processors: readonly Processor[]): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt32BE(0xcafebabe, 0);
  header.writeUInt32BE(processors.length, 4);
  processors.forEach((processor, at) => header.writeUInt32BE(MACH_O[processor], 8 + 20 * at));
  return header;
}

/** A library for this machine, like the one of a plug-in. */
export function libraryHere(content = ""): Buffer {
  const processor = process.arch === "arm64" ? "arm64" : "x64";
  const make = {
    linux: () => elf(processor, content),
    win32: () => pe(processor),
    darwin: () => machO(processor),
  };
  return make[process.platform as keyof typeof make]();
}

/** The file name of a library on this machine. */
export const fileHere = (base: string): string =>
  ({ linux: `lib${base}.so`, win32: `${base}.dll`, darwin: `lib${base}.dylib` })[
    process.platform as "linux" | "win32" | "darwin"
  ];

export interface WheelOptions {
  readonly name?: string;
  readonly version?: string;
  readonly files?: Readonly<Record<string, Buffer | string>>;
  /** Changes the lines of RECORD. */
  readonly record?: (lines: readonly string[]) => readonly string[];
  readonly more?: readonly ZipEntry[];
}

/** Files of a wheel like Qualcomm's plug-in. */
export const qnnFiles = (): Readonly<Record<string, Buffer | string>> => ({
  "onnxruntime_qnn/__init__.py": "EP_NAME = 'QNNExecutionProvider'\n",
  "onnxruntime_qnn/LICENSE": "MIT License\n\nCopyright (c) the vendor\n",
  "onnxruntime_qnn/Qualcomm_LICENSE.pdf": "%PDF-1.7 binary",
  [`onnxruntime_qnn/${fileHere("onnxruntime_providers_qnn")}`]: libraryHere("provider"),
  [`onnxruntime_qnn/${fileHere("QnnHtp")}`]: libraryHere("backend"),
  "onnxruntime_qnn.libs/libc++.so.1": libraryHere("libc++"),
});

/** Entries of a wheel with its METADATA and RECORD. */
export function wheelEntries(options: WheelOptions = {}): readonly ZipEntry[] {
  const { name = "onnxruntime-qnn", version = "2.7.0", files = qnnFiles(), more = [], record } = options;
  const info = `${name.replaceAll("-", "_")}-${version}.dist-info`;
  const metadata = `Metadata-Version: 2.4\nName: ${name}\nVersion: ${version}\nLicense: MIT License\n\nLong text`;
  const entries = Object.entries({ ...files, [`${info}/METADATA`]: metadata }).map(([path, data]) => ({
    path,
    data,
  }));
  const lines = [...entries.map(({ path, data }) => recordLine(path, Buffer.from(data))), `${info}/RECORD,,`];
  return [
    ...entries,
    ...more,
    { path: `${info}/RECORD`, data: `${(record?.(lines) ?? lines).join("\n")}\n` },
  ];
}

export const recordLine = (path: string, data: Buffer): string =>
  `${path},sha256=${createHash("sha256").update(data).digest("base64url")},${data.length}`;

export const writeWheel = async (path: string, options?: WheelOptions): Promise<void> =>
  writeFile(path, zipOf(wheelEntries(options)));
