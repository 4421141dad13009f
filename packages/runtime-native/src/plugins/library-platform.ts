/**
 *
 * Reads the platform that a library was built for from its header.
 *
 * Sources: elf(5) (`e_machine` at 18, values of elf.h); PE Format of Microsoft (`e_lfanew` at 0x3c, then the signature and Machine);
 * mach-o/loader.h and mach-o/fat.h of Apple (cputype at 4; a fat file lists its architectures).
 */

/** Number of bytes that contain the header of a library. The PE signature follows a DOS program, and the list of a fat file is short. */
export const HEADER_BYTES = 4096;

type Machines = Readonly<Record<number, string>>;

const ELF_MACHINES: Machines = { 0x03: "x86", 0x28: "arm", 0x3e: "x64", 0xa4: "hexagon", 0xb7: "arm64" };
const PE_MACHINES: Machines = { 0x014c: "x86", 0x8664: "x64", 0xaa64: "arm64" };
const MACH_O_CPUS: Machines = { 0x01000007: "x64", 0x0100000c: "arm64" };

const ELF_MAGIC = 0x7f454c46;
const MACH_O_MAGIC = 0xfeedfacf;
const FAT_MAGIC = 0xcafebabe;
const PE_SIGNATURE = 0x00004550;

/**
 * Platforms of a library: one, or several for a fat Mach-O file. Unknown processors are named by their number.
 *
 * @param header the first {@link HEADER_BYTES} bytes of the file, or all of them
 * @returns undefined if the file is not a library
 */
export function libraryPlatforms(header: Buffer): readonly string[] | undefined {
  if (header.length < 64) return undefined;
  if (header.readUInt32BE(0) === ELF_MAGIC) return [elfPlatform(header)];
  if (header.readUInt32LE(0) === MACH_O_MAGIC)
    return [`darwin-${machine(MACH_O_CPUS, header.readUInt32LE(4))}`];
  if (header.readUInt32BE(0) === FAT_MAGIC) return fatPlatforms(header);
  return pePlatforms(header);
}

const machine = (machines: Machines, value: number): string =>
  machines[value] ?? `machine 0x${value.toString(16)}`;

/** ELF is assumed to be Linux, because the header does not distinguish Android. */
function elfPlatform(header: Buffer): string {
  const isLittleEndian = header[5] === 1;
  return `linux-${machine(ELF_MACHINES, isLittleEndian ? header.readUInt16LE(18) : header.readUInt16BE(18))}`;
}

/** A fat file lists few architectures. Java class files begin with the same bytes, followed by a version. */
const MOST_ARCHITECTURES = 16;
const FAT_ENTRY_BYTES = 20;

function fatPlatforms(header: Buffer): readonly string[] | undefined {
  const count = header.readUInt32BE(4);
  if (count > MOST_ARCHITECTURES || 8 + count * FAT_ENTRY_BYTES > header.length) return undefined;
  return Array.from(
    { length: count },
    (_, index) => `darwin-${machine(MACH_O_CPUS, header.readUInt32BE(8 + index * FAT_ENTRY_BYTES))}`,
  );
}

function pePlatforms(header: Buffer): readonly string[] | undefined {
  if (header.toString("latin1", 0, 2) !== "MZ") return undefined;
  const at = header.readUInt32LE(0x3c);
  if (at + 6 > header.length || header.readUInt32LE(at) !== PE_SIGNATURE) return undefined;
  return [`win32-${machine(PE_MACHINES, header.readUInt16LE(at + 4))}`];
}
