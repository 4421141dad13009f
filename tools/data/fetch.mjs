/**
 * Downloads the sources of tasks in `configs` with npm or apt, once, to the user's cache. They are not part of the repository.
 *
 *   node tools/data/fetch.mjs cldr|debian
 *
 * Prints the folder to stdout and the licence to stderr. `configs/shared/user-cache.ts` reads the folder.
 */
import {
  existsSync,
  mkdirSync,
  openSync,
  closeSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { execFileSync } from "node:child_process";
import { checkSha256, inWorkFolder, run, USER_CACHE } from "../lib/user-cache.mjs";

const CLDR = {
  name: "cldr-dates-full",
  version: "48.2.0",
  sha256: "0256f1cefeca14f7d515be4872dda48fcdd7e75381430f25aafd0143eae5b430",
};

/** Debian release (measured: point release 12.15). Only section main and amd64, on every machine. */
const DEBIAN = {
  suite: "bookworm",
  keyring: "/usr/share/keyrings/debian-archive-keyring.gpg",
  /** Languages of package descriptions. English is the original. */
  languages: ["en", "cs", "es", "fr", "pl", "pt_BR", "sk"],
};

const SOURCES = {
  cldr: {
    title: `Unicode CLDR ${CLDR.version}, dates of all locales (npm ${CLDR.name})`,
    licence: "Unicode-3.0",
    folder: `${CLDR.name}-${CLDR.version}`,
    make: makeCldr,
  },
  debian: {
    title: `Debian ${DEBIAN.suite}, index of packages and their translated descriptions`,
    licence: "that of each package; all are free according to the Debian Free Software Guidelines",
    folder: `debian-${DEBIAN.suite}`,
    make: makeDebian,
  },
};

export const SOURCE_NAMES = /** @type {(keyof typeof SOURCES)[]} */ (Object.keys(SOURCES));

/** Folder of a source. Downloads it if it is missing. */
export function sourceFolder(/** @type {keyof typeof SOURCES} */ name) {
  const { title, licence, folder, make } = SOURCES[name];
  const path = join(USER_CACHE, "data", folder);
  process.stderr.write(`${title}. Licence: ${licence}.\n`);
  if (existsSync(path)) return path;
  inWorkFolder(dirname(path), (work) => {
    const made = join(work, folder);
    mkdirSync(made);
    make(work, made);
    renameSync(made, path);
  });
  return path;
}

/** `<locale>.json`: the Gregorian calendar of each locale. */
function makeCldr(/** @type {string} */ work, /** @type {string} */ made) {
  run("npm", ["pack", "--silent", "--pack-destination", work, `${CLDR.name}@${CLDR.version}`]);
  const archive = join(work, `${CLDR.name}-${CLDR.version}.tgz`);
  checkSha256(archive, CLDR.sha256);
  run("tar", ["-xzf", archive, "-C", work]);
  const main = join(work, "package", "main");
  for (const locale of readdirSync(main))
    renameSync(join(main, locale, "ca-gregorian.json"), join(made, `${locale}.json`));
  renameSync(join(work, "package", "LICENSE"), join(made, "LICENSE"));
}

/** The Debian mirror from the environment, or the mirror of this machine's apt. */
function debianMirror() {
  const { DEBIAN_MIRROR } = process.env;
  if (DEBIAN_MIRROR !== undefined) return DEBIAN_MIRROR;
  const [mirror] = execFileSync("apt-get", ["indextargets", "--format", "$(SITE)", "Origin: Debian"], {
    encoding: "utf8",
  }).split("\n");
  if (mirror) return mirror;
  throw new Error("apt has no Debian mirror: run apt-get update, or set DEBIAN_MIRROR");
}

/** Downloads `Packages`, `Translation-<language>` and `InRelease` with apt, without this machine's own sources. */
function makeDebian(/** @type {string} */ work, /** @type {string} */ made) {
  const lists = join(work, "lists");
  for (const folder of [join(lists, "partial"), join(work, "cache", "archives", "partial")])
    mkdirSync(folder, { recursive: true });
  const sources = join(work, "sources.list");
  writeFileSync(sources, `deb [signed-by=${DEBIAN.keyring}] ${debianMirror()} ${DEBIAN.suite} main\n`);
  const settings = {
    "Dir::Etc::SourceList": sources,
    "Dir::Etc::SourceParts": "/dev/null",
    "Dir::State::Lists": lists,
    "Dir::Cache": join(work, "cache"),
    "APT::Architecture": "amd64",
    "APT::Architectures": "amd64",
    "APT::Sandbox::User": "",
    "Acquire::Languages": DEBIAN.languages.join(","),
  };
  const options = Object.entries(settings).flatMap(([key, value]) => ["--option", `${key}=${value}`]);
  const hint = "needs apt-get of Debian or Ubuntu and the package debian-archive-keyring";
  run("apt-get", [...options, "update", "--quiet=2"], { stdout: 2, hint });
  for (const { name, target } of [
    { name: "Packages", target: "Packages" },
    ...DEBIAN.languages.map((one) => ({ name: `Translation-${one}`, target: one })),
  ]) {
    const only = name === target ? "Created-By: Packages" : `Language: ${target}`;
    const [file = ""] = execFileSync(
      "apt-get",
      [...options, "indextargets", "--format", "$(FILENAME)", only],
      {
        encoding: "utf8",
      },
    )
      .trim()
      .split("\n");
    const whole = openSync(join(made, name), "w");
    try {
      run("/usr/lib/apt/apt-helper", ["cat-file", file], { stdout: whole });
    } finally {
      closeSync(whole);
    }
  }
  const signed = readdirSync(lists).find((file) => file.endsWith("InRelease"));
  if (signed === undefined) throw new Error("apt-get update wrote no InRelease");
  const release = join(lists, signed);
  const text = readFileSync(release, "utf8");
  const said = (/** @type {string} */ key) => new RegExp(`^${key}: (.*)$`, "mu").exec(text)?.[1];
  process.stderr.write(`Debian ${said("Version")} of ${said("Date")}\n`);
  renameSync(release, join(made, "InRelease"));
}

if (process.argv[1] === import.meta.filename) {
  const name = SOURCE_NAMES.find((one) => one === process.argv[2]);
  if (name === undefined) {
    process.stderr.write(`usage: node tools/data/fetch.mjs ${SOURCE_NAMES.join("|")}\n`);
    process.exitCode = 2;
  } else console.log(sourceFolder(name));
}
