/** Packs a bundle as an npm package: `generate()` with types, and the model. */
import { readFile, stat } from "node:fs/promises";
import { createReadStream } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { createGzip } from "node:zlib";
import { readManifest, SlmError, writeBytesAtomic } from "@slm/core";
import { bundleEntries } from "../bundle/pack.js";
import { TAR_BLOCK, encodeTarHeader, paddingAfter } from "../bundle/tar-header.js";

export interface NpmPackageOptions {
  /** Name of the package, with or without a scope. */
  readonly name: string;
  readonly version: string;
  /** The JavaScript file that exports `generate()` and loads the model from `./model/`. */
  readonly program: string;
  /** Packages that the program imports. */
  readonly dependencies: Readonly<Record<string, string>>;
  readonly licence: string;
}

const NAME = /^(?:@[a-z0-9-][a-z0-9-._]*\/)?[a-z0-9-][a-z0-9-._]*$/;
const VERSION = /^\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?$/;

const TYPES = `/** One generated text. */
export interface Generated {
  readonly text: string;
  /** Number of generated tokens. */
  readonly tokens: number;
  /** True if the model ended the answer, false if it reached \`maxTokens\`. */
  readonly finished: boolean;
}

export interface Options {
  /** Image for a vision-language model: a file, or its bytes. */
  readonly image?: string | Uint8Array;
  /** Most tokens of an answer. Default: the model's limit. */
  readonly maxTokens?: number;
  /** Called with each piece of text as soon as it is final. */
  readonly onToken?: (piece: string) => void;
  /** Stops the generation between two tokens. */
  readonly signal?: AbortSignal;
}

/** Answers one text. The first call loads the model, which stays loaded. */
export declare function generate(source: string, options?: Options): Promise<Generated>;

/** Frees the model's memory. The next call loads it again. */
export declare function close(): Promise<void>;
`;

/**
 * Writes the tarball; the same bundle gives the same bytes.
 *
 * @throws SlmError USAGE for a name or version that npm does not allow, DATA_INVALID for an incomplete bundle.
 */
export async function writeNpmPackage(
  bundle: string,
  file: string,
  options: NpmPackageOptions,
): Promise<void> {
  const { name, version } = options;
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
  const texts: Readonly<Record<string, string | Uint8Array>> = {
    "package.json": packageJson(options),
    "README.md": await readFile(join(bundle, "README.md")),
    "index.js": await readFile(options.program),
    "index.d.ts": TYPES,
  };
  const archive = Readable.from(archivePieces(bundle, texts));
  // Node writes no time into the gzip header, so the same files give the same bytes.
  await writeBytesAtomic(file, await buffer(archive.pipe(createGzip({ level: 9 }))));
}

async function* archivePieces(
  bundle: string,
  texts: Readonly<Record<string, string | Uint8Array>>,
): AsyncGenerator<Uint8Array> {
  for (const [path, text] of Object.entries(texts)) {
    const bytes = Buffer.from(text);
    yield encodeTarHeader({ path: `package/${path}`, bytes: bytes.byteLength });
    yield bytes;
    yield Buffer.alloc(paddingAfter(bytes.byteLength));
  }
  for (const { path } of await bundleEntries(bundle)) {
    const full = join(bundle, path);
    const { size } = await stat(full);
    yield encodeTarHeader({ path: `package/model/${path}`, bytes: size });
    for await (const piece of createReadStream(full)) yield piece as Uint8Array;
    yield Buffer.alloc(paddingAfter(size));
  }
  yield Buffer.alloc(2 * TAR_BLOCK);
}

function packageJson({ name, version, dependencies, licence }: NpmPackageOptions): string {
  return `${JSON.stringify(
    {
      name,
      version,
      description: "A small language model with its runtime: generate(text)",
      license: licence,
      type: "module",
      engines: { node: ">=20" },
      exports: { ".": { types: "./index.d.ts", default: "./index.js" } },
      files: ["index.js", "index.d.ts", "model"],
      dependencies,
    },
    null,
    2,
  )}\n`;
}
