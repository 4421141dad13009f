/** The platforms that a library can be built for, and how each names its files. */

const OPERATING_SYSTEMS = ["linux", "win32", "darwin"] as const;
/** As `process.platform` names it. */
export type OperatingSystem = (typeof OPERATING_SYSTEMS)[number];

const ARCHITECTURES = ["x64", "arm64"] as const;
/** As `process.arch` names it. */
type Architecture = (typeof ARCHITECTURES)[number];

/** An operating system and a processor: "linux-x64". */
export type PlatformName = `${OperatingSystem}-${Architecture}`;

export const PLATFORMS: readonly PlatformName[] = OPERATING_SYSTEMS.flatMap((os) =>
  ARCHITECTURES.map((arch): PlatformName => `${os}-${arch}`),
);

/** Names of a library's file around its base name. */
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

/** This process's platform, `process.platform` and `process.arch`. It may be one that no plug-in is built for. */
export const thisPlatform = (): string => `${process.platform}-${process.arch}`;
