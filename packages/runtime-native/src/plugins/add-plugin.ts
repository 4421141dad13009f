/** Installs a plug-in from a package that the user obtained: checked, accepted, unpacked whole or not at all. */
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

/** What is asked before anything is unpacked. */
export interface PluginOffer {
  readonly name: string;
  readonly version: string;
  readonly platform: PlatformName;
  readonly source: PackageOrigin;
  readonly licence: PackageLicence;
  /** What this very file did when this release of slm was tried with it; null if it was not. */
  readonly tried: string | null;
}

export interface AddPluginOptions extends PluginNames {
  /** A wheel, zip archive or folder. */
  readonly source: string;
  /** Expected hash of the file, 64 hexadecimal digits. Its files then need not agree with its RECORD; those that do not are named. */
  readonly sha256?: string | undefined;
  /** Accepts the licence by returning; throws otherwise. */
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
  /** Whether the same package was installed before, and nothing had to be unpacked. */
  readonly wasInstalled: boolean;
}

/**
 * Adds a plug-in to the user's cache. Nothing is downloaded. A wheel's files are compared with the hashes of its RECORD, and every archive
 * with the CRC-32 and sizes that it declares.
 *
 * @throws SlmError USAGE for the name of a plug-in instead of a file, with the command that obtains it, and for a package whose names are
 * not known; INPUT_MISSING for no such file; DATA_INVALID for a corrupt or unsafe package, another hash, or one for another platform;
 * BUSY while another process adds the same plug-in; what `accept` throws
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
    `device add: '${name}' is a plug-in (${title}), not a file. slm downloads nothing itself; obtain the package with: ${command}`,
    { context: { name, command }, suggestions: [command, `slm device add ${stem}-*.whl`] },
  );
}

const noSuchPackage = (path: string, cause: unknown): SlmError =>
  new SlmError("INPUT_MISSING", `device add: no such file or folder: ${path}`, {
    context: { path },
    suggestions: ["slm device add qnn   # a known name: the command that obtains it", "slm doctor"],
    cause,
  });

function checkHash(path: string, actual: string | null, expected: string | undefined): void {
  if (expected === undefined) return;
  if (!/^[0-9a-f]{64}$/iu.test(expected))
    throw new SlmError("USAGE", `device add: --sha256 takes 64 hexadecimal digits, got '${expected}'`);
  if (actual === null)
    throw new SlmError("USAGE", `device add: --sha256 is the hash of a file; ${path} is a folder`);
  if (actual !== expected.toLowerCase())
    throw unsafe(path, `its SHA-256 is ${actual}, expected ${expected.toLowerCase()}`);
}

const triedResult = (known: KnownName, sha256: string): string | null =>
  knownPlugin(known).tried.find((one) => one.sha256 === sha256)?.result ?? null;
