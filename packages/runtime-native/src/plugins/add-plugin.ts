/** Installs a plug-in from a package that the user obtained. The package is checked, its licence accepted, and all of it or nothing is unpacked. */
import { stat } from "node:fs/promises";
import { basename, resolve } from "node:path";
import { SlmError, hashFile, systemCode } from "@slm/core";
import { isKnownName, knownPlugin, obtainCommand, type KnownName } from "./known.js";
import { pluginsFolder } from "./installed.js";
import { installPlugin } from "./install-plugin.js";
import { readLicence, type PackageLicence } from "./licences.js";
import { readPackageFacts } from "./package-facts.js";
import { planPackage, type PluginNames } from "./package-plan.js";
import { openPackage } from "./open-package.js";
import { unsafe, type PackageLimits } from "./package-source.js";
import type { PlatformName } from "./platform.js";
import { pluginOf, type PackageOrigin, type Plugin, type PluginManifest } from "./plugin.js";

/** Shown to the user before anything is unpacked. */
export interface PluginOffer {
  readonly name: string;
  readonly version: string;
  readonly platform: PlatformName;
  readonly source: PackageOrigin;
  readonly licence: PackageLicence;
  /** Test result of this release of slm with this exact file; null if it was not tested. */
  readonly tried: string | null;
}

export interface AddPluginOptions extends PluginNames {
  /** A wheel, zip archive or folder. */
  readonly source: string;
  /**
   * Expected hash of the file, 64 hexadecimal digits. If it matches, files that differ from the package's RECORD are reported instead of rejected.
   */
  readonly sha256?: string | undefined;
  /** Accepts the licence by returning, rejects it by throwing. */
  readonly accept: (offer: PluginOffer) => Promise<void>;
  /** Default: {@link pluginsFolder}. */
  readonly folder?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly limits?: PackageLimits | undefined;
}

export interface AddedPlugin {
  readonly plugin: Plugin;
  readonly manifest: PluginManifest;
  readonly offer: PluginOffer;
  /** Whether the same package was already installed, so that nothing was unpacked. */
  readonly wasInstalled: boolean;
}

/**
 * Adds a plug-in to the user's cache. Nothing is downloaded. The files of a wheel are compared with the hashes in its RECORD. The files of an archive
 * are compared with its CRC-32 and sizes.
 *
 * @throws SlmError USAGE with a download command if the name of a plug-in is given instead of a file, and for an unknown package without names;
 * INPUT_MISSING for a missing file; DATA_INVALID for a corrupt or unsafe package, a different hash, or another platform; BUSY while another process
 * adds the same plug-in; the errors of `accept`
 */
export async function addPlugin(options: AddPluginOptions): Promise<AddedPlugin> {
  const { source: path, accept, folder = pluginsFolder() } = options;
  const found = await statSource(path);
  const sha256 = found.isDirectory() ? null : await hashFile(path);
  checkHash(path, sha256, options.sha256);
  const source = await openPackage(path, options.limits);
  try {
    const facts = await readPackageFacts(path, source);
    const plan = await planPackage(path, source, facts, options);
    const { name, version, platform, known } = plan;
    const from: PackageOrigin = {
      kind: facts.kind,
      file: basename(resolve(path)),
      sha256,
      package: facts.name,
    };
    const licence = await readLicence(source, plan.entries, facts, known && knownPlugin(known));
    const tried = known === undefined || sha256 === null ? null : triedResult(known, sha256);
    const offer: PluginOffer = { name, version, platform, source: from, licence, tried };
    await accept(offer);
    const { manifest, at, wasInstalled } = await installPlugin({
      root: folder,
      path,
      source,
      facts,
      plan,
      from,
      licence,
      isPinned: options.sha256 !== undefined,
      signal: options.signal,
    });
    return { plugin: pluginOf(at, manifest), manifest, offer, wasInstalled };
  } finally {
    source.close();
  }
}

async function statSource(path: string): Promise<Awaited<ReturnType<typeof stat>>> {
  try {
    return await stat(path);
  } catch (error) {
    if (systemCode(error) !== "ENOENT") throw error;
    throw isKnownName(path) ? nameNotFile(path) : noSuchPackage(path, error);
  }
}

function nameNotFile(name: KnownName): SlmError {
  const { title, package: packageName } = knownPlugin(name);
  const command = obtainCommand(name);
  const stem = packageName.replaceAll("-", "_");
  return new SlmError(
    "USAGE",
    `device add: '${name}' is a plug-in (${title}), not a file. slm does not download plug-ins; download the package with: ${command}`,
    { context: { name, command }, suggestions: [command, `slm device add ${stem}-*.whl`] },
  );
}

const noSuchPackage = (path: string, cause: unknown): SlmError =>
  new SlmError("INPUT_MISSING", `device add: no such file or folder: ${path}`, {
    context: { path },
    suggestions: ["slm device add qnn   # for a known name, prints the download command", "slm doctor"],
    cause,
  });

function checkHash(path: string, actual: string | null, expected: string | undefined): void {
  if (expected === undefined) return;
  if (!/^[0-9a-f]{64}$/iu.test(expected))
    throw new SlmError("USAGE", `device add: --sha256 must be 64 hexadecimal digits, got '${expected}'`);
  if (actual === null)
    throw new SlmError("USAGE", `device add: --sha256 needs a file, but ${path} is a folder`);
  if (actual !== expected.toLowerCase())
    throw unsafe(path, `its SHA-256 is ${actual}, expected ${expected.toLowerCase()}`);
}

const triedResult = (known: KnownName, sha256: string): string | null =>
  knownPlugin(known).tried.find((one) => one.sha256 === sha256)?.result ?? null;
