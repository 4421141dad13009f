/**
 * Builds the published package `@encdec/slm` into `dist-package/`: the bundled command line and library, the page, the entry for browsers,
 * declarations, the quick start and licences. Run `npm run build` first.
 *
 *   npm run package
 */
import { cp, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join, relative } from "node:path";
import { commands } from "../../apps/cli/dist/commands.js";
import { exitCodeTable } from "../../apps/cli/dist/ui/exit-codes.js";
import { SlmCommand } from "../../apps/cli/dist/ui/slm-command.js";
import { manPage } from "../scripts/lib/man-page.mjs";
import { bundleNode, bundleProgram } from "./bundle.mjs";
import { rollDeclarations } from "./declarations.mjs";
import { output, root } from "./layout.mjs";
import { mergeChunks } from "./merge.mjs";
import { writeQuickStart } from "./quick-start.mjs";
import { bundledPackages, writeLicences } from "./licences.mjs";
import { packageManifest } from "./manifest.mjs";
import { installedPackages, softwareBill } from "./sbom.mjs";

/** Files to copy, by their path in the package. */
const COPIES = {
  LICENSE: "LICENSE",
  "SKILL.md": "SKILL.md",
  "recipe.schema.json": "docs/reference/recipe.schema.json",
  "README.md": "tools/package/README.md",
  "dist/browser.js": "apps/web/dist/browser/index.js",
  students: "packages/slm/students",
  kernels: "packages/c-export/kernels",
  "web/dist/site": "apps/web/dist/site",
  "web/dist/npm": "apps/web/dist/npm",
};

const writeJson = (/** @type {string} */ path, /** @type {object} */ value) =>
  writeFile(join(output, path), `${JSON.stringify(value, null, 2)}\n`);

await rm(output, { recursive: true, force: true });
await mkdir(join(output, "bin"), { recursive: true });
const code = await bundleNode();
await mergeChunks(code.outputs);
const data = await writeQuickStart();
await rollDeclarations();
for (const [to, from] of Object.entries(COPIES))
  await cp(join(root, from), join(output, to), { recursive: true });
await bundleProgram();
// Only the dependencies of a model's npm package are needed; the rest of the page's package.json concerns this repository.
const { nodeDependencies, imageDependencies } = JSON.parse(
  await readFile(join(root, "apps/web/package.json"), "utf8"),
);
await writeJson("web/package.json", { type: "module", nodeDependencies, imageDependencies });
// The page and the entry for browsers also contain these; see apps/web/build.mjs.
const { resolve } = createRequire(join(root, "packages/runtime-web/src/"));
const pageFiles = ["onnxruntime-web/ort-wasm-simd-threaded.wasm", "zod"].map((name) =>
  relative(root, resolve(name)),
);
const bundledFiles = [...Object.keys(code.inputs), ...data, ...pageFiles];
const manifest = await packageManifest();
await writeJson("package.json", manifest);
const bundled = await bundledPackages(bundledFiles);
const installed = await installedPackages(Object.keys(manifest.dependencies));
await writeLicences(bundled, installed, join(output, "THIRD-PARTY-LICENSES"));
await writeJson("sbom.cdx.json", await softwareBill(manifest, bundled, installed));
const page = manPage({
  ...manifest,
  commands,
  exitCodes: exitCodeTable(),
  globalFlags: SlmCommand.baseFlags,
});
await mkdir(join(output, "man"));
await writeFile(join(output, manifest.man), page);
console.log(
  `${manifest.name} ${manifest.version}: ${bundled.length} packages bundled, ${installed.length} installed as dependencies, in ${output}`,
);
