/** Run by `node --test tools/scripts`. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";

/** Checks a directory with these files. A package `b`, which imports nothing, has layer learn. */
function checked(/** @type {Readonly<Record<string, string>>} */ files) {
  const root = mkdtempSync(join(tmpdir(), "structure-"));
  try {
    const all = {
      ...manifest("a", "layer:core"),
      ...manifest("b", "layer:learn"),
      "packages/b/src/index.ts": "",
      ...files,
    };
    for (const [path, text] of Object.entries(all)) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), text);
    }
    mkdirSync(join(root, "node_modules", "@slm"), { recursive: true });
    for (const name of ["a", "b"])
      symlinkSync(join(root, "packages", name), join(root, "node_modules", "@slm", name));
    const script = join(import.meta.dirname, "structure.mjs");
    const { status, stdout } = spawnSync(process.execPath, [script], { cwd: root, encoding: "utf8" });
    return { status, stdout };
  } finally {
    rmSync(root, { recursive: true });
  }
}

function manifest(/** @type {string} */ name, /** @type {string} */ tag) {
  const exports = { ".": { "@slm/source": "./src/index.ts" } };
  return {
    [`packages/${name}/package.json`]: JSON.stringify({
      name: `@slm/${name}`,
      exports,
      nx: { tags: [tag, "device:none"] },
    }),
  };
}

await test("accepts files, folders and packages that do not import each other in a cycle", () => {
  const { status, stdout } = checked({
    "packages/b/src/x/one.ts": 'import "@slm/a"; import "./two.js";',
    "packages/b/src/x/two.ts": "export {};",
    "packages/a/src/index.ts": "export {};",
  });
  assert.match(stdout, /no dependency violations found/u);
  assert.equal(status, 0);
});

await test("reports cycles of files in every folder, by types and by import() too", () => {
  const { status, stdout } = checked({
    "packages/b/src/one.ts": 'export const load = () => import("./two.js");',
    "packages/b/src/two.ts": 'import type { load } from "./one.js"; export type Load = typeof load;',
    "configs/one.ts": 'export { two } from "./two.js";',
    "configs/two.ts": 'export type One = typeof import("./one.js"); export const two = 2;',
    "tools/one.mjs": 'import "./two.mjs"; /** @typedef {string} Name */',
    "tools/two.mjs": '/** @type {import("./one.mjs").Name} */ export const NAME = "two";',
  });
  for (const pair of ["packages/b/src", "configs", "tools"])
    assert.match(stdout, new RegExp(`no cycle of files: ${pair}/one\\.\\w+ → \\s*${pair}/two`, "u"));
  assert.equal(status, 1);
});

await test("reports cycles of folders and packages, a lower layer that imports a higher one, a runtime and full folders", () => {
  const many = Object.fromEntries(
    Array.from({ length: 13 }, (_, index) => [`packages/a/src/file-${index}.ts`, "export {};"]),
  );
  const { status, stdout } = checked({
    ...many,
    "packages/a/src/index.ts": 'import "@slm/b"; import "onnxruntime-node";',
    "packages/b/src/other.ts": 'import "@slm/a"; import "../../a/src/file-1.js";',
    "packages/b/src/x/one.ts": 'import "../y/one.js";',
    "packages/no-layer/src/index.ts": 'import "../../b/src/index.js";',
    "packages/b/src/y/one.ts": "export {};",
    "packages/b/src/y/two.ts": 'import "../x/one.js";',
  });
  for (const problem of [
    /packages form a cycle: packages\/a -> packages\/b -> packages\/a/u,
    /folders form a cycle: packages\/b\/src\/x -> packages\/b\/src\/y -> packages\/b\/src\/x/u,
    /layer:core imports only core: packages\/a\/src\/index\.ts → packages\/b\/src\/index\.ts/u,
    /packages that import others have a layer: packages\/no-layer\/src\/index\.ts → packages\/b/u,
    /device:none imports no runtime: packages\/a\/src\/index\.ts → onnxruntime-node/u,
    /packages import each other by name: packages\/b\/src\/other\.ts → packages\/a\/src\/file-1\.ts/u,
    /packages\/a\/src has 14 source files directly in it, expected at most 12/u,
  ])
    assert.match(stdout, problem);
  assert.equal(status, 1);
});
