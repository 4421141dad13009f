/** Bundles our code for Node.js, split so that a command loads only what it needs. */
import { join } from "node:path";
import { build } from "esbuild";
import { DEPENDENCIES, ENTRIES, OPTIONAL, output, root } from "./layout.mjs";

/**
 * A package is bundled from its CommonJS or ES modules alike; CommonJS asks for Node's modules by `require`, which an ES module
 * does not have. The name that is imported is one that no code has.
 */
const REQUIRE = `import { createRequire as createRequireOfBundle } from "node:module";
const require = createRequireOfBundle(import.meta.url);`;

/** @returns esbuild's metafile: which files went into the bundle */
export async function bundleNode() {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: ENTRIES,
    outdir: join(output, "dist"),
    // All chunks lie directly in `dist/`: paths to workers start from there.
    chunkNames: "[name]-[hash]",
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node20",
    conditions: ["@slm/source"],
    external: [...Object.keys(DEPENDENCIES), ...OPTIONAL],
    banner: { js: REQUIRE },
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: "none", // licences.mjs collects them.
    metafile: true,
    logLevel: "warning",
  });
  return metafile;
}
