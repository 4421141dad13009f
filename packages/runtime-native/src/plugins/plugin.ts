/** An installed plug-in: `plugin.json` on disk, and the part that the runtime uses. */
import { join } from "node:path";
import { readJsonFile, relativePath, resolveInside } from "@slm/core";
import { ALL_DEVICES } from "@slm/devices";
import { z } from "zod";
import type { DeviceId } from "./known.js";
import { PLATFORMS } from "./platform.js";

/** What the runtime needs to register a plug-in and to append its devices. Paths are absolute. */
export interface Plugin {
  readonly name: string;
  readonly version: string;
  /** The provider library. */
  readonly library: string;
  /** Name to register the library under. */
  readonly registrationName: string;
  /** Provider options that name files of the plug-in. */
  readonly options: Readonly<Record<string, string>>;
  /** Libraries to load before the provider library, in this order. */
  readonly preload: readonly string[];
  readonly serves: readonly DeviceId[];
  /** The folder of the plug-in's files. */
  readonly folder: string;
}

export const PLUGIN_FILE = "plugin.json";
/** The package's files, in the layout of the package, because libraries find each other by it. */
export const FILES_FOLDER = "files";

/** Devices, named as in `--device`. */
export const DEVICE_IDS = ALL_DEVICES.map(({ target, profile }) => `${target}:${profile}` as DeviceId);

/** Names of plug-ins. They become folder names and command arguments. */
export const PLUGIN_NAME = /^[a-z0-9][a-z0-9-]{0,63}$/u;
/** Versions become folder names too. */
export const PLUGIN_VERSION = /^[A-Za-z0-9][A-Za-z0-9.+_-]{0,63}$/u;

const hash = z.string().regex(/^[0-9a-f]{64}$/u);

const pluginFile = z.strictObject({
  path: relativePath,
  bytes: z.int().nonnegative(),
  sha256: hash,
  aliasOf: relativePath.optional().describe("The file that this is an alternative name of."),
});
export type PluginFile = z.infer<typeof pluginFile>;

const pluginManifest = z.strictObject({
  schemaVersion: z.literal(1),
  name: z.string().regex(PLUGIN_NAME),
  version: z.string().regex(PLUGIN_VERSION),
  platform: z.enum(PLATFORMS),
  source: z.strictObject({
    kind: z.enum(["wheel", "zip", "directory"]),
    file: z.string().describe("Name of the file or folder that it was added from."),
    sha256: hash.nullable().describe("SHA-256 of the source file; null for a folder."),
    package: z.string().nullable().describe("Name that the package declares."),
    mismatches: z
      .array(relativePath)
      .describe(
        "Files that differ from the package's RECORD. The hash of the whole package was given and matched.",
      ),
  }),
  onnxRuntime: z.string().nullable().describe("The only version of ONNX Runtime that it works with."),
  library: relativePath,
  registrationName: z.string().min(1),
  options: z.record(z.string().min(1), z.string()).describe("Provider options."),
  fileOptions: z
    .record(z.string().min(1), relativePath)
    .describe("Provider options that name a file of the plug-in."),
  preload: z.array(relativePath),
  serves: z.array(z.enum(DEVICE_IDS)),
  licence: z.strictObject({
    declared: z.string().nullable().describe("Licence according to the package's metadata."),
    files: z.array(relativePath),
    terms: z.string().nullable().describe("Address of terms that the package only refers to."),
    acceptedAt: z.iso.datetime(),
  }),
  files: z.array(pluginFile).min(1),
});
export type PluginManifest = z.infer<typeof pluginManifest>;

/** The package that a plug-in was installed from. */
export type PackageOrigin = Omit<PluginManifest["source"], "mismatches">;

/** @throws SlmError INPUT_MISSING, DATA_INVALID */
export const readPluginManifest = (folder: string): Promise<PluginManifest> =>
  readJsonFile(join(folder, PLUGIN_FILE), pluginManifest);

/** The plug-in of a manifest in its folder. */
export function pluginOf(folder: string, manifest: PluginManifest): Plugin {
  const { name, version, registrationName, serves } = manifest;
  const files = join(folder, FILES_FOLDER);
  const absolute = (path: string): string => resolveInside(files, path);
  const fileOptions = Object.entries(manifest.fileOptions).map(
    ([key, path]) => [key, absolute(path)] as const,
  );
  return {
    name,
    version,
    library: absolute(manifest.library),
    registrationName,
    options: { ...manifest.options, ...Object.fromEntries(fileOptions) },
    preload: manifest.preload.map(absolute),
    serves,
    folder: files,
  };
}
