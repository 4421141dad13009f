/** Makes package.json of the published package from those of the workspaces. */
import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { DEPENDENCIES, root } from "./layout.mjs";

const readJson = async (/** @type {string} */ path) => JSON.parse(await readFile(join(root, path), "utf8"));

export async function packageManifest() {
  const { name, version, description, license, engines, oclif } = await readJson("apps/cli/package.json");
  const { plugins: _bundled, ...commandLine } = oclif; // commands.mjs has their commands.
  return {
    name,
    version,
    description,
    keywords: ["distillation", "onnx", "quantization", "encoder-decoder", "on-device", "language-model"],
    license,
    homepage: `https://www.npmjs.com/package/${name}`,
    type: "module",
    engines,
    bin: { slm: "bin/run.js" },
    man: "man/slm.1",
    exports: {
      ".": { types: "./dist/index.d.ts", default: "./dist/index.js" },
      "./browser": { types: "./dist/browser.d.ts", default: "./dist/browser.js" },
      "./package.json": "./package.json",
    },
    imports: {
      "#runtime-node": "./dist/runtime-node.js",
      "#web/package.json": "./web/package.json",
      "#students/README.md": "./students/README.md",
      "#kernels/*": "./kernels/*",
    },
    files: [
      "bin",
      "configs",
      "dist",
      "kernels",
      "man",
      "recipe.schema.json",
      "SKILL.md",
      "students",
      "web",
      "THIRD-PARTY-LICENSES",
      "sbom.cdx.json",
    ],
    sideEffects: false,
    publishConfig: { access: "public" },
    oclif: commandLine,
    dependencies: await versions(),
  };
}

/** Versions of the dependencies from the workspaces. @throws Error if two workspaces differ, or none has the dependency */
async function versions() {
  const folders = await Promise.all(
    ["apps", "packages"].map(async (parent) =>
      (await readdir(join(root, parent))).map((name) => `${parent}/${name}`),
    ),
  );
  const found = new Map();
  for (const folder of folders.flat()) {
    const { dependencies = {} } = await readJson(`${folder}/package.json`);
    for (const [name, version] of Object.entries(dependencies)) {
      if (found.has(name) && found.get(name) !== version)
        throw new Error(`${name}: ${folder} needs ${version}, another package needs ${found.get(name)}`);
      found.set(name, version);
    }
  }
  return Object.fromEntries(
    Object.keys(DEPENDENCIES)
      .sort()
      .map((name) => {
        if (!found.has(name)) throw new Error(`${name}: no workspace depends on it`);
        return [name, found.get(name)];
      }),
  );
}
