/** Packs a bundle as an npm package: `generate()` with types, and the model. */
import { createWriteStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { MANIFEST_FILE, readManifest, replaceAtomic, SlmError } from "@slm/core";
import { chooseEngine, filesOfEngine, readDeviceModel, type EngineName } from "@slm/exported-model";
import { bundleEntries } from "../bundle/pack.js";
import { tarOf } from "../bundle/tar.js";
import { MAIN_TYPES, OPEN_TYPES } from "./npm-types.js";

export interface NpmPackageOptions {
  /** Name of the package, with or without a scope. */
  readonly name: string;
  readonly version: string;
  /** The program for each engine. */
  readonly programs: Readonly<Record<EngineName, NpmProgram>>;
  /** What runs the model. Default: see `chooseEngine`. */
  readonly engine?: EngineName | undefined;
  readonly licence: string;
}

/** A program that exports `generate()` and loads the model from `./model/`. */
interface NpmProgram {
  /** Its files by their names in the package: `index.js` is the program, and `open.js` the one for hosts without a disk. */
  readonly files: Readonly<Record<string, string>>;
  /** Packages that it imports. */
  readonly dependencies: Readonly<Record<string, string>>;
}

const NAME = /^(?:@[a-z0-9-][a-z0-9-._]*\/)?[a-z0-9-][a-z0-9-._]*$/;
const VERSION = /^\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?$/;

/**
 * Writes the tarball, with the files that the engine reads; the same bundle gives the same bytes.
 *
 * @throws SlmError USAGE for a name or version that npm does not allow, or an engine that cannot run the model; DATA_INVALID for an incomplete bundle.
 */
export async function writeNpmPackage(
  bundle: string,
  file: string,
  options: NpmPackageOptions,
): Promise<void> {
  const { name, version, programs, engine: asked } = options;
  if (!NAME.test(name) || name.length > 214 || !VERSION.test(version)) {
    throw new SlmError(
      "USAGE",
      `deploy: npm does not allow the package name '${name}' or the version '${version}'`,
      {
        suggestions: ["--name @scope/model --package-version 1.0.0"],
      },
    );
  }
  await readManifest(bundle);
  const model = await readDeviceModel(bundle);
  const { engine } = chooseEngine(model, { engine: asked });
  const { files, dependencies } = programs[engine];
  const own: Record<string, string | Uint8Array> = {};
  for (const [path, file] of Object.entries(files)) own[path] = await readFile(file);
  own["index.d.ts"] = MAIN_TYPES;
  if (engine === "wasm") own["open.d.ts"] = OPEN_TYPES;
  const texts: Readonly<Record<string, string | Uint8Array>> = {
    "package.json": packageJson(options, { engine, dependencies, files: Object.keys(own) }),
    "README.md": readme(await readFile(join(bundle, "README.md"), "utf8"), { name, engine }),
    ...own,
  };
  const paths = (await bundleEntries(bundle)).map(({ path }) => path);
  const read = [...filesOfEngine(model, paths, engine), MANIFEST_FILE];
  const archive = tarOf([
    ...Object.entries(texts).map(([path, text]) => ({
      path: `package/${path}`,
      contents: Buffer.from(text),
    })),
    ...read.map((path) => ({ path: `package/model/${path}`, contents: join(bundle, path) })),
  ]);
  // Node writes no time into the gzip header, so the same files give the same bytes.
  await replaceAtomic(file, (temporary) =>
    pipeline(archive, createGzip({ level: 9 }), createWriteStream(temporary, { flags: "wx" })),
  );
}

interface ReadmeOptions {
  readonly name: string;
  readonly engine: EngineName;
}

/** The model card, with how to use the package under its title. */
function readme(card: string, { name, engine }: ReadmeOptions): string {
  const anyHost = [
    "In a host without a disk, such as a browser or a Cloudflare Worker, pass the bytes of the package's files:",
    "",
    "```js",
    `import { openModel } from "${name}/open";`,
    "",
    "const model = await openModel({ kernels, read: (path) => bytesOf(`model/${path}`) });",
    'const { text } = await model.generate("TEXT");',
    "```",
  ];
  const usage = [
    "```js",
    `import { generate } from "${name}";`,
    "",
    'const { text, confidence, abstained } = await generate("TEXT");',
    "```",
    ...(engine === "wasm" ? ["", ...anyHost] : []),
  ];
  const [title = "", ...rest] = card.split("\n");
  // The card's own section runs the bundle with slm, which this package does not need.
  return (
    [title, "", ...usage, ...rest.join("\n").split("\n## Running it")[0]!.split("\n")].join("\n").trimEnd() +
    "\n"
  );
}

interface PackageContent extends Pick<NpmProgram, "dependencies"> {
  readonly engine: EngineName;
  /** Files in addition to the model's. */
  readonly files: readonly string[];
}

/** What hosts without a disk import. Bundlers of such hosts also import the files. */
const EXPORTS_OF_ANY_HOST = {
  "./open": { types: "./open.d.ts", default: "./open.js" },
  "./kernels.wasm": "./kernels.wasm",
  "./model/*": "./model/*",
};

function packageJson(
  { name, version, licence }: NpmPackageOptions,
  { engine, dependencies, files }: PackageContent,
): string {
  return `${JSON.stringify(
    {
      name,
      version,
      description: "A small language model with its runtime: generate(text)",
      license: licence,
      type: "module",
      engines: { node: ">=20" },
      exports: {
        ".": { types: "./index.d.ts", default: "./index.js" },
        ...(engine === "wasm" ? EXPORTS_OF_ANY_HOST : {}),
      },
      files: [...files, "model"],
      dependencies,
    },
    null,
    2,
  )}\n`;
}
