/**
 * Builds the page (`dist/site`), the library for other web pages (`dist/browser`), and the programs for an npm package's `generate()`
 * (`dist/npm`), each without imports from this repository.
 *
 *   node apps/web/build.mjs
 */
import { cp, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";
import { brotliCompressSync, constants } from "node:zlib";
import { build } from "esbuild";
import { withoutModules } from "../../tools/package/lean-packages.mjs";

const here = import.meta.dirname;
const site = join(here, "dist", "site");
const conditions = ["@slm/source"];

/** Bundles only the kinds of schemas that are used, a third of what a page would download: no languages, compiled schemas and JSON Schemas. */
const leanSchemas = [
  withoutModules([[/\/zod\//, /\/(locales\/index|compile|to-json-schema|json-schema-processors)\.js$/]]),
  {
    name: "named-schemas",
    setup({ onLoad }) {
      onLoad({ filter: /\/src\/.*\.ts$/, namespace: "file" }, async ({ path }) => {
        const text = await readFile(path, "utf8");
        const named = text.replace('import { z } from "zod"', 'import * as z from "zod"');
        return { contents: named, loader: "ts" };
      });
    },
  },
];

/**
 * Bundles only the code that the page uses, because our modules have no side effects when they are imported. If the page uses other Node
 * modules, file locks or the native image decoder, the build fails.
 */
const forBrowsers = (/** @type {RegExp} */ replaced) => ({
  name: "for-browsers",
  setup({ onResolve, onLoad, resolve }) {
    const shims = { "node:fs/promises": "files.ts", "node:path": "path.ts", "node:util": "util.ts" };
    onResolve({ filter: /^(node:|(proper-lockfile|sharp|undici)$)/ }, ({ path }) => {
      const shim = shims[path];
      if (shim !== undefined)
        return { path: join(here, "src", "shims", shim), namespace: "shim", sideEffects: false };
      return { path, namespace: "absent", sideEffects: false };
    });
    // As CommonJS, because then names that only unused code imports need not exist.
    onLoad({ filter: /.*/, namespace: "shim" }, ({ path }) => ({
      contents: `module.exports = require(${JSON.stringify(path)});`,
      resolveDir: here,
    }));
    onLoad({ filter: /.*/, namespace: "absent" }, () => ({ contents: "module.exports = {};" }));
    // Editing graphs and evaluating rows need files on a disk, which a page does not have. Its models return logits in host memory.
    onResolve({ filter: replaced }, ({ path }) => ({
      path: join(here, "src", "shims", basename(path).replace(/js$/, "ts")),
      sideEffects: false,
    }));
    // A page's files cannot be pipes.
    onResolve({ filter: /\/regular-file\.js$/ }, () => ({
      path: join(here, "src", "shims", "regular-file.ts"),
      namespace: "shim",
      sideEffects: false,
    }));
    onResolve({ filter: /^(@slm\/|\.\.?\/)/ }, async ({ path, pluginData, ...options }) => {
      if (pluginData === "seen") return undefined;
      const found = await resolve(path, { ...options, pluginData: "seen" });
      return found.errors.length > 0 ? found : { ...found, sideEffects: options.kind === "entry-point" };
    });
  },
});

/** Modules that have a shim, by the end of their path. A page also leaves out grammars, since it has no setting for them. */
const REPLACED = /\/(evaluate-answers|load-edited|token-graphs)\.js$/;
const REPLACED_IN_PAGE = /\/(evaluate-answers|load-edited|token-graphs|schema-constraint)\.js$/;
/** The worker of models with symbols also leaves out the tokenizers of pieces, which are a third of its code. */
const REPLACED_FOR_SYMBOLS = new RegExp(
  `${REPLACED_IN_PAGE.source}|\\/(library-tokenizer|piece-tokenizer)\\.js$`,
);

for (const folder of ["site", "browser", "npm"])
  await rm(join(here, "dist", folder), { recursive: true, force: true });
await mkdir(site, { recursive: true });
await cp(join(here, "public"), site, { recursive: true });

/** Bundles entries for a browser, and fails if they use a module that a browser does not have. */
async function buildForBrowsers(options, replaced) {
  const { metafile } = await build({
    ...options,
    metafile: true,
    bundle: true,
    format: "esm",
    platform: "browser",
    target: "es2022",
    minify: true,
    conditions,
    plugins: [...leanSchemas, forBrowsers(replaced)],
    logLevel: "warning",
  });
  for (const { inputs } of Object.values(metafile.outputs)) {
    const used = Object.entries(inputs).find(
      ([path, { bytesInOutput }]) => path.startsWith("absent:") && bytesInOutput > 0,
    );
    if (used !== undefined) throw new Error(`the page uses ${used[0]}, which a browser does not have`);
  }
}

const PAGE_ENTRIES = ["page", "model-worker", "portable-worker", "service-worker"];
await buildForBrowsers(
  {
    entryPoints: PAGE_ENTRIES.map((name) => join(here, "src", `${name}.ts`)),
    outdir: site,
    legalComments: "linked",
  },
  REPLACED_IN_PAGE,
);
await buildForBrowsers(
  {
    entryPoints: { "symbols-worker": join(here, "src", "portable-worker.ts") },
    outdir: site,
    legalComments: "linked",
  },
  REPLACED_FOR_SYMBOLS,
);
await buildForBrowsers(
  {
    entryPoints: [join(here, "src", "browser", "index.ts")],
    outfile: join(here, "dist", "browser", "index.js"),
    legalComments: "eof",
  },
  REPLACED,
);

/** Reduces WebAssembly to a fifth of its size. The best gzip reduces it to a quarter in the same time; the next quality takes twice as long. */
const compressed = (bytes) =>
  brotliCompressSync(bytes, {
    params: {
      [constants.BROTLI_PARAM_QUALITY]: 6,
      [constants.BROTLI_PARAM_LGWIN]: constants.BROTLI_MAX_WINDOW_BITS,
      [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
    },
  });

/** ONNX Runtime's files: the small build, and the GPU build in a folder that is cached for offline use only after its first use. */
const ortDist = dirname(
  createRequire(join(here, "..", "..", "packages/runtime-web/src/")).resolve(
    "onnxruntime-web/ort-wasm-simd-threaded.wasm",
  ),
);
const ortFiles = {
  ort: ["ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm"],
  gpu: ["ort.webgpu.min.mjs", "ort-wasm-simd-threaded.asyncify.mjs", "ort-wasm-simd-threaded.asyncify.wasm"],
};
for (const [folder, names] of Object.entries(ortFiles)) {
  await mkdir(join(site, folder), { recursive: true });
  for (const name of names) {
    // `slm deploy --to web` decompresses them.
    if (name.endsWith(".wasm"))
      await writeFile(join(site, folder, `${name}.br`), compressed(await readFile(join(ortDist, name))));
    else await cp(join(ortDist, name), join(site, folder, name));
  }
}

await cp(
  createRequire(join(here, "package.json")).resolve("@slm/c-export/kernels.wasm"),
  join(site, "kernels.wasm"),
);

const { nodeDependencies, imageDependencies } = JSON.parse(
  await readFile(join(here, "package.json"), "utf8"),
);
await buildForBrowsers(
  {
    entryPoints: [join(here, "src", "npm", "open.ts")],
    outdir: join(here, "dist", "npm"),
    legalComments: "eof",
  },
  REPLACED_IN_PAGE,
);
/** @type {import("esbuild").BuildOptions} */
const forNode = {
  outdir: join(here, "dist", "npm"),
  bundle: true,
  format: "esm",
  platform: "node",
  target: "node20",
  minify: true,
  logLevel: "warning",
};
await build({
  ...forNode,
  entryPoints: [join(here, "src", "npm", "portable.ts")],
  external: ["./open.js"],
});
await build({
  ...forNode,
  entryPoints: [join(here, "src", "npm", "graphs.ts")],
  conditions,
  plugins: leanSchemas,
  external: Object.keys({ ...nodeDependencies, ...imageDependencies }),
  // Bundled CommonJS calls `require` for Node's modules, which does not exist in an ES module.
  banner: {
    js: `import { createRequire as createRequireOfBundle } from "node:module";\nconst require = createRequireOfBundle(import.meta.url);`,
  },
  legalComments: "eof",
});
