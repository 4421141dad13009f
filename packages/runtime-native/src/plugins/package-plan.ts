/** Decides which files of a package are installed, and under which names: from the table of known plug-ins, or from the user's flags. */
import { posix } from "node:path";
import { SlmError } from "@slm/core";
import {
  KNOWN_NAMES,
  ONNX_RUNTIME_VERSION,
  isKnownName,
  knownByPackage,
  knownPlugin,
  obtainCommand,
  type DeviceId,
  type KnownName,
  type KnownPlugin,
} from "./known.js";
import { HEADER_BYTES, libraryPlatforms } from "./library-platform.js";
import { isLicence } from "./licences.js";
import type { PackageFacts } from "./package-facts.js";
import { readStart, unsafe, type PackageEntry, type PackageSource } from "./package-source.js";
import { PLATFORMS, libraryFileName, systemOf, thisPlatform, type PlatformName } from "./platform.js";
import { PLUGIN_NAME, PLUGIN_VERSION } from "./plugin.js";

/** The user's description of a package; required if the package is not in the table. */
export interface PluginNames {
  /** Name to install it under. Default: the name in the table. */
  readonly as?: string | undefined;
  /** Default: the version that the package declares. */
  readonly version?: string | undefined;
  /** Path of the provider library in the package. */
  readonly library?: string | undefined;
  /** Name of the execution provider. */
  readonly register?: string | undefined;
  readonly options?: Readonly<Record<string, string>> | undefined;
  readonly serves?: readonly DeviceId[] | undefined;
}

export interface PackagePlan {
  readonly name: string;
  readonly version: string;
  readonly platform: PlatformName;
  readonly known?: KnownName | undefined;
  /** The only version of ONNX Runtime that it works with. */
  readonly onnxRuntime: string | null;
  readonly library: string;
  readonly registrationName: string;
  readonly options: Readonly<Record<string, string>>;
  readonly fileOptions: Readonly<Record<string, string>>;
  readonly preload: readonly string[];
  readonly serves: readonly DeviceId[];
  /** Files to unpack. */
  readonly entries: readonly PackageEntry[];
  /** Alternative names of unpacked files: new path to existing path. */
  readonly aliases: Readonly<Record<string, string>>;
}

/**
 * Decides which files of a package are installed, and checks that it is for this platform.
 *
 * @param path the package, for messages
 * @throws SlmError USAGE if a package is not in the table and names are missing; DATA_INVALID for a package without the library, for another
 * platform, or with a version that does not match ONNX Runtime; DEVICE_UNAVAILABLE on a platform without plug-ins
 */
export async function planPackage(
  path: string,
  source: PackageSource,
  facts: PackageFacts,
  names: PluginNames,
): Promise<PackagePlan> {
  const platform = supportedPlatform();
  const known = knownName(source, facts, names);
  const row = known === undefined ? undefined : knownPlugin(known);
  const { name, version, registrationName } = resolveNames(path, source, facts, names, known);
  if (row?.isVersionFixed === true && version !== ONNX_RUNTIME_VERSION)
    throw otherVersion(path, known!, version);
  const entries = source.entries.filter((entry) => isKept(entry.path, source, facts, row));
  const library = locate(path, source, entries, known, names, platform);
  const beside = neighbours(path, entries, library, row, platform);
  for (const file of new Set([library, ...beside.files]))
    await checkPlatform(path, source, file, platform, known);
  return {
    name,
    version,
    platform,
    known,
    onnxRuntime: row?.isVersionFixed === true ? version : null,
    library,
    registrationName,
    options: names.options ?? {},
    fileOptions: beside.fileOptions,
    preload: beside.preload,
    serves: names.serves ?? row?.serves ?? [],
    entries,
    aliases: beside.aliases,
  };
}

function supportedPlatform(): PlatformName {
  const here = thisPlatform();
  const platform = PLATFORMS.find((one) => one === here);
  if (platform !== undefined) return platform;
  throw new SlmError("DEVICE_UNAVAILABLE", `plug-ins exist for ${PLATFORMS.join(", ")}; this is ${here}`);
}

/** Finds the row by the name that the package declares, by the name the user gives it, or by its provider library. */
function knownName(source: PackageSource, facts: PackageFacts, names: PluginNames): KnownName | undefined {
  if (facts.name !== null) return knownByPackage(facts.name);
  if (names.as !== undefined && isKnownName(names.as)) return names.as;
  const files = new Set(source.entries.map((entry) => posix.basename(entry.path)));
  return KNOWN_NAMES.find((name) =>
    PLATFORMS.some((platform) => files.has(libraryFileName(knownPlugin(name).library, platform))),
  );
}

function resolveNames(
  path: string,
  source: PackageSource,
  facts: PackageFacts,
  names: PluginNames,
  known: KnownName | undefined,
): { readonly name: string; readonly version: string; readonly registrationName: string } {
  const name = names.as ?? known;
  const registrationName = names.register ?? (known && knownPlugin(known).registrationName);
  const version = names.version ?? facts.version ?? undefined;
  const missing = [
    ...(name === undefined ? ["--as NAME"] : []),
    ...(known === undefined && names.library === undefined ? ["--library PATH"] : []),
    ...(registrationName === undefined ? ["--register NAME"] : []),
    ...(version === undefined ? ["--version VERSION"] : []),
  ];
  if (name === undefined || registrationName === undefined || version === undefined || missing.length > 0) {
    const what =
      known === undefined ? `not a known plug-in (${KNOWN_NAMES.join(", ")})` : `taken for ${known}`;
    throw new SlmError("USAGE", `device add: ${path} is ${what}; it also needs ${missing.join(" ")}`, {
      context: { package: facts.name, libraries: providerLibraries(source) },
      suggestions: [`slm device add ${path} ${missing.join(" ")}`],
    });
  }
  if (!PLUGIN_NAME.test(name))
    throw new SlmError(
      "USAGE",
      `device add: --as may contain only lower-case letters, digits and hyphens, got '${name}'`,
    );
  if (!PLUGIN_VERSION.test(version))
    throw new SlmError(
      "USAGE",
      `device add: a version may contain only letters, digits and . + _ -, got '${version}'`,
    );
  return { name, version, registrationName };
}

const PROVIDER_LIBRARY = /(?:^|\/)(?:lib)?onnxruntime_providers_\w+\.(?:so|dll|dylib)$/u;

const providerLibraries = (source: PackageSource): readonly string[] =>
  source.entries.map((entry) => entry.path).filter((path) => PROVIDER_LIBRARY.test(path));

function otherVersion(path: string, known: KnownName, version: string): SlmError {
  return new SlmError(
    "DATA_INVALID",
    `${path}: ${known} must have the version of ONNX Runtime, ${ONNX_RUNTIME_VERSION}, got ${version}`,
    { suggestions: [obtainCommand(known)] },
  );
}

/** Files of Python and C, and files that only a package manager reads. */
const NOT_INSTALLED = [/\.(?:py|pyi|pyc|h|hpp|lib|pdb)$/u, /(?:^|\/)__pycache__\//u, /^[^/]+\.dist-info\//u];

function isKept(
  path: string,
  source: PackageSource,
  { record }: PackageFacts,
  row: KnownPlugin | undefined,
): boolean {
  // A folder may contain more than the wheel that was unpacked there.
  if (source.kind === "folder" && record !== undefined && !record.has(path)) return false;
  if (isLicence(path)) return true;
  if (NOT_INSTALLED.some((pattern) => pattern.test(path))) return false;
  return row === undefined || row.keeps.test(path);
}

/** The provider library's path: from the user, otherwise from the table. */
function locate(
  path: string,
  source: PackageSource,
  entries: readonly PackageEntry[],
  known: KnownName | undefined,
  { library }: PluginNames,
  platform: PlatformName,
): string {
  if (library !== undefined) {
    if (entries.some((entry) => entry.path === library)) return library;
    throw new SlmError("USAGE", `device add: --library: ${path} has no installable file '${library}'`, {
      context: { libraries: providerLibraries(source) },
    });
  }
  const file = libraryFileName(knownPlugin(known!).library, platform);
  const [found, ...others] = entries.filter((entry) => posix.basename(entry.path) === file);
  if (found === undefined) throw noLibrary(path, source, known!, file, platform);
  if (others.length === 0) return found.path;
  const all = [found, ...others].map((entry) => entry.path);
  throw new SlmError("USAGE", `device add: ${path} has several ${file}: ${all.join(", ")}`, {
    suggestions: all.map((one) => `--library ${one}`),
  });
}

function noLibrary(
  path: string,
  source: PackageSource,
  known: KnownName,
  file: string,
  platform: PlatformName,
): SlmError {
  const names = PLATFORMS.map((one) => libraryFileName(knownPlugin(known).library, one));
  const present = source.entries.find((entry) => names.includes(posix.basename(entry.path)));
  return present === undefined
    ? unsafe(path, `it has no ${file}, the provider library of ${known}`)
    : otherPlatform(path, `it has ${present.path}, but no ${file} for ${platform}`, known);
}

const otherPlatform = (path: string, reason: string, known: KnownName | undefined): SlmError =>
  new SlmError("DATA_INVALID", `${path} is for another platform: ${reason}`, {
    context: { source: path },
    suggestions: known === undefined ? [] : [`${obtainCommand(known)}   # on this machine`],
  });

interface Neighbours {
  readonly fileOptions: Readonly<Record<string, string>>;
  readonly preload: readonly string[];
  readonly aliases: Readonly<Record<string, string>>;
  /** Libraries of the package that are loaded in addition to the provider library. */
  readonly files: readonly string[];
}

/** Libraries next to the provider library, according to the table. */
function neighbours(
  path: string,
  entries: readonly PackageEntry[],
  library: string,
  row: KnownPlugin | undefined,
  platform: PlatformName,
): Neighbours {
  if (row === undefined) return { fileOptions: {}, preload: [], aliases: {}, files: [] };
  const folder = posix.dirname(library);
  const present = new Set(entries.map((entry) => entry.path));
  const aliases: Record<string, string> = {};
  if (systemOf(platform) === "linux")
    for (const [alias, start] of Object.entries(row.aliases)) {
      const wanted = posix.join(folder, alias);
      if (present.has(wanted)) continue;
      const target = [...present].find((file) => file.startsWith(posix.join(folder, start)));
      if (target === undefined) throw unsafe(path, `it has no ${start}* next to ${library}`);
      aliases[wanted] = target;
    }
  const fileOptions = Object.fromEntries(
    Object.entries(row.libraryOptions).map(([key, base]) => {
      const file = posix.join(folder, libraryFileName(base, platform));
      if (!present.has(file)) throw unsafe(path, `it has no ${file}`);
      return [key, file];
    }),
  );
  const preload = systemOf(platform) === "linux" ? row.preload.map((file) => posix.join(folder, file)) : [];
  const files = [...Object.values(fileOptions), ...Object.values(aliases)];
  return { fileOptions, preload, aliases, files };
}

async function checkPlatform(
  path: string,
  source: PackageSource,
  file: string,
  platform: PlatformName,
  known: KnownName | undefined,
): Promise<void> {
  const platforms = libraryPlatforms(await readStart(source, file, HEADER_BYTES));
  if (platforms === undefined) throw unsafe(path, `'${file}' is not a library`);
  if (!platforms.includes(platform))
    throw otherPlatform(path, `${file} is built for ${platforms.join(", ")}, this is ${platform}`, known);
}
