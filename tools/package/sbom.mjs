/**
 * Makes the bill of materials of the published package in CycloneDX 1.5. Names, versions, hashes and licences come from the lock file. `npm
 * sbom` cannot make it, because it describes this repository and not the bundle.
 *
 * Source: CycloneDX 1.5, JSON reference; package URLs of npm (purl-spec).
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { root } from "./layout.mjs";

/**
 * @typedef {import("./licences.mjs").Bundled} Bundled
 * @typedef {import("./licences.mjs").Installed} Installed
 *
 * The fields that are read from a package in package-lock.json.
 * @typedef {{ version: string, license?: string, integrity?: string, dependencies?: Record<string, string>, optionalDependencies?: Record<string, string> }} Locked
 */

/** @returns {Promise<Readonly<Record<string, Locked>>>} */
const readLock = async () => JSON.parse(await readFile(join(root, "package-lock.json"), "utf8")).packages;

/** The folder of `name` when Node resolves it from a package's folder. */
function folderOf(
  /** @type {Readonly<Record<string, object>>} */ lock,
  /** @type {string} */ name,
  /** @type {string} */ from,
) {
  for (let at = from; ; at = at.slice(0, Math.max(0, at.lastIndexOf("node_modules/") - 1))) {
    const folder = at === "" ? `node_modules/${name}` : `${at}/node_modules/${name}`;
    if (lock[folder] !== undefined) return folder;
    if (!at.includes("node_modules/")) return undefined;
  }
}

/**
 * All packages that an installation adds, including those for other platforms.
 *
 * @param names dependencies of the published package
 * @returns packages by name and version, with licences and hashes. @throws Error if a package is not in the lock file or has no licence
 */
export async function installedPackages(/** @type {string[]} */ names) {
  const lock = await readLock();
  /** @type {Map<string, Installed>} */
  const found = new Map();
  const waiting = names.map((name) => ({ name, from: "", isNeeded: true }));
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const folder = folderOf(lock, next.name, next.from);
    if (folder === undefined && next.isNeeded) throw new Error(`${next.name}: not in package-lock.json`);
    if (folder === undefined || found.has(folder)) continue;
    const locked = lock[folder];
    if (locked === undefined) continue;
    const { version, license, integrity, dependencies = {}, optionalDependencies = {} } = locked;
    if (license === undefined) throw new Error(`${next.name}: no licence in package-lock.json`);
    found.set(folder, {
      folder,
      name: next.name,
      version,
      license,
      ...(integrity === undefined ? {} : { integrity }),
    });
    for (const name of Object.keys(dependencies))
      waiting.push({ name, from: folder, isNeeded: !(name in optionalDependencies) });
    for (const name of Object.keys(optionalDependencies))
      waiting.push({ name, from: folder, isNeeded: false });
  }
  // One version can be in several folders.
  const versions = new Map([...found.values()].map((one) => [`${one.name}@${one.version}`, one]));
  return [...versions.values()].sort((a, b) =>
    `${a.name}@${a.version}`.localeCompare(`${b.name}@${b.version}`),
  );
}

const addressOf = (/** @type {{ name: string, version: string }} */ { name, version }) =>
  `pkg:npm/${name.replace("@", "%40")}@${version}`;

/** Texts such as "Apache-2.0 AND MIT" are expressions; texts that are not SPDX are names. */
const licenceOf = (/** @type {string} */ license) =>
  /^\(?[A-Za-z0-9.+-]+( (AND|OR|WITH) [A-Za-z0-9.+-]+)*\)?$/u.test(license)
    ? { expression: license }
    : { license: { name: license } };

function component(
  /** @type {Omit<Installed, "folder">} */ { name, version, license, integrity = "" },
  /** @type {boolean} */ isBundled,
) {
  const [algorithm, digest = ""] = integrity.split("-");
  return {
    type: "library",
    name,
    version,
    "bom-ref": addressOf({ name, version }) + (isBundled ? "#bundled" : ""),
    purl: addressOf({ name, version }),
    licenses: [licenceOf(license)],
    ...(algorithm === "sha512"
      ? { hashes: [{ alg: "SHA-512", content: Buffer.from(digest, "base64").toString("hex") }] }
      : {}),
    properties: [{ name: "slm:place", value: isBundled ? "bundled" : "installed" }],
  };
}

/** @param bundled bundled packages, by their folders @param installed from {@link installedPackages} */
export async function softwareBill(
  /** @type {{ name: string, version: string, license: string }} */ manifest,
  /** @type {readonly Bundled[]} */ bundled,
  /** @type {readonly Installed[]} */ installed,
) {
  const lock = await readLock();
  const versions = new Map(bundled.map((one) => [`${one.name}@${one.version}`, one]));
  const inside = [...versions.values()].map((one) => {
    const license =
      typeof one.license === "string" ? one.license : (one.license?.type ?? "see THIRD-PARTY-LICENSES");
    const integrity = lock[one.folder]?.integrity;
    return component({ ...one, license, ...(integrity === undefined ? {} : { integrity }) }, true);
  });
  const { name, version, license } = manifest;
  return {
    $schema: "http://cyclonedx.org/schema/bom-1.5.schema.json",
    bomFormat: "CycloneDX",
    specVersion: "1.5",
    version: 1,
    // There is no time and no random number, so the same sources produce the same file.
    metadata: {
      component: {
        type: "application",
        name,
        version,
        "bom-ref": addressOf({ name, version }),
        licenses: [licenceOf(license)],
      },
    },
    components: [...inside, ...installed.map((one) => component(one, false))],
  };
}
