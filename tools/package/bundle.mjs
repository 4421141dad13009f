/** Bundles our code for Node.js, split so that a command loads only what it needs. */
import { join } from "node:path";
import { build } from "esbuild";
import { BUNDLED_TOO, DEPENDENCIES, ENTRIES, OPTIONAL, output, root } from "./layout.mjs";

/**
 * Bundles contain CommonJS and ES modules. CommonJS loads Node's modules with `require`, which ES modules do not have. The imported name is
 * not used anywhere else.
 */
const REQUIRE = `import { createRequire as createRequireOfBundle } from "node:module";
const require = createRequireOfBundle(import.meta.url);`;

/**
 * Our own copy of zod has no messages in forty languages. Loading zod as an installed package takes 95 files and a seventh of the time in which
 * `slm generate` answers.
 *
 * @type {import("esbuild").Plugin}
 */
const WITHOUT_LOCALES = {
  name: "without-locales",
  setup: (build) => {
    build.onResolve({ filter: /\/locales\/index\.js$/ }, ({ path, importer }) =>
      importer.includes("/zod/") ? { path, namespace: "empty" } : undefined,
    );
    build.onLoad({ filter: /.*/, namespace: "empty" }, () => ({ contents: "" }));
  },
};

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
    plugins: [WITHOUT_LOCALES],
    banner: { js: REQUIRE },
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: "none", // licences.mjs collects them.
    metafile: true,
    logLevel: "warning",
  });
  return metafile;
}
