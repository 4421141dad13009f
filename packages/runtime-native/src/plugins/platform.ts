/** The platforms that a library can be built for, and their file names. */

const OPERATING_SYSTEMS = ["linux", "win32", "darwin"] as const;
/** Name in `process.platform`. */
export type OperatingSystem = (typeof OPERATING_SYSTEMS)[number];

const ARCHITECTURES = ["x64", "arm64"] as const;
/** Name in `process.arch`. */
type Architecture = (typeof ARCHITECTURES)[number];

/** An operating system and a processor: "linux-x64". */
export type PlatformName = `${OperatingSystem}-${Architecture}`;

export const PLATFORMS: readonly PlatformName[] = OPERATING_SYSTEMS.flatMap((os) =>
  ARCHITECTURES.map((arch): PlatformName => `${os}-${arch}`),
);

/** Prefix and suffix of a library's file name. */
const FILE_NAMES: Readonly<Record<OperatingSystem, readonly [prefix: string, suffix: string]>> = {
  linux: ["lib", ".so"],
  win32: ["", ".dll"],
  darwin: ["lib", ".dylib"],
};

export const systemOf = (platform: PlatformName): OperatingSystem =>
  OPERATING_SYSTEMS.find((os) => platform.startsWith(os))!;

/** The file name of a library: `QnnHtp` is `libQnnHtp.so` on Linux and `QnnHtp.dll` on Windows. */
export function libraryFileName(base: string, platform: PlatformName): string {
  const [prefix, suffix] = FILE_NAMES[systemOf(platform)];
  return `${prefix}${base}${suffix}`;
}

/** This process's platform, `process.platform` and `process.arch`. There may be no plug-ins for it. */
export const thisPlatform = (): string => `${process.platform}-${process.arch}`;
