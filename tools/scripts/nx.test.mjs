import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { promisify } from "node:util";

const root = join(import.meta.dirname, "..", "..");
const work = await mkdtemp(join(tmpdir(), "slm-nx-"));
after(() => rm(work, { recursive: true }));

/** Runs Nx in this repository and returns what it prints. */
async function nx(/** @type {string[]} */ ...args) {
  const env = { ...process.env, NO_COLOR: "1" };
  const { stdout } = await promisify(execFile)("npx", ["--no-install", "nx", ...args], { cwd: root, env });
  return stdout;
}

/** Runs Nx with `--graph` or `--file`, and returns the file's JSON. */
async function written(/** @type {string[]} */ args, /** @type {string} */ option) {
  const file = join(work, "graph.json");
  await nx(...args, `${option}=${file}`);
  return JSON.parse(await readFile(file, "utf8"));
}

await test("nx graph has each package's imports and targets", async () => {
  const { graph } = await written(["graph"], "--file");
  const imports = graph.dependencies["@slm/tokenizer"].map(
    (/** @type {{ target: string }} */ to) => to.target,
  );
  assert.ok(imports.includes("@slm/core"));
  const commandOf = (/** @type {string} */ project, /** @type {string} */ target) =>
    graph.nodes[project].data.targets[target]?.options.command;
  assert.equal(commandOf("@slm/onnx", "test"), "vitest run --project fast --project built packages/onnx/");
  assert.equal(commandOf("e2e", "test-slow"), "vitest run --project slow e2e/");
  assert.equal(commandOf("@slm/extension-pytorch", "test"), undefined);
  assert.match(
    commandOf("@slm/web", "build"),
    /apps\/web\/tsconfig\.build\.json && node apps\/web\/build\.mjs$/,
  );
  assert.equal(commandOf("cli", "lint"), "oxlint --type-aware apps/cli");
});

await test("nx affected tests a changed package and those that import it", async () => {
  const affected = async (/** @type {string} */ file) => {
    const { tasks } = await written(["affected", "-t", "test", `--files=${file}`], "--graph");
    return Object.keys(tasks.tasks).sort();
  };
  const serve = ["@slm/serve:test", "@slm/slm:test", "cli:test", "e2e:test"];
  assert.deepEqual(await affected("packages/serve/src/index.ts"), serve);
  assert.ok((await affected("vitest.config.ts")).length > 30);
});

await test("nx test runs the tests of one package", async () => {
  assert.match(await nx("test", "devices"), /Test Files +[1-9]\d* passed[^]*Successfully ran target test/);
});
