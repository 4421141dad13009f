/** Bundles our code for Node.js, split so that a command loads only what it needs. `merge.mjs` then merges what is always loaded together. */
import { chmod } from "node:fs/promises";
import { join } from "node:path";
import { build } from "esbuild";
import { DIRECT_IMPORTS } from "./direct-imports.mjs";
import { LEAN_PACKAGES, UNUSED } from "./lean-packages.mjs";
import { BUNDLED_TOO, DEPENDENCIES, ENTRIES, OPTIONAL, output, root } from "./layout.mjs";

/**
 * Bundles contain CommonJS and ES modules. CommonJS loads Node's modules with `require`, which ES modules do not have. The imported name is
 * not used anywhere else.
 */
const REQUIRE = `import { createRequire as createRequireOfBundle } from "node:module";
const require = createRequireOfBundle(import.meta.url);`;

/** @returns esbuild's metafile with the files in the bundle */
export async function bundleNode() {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: ENTRIES,
    outdir: join(output, "dist"),
    // All chunks are directly in `dist/`, because paths to workers are relative to it.
    chunkNames: "[name]-[hash]",
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node20",
    conditions: ["@slm/source"],
    external: [...Object.keys(DEPENDENCIES).filter((name) => !BUNDLED_TOO.includes(name)), ...OPTIONAL],
    plugins: [UNUSED, LEAN_PACKAGES, DIRECT_IMPORTS],
    banner: { js: REQUIRE },
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: "none", // licences.mjs collects them.
    metafile: true,
    logLevel: "warning",
  });
  return metafile;
}

/** Bundles the program of the package, which runs before everything else and shares no file with it. */
export async function bundleProgram() {
  const file = join(output, "bin", "run.js");
  await build({
    entryPoints: [join(root, "tools/package/program.mjs")],
    outfile: file,
    bundle: true,
    format: "esm",
    platform: "node",
    target: "node20",
  });
  await chmod(file, 0o755);
}
