import { spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";

const MAIN = join(import.meta.dirname, "..", "dist", "main.js");
const SLM = join(import.meta.dirname, "..", "..", "cli", "bin", "run.js");

/** Stands in for npm: instead of installing slm from the registry, it links to the slm of this repository. */
const NPM = `
import { mkdirSync, writeFileSync } from "node:fs";
mkdirSync("node_modules/@encdec/slm/bin", { recursive: true });
writeFileSync("node_modules/@encdec/slm/bin/run.js", ${JSON.stringify(`import ${JSON.stringify(SLM)};`)});
writeFileSync("node_modules/arguments.json", JSON.stringify(process.argv.slice(2)));
`;

let root: string;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "slm-create-"));
  await writeFile(join(root, "npm.mjs"), NPM);
  const rows = Array.from({ length: 200 }, (_row, index) => `text number ${index},label ${index % 3}`);
  await writeFile(join(root, "rows.csv"), ["text,label", ...rows].join("\n"));
});
afterAll(() => rm(root, { recursive: true, force: true }));

function create(...argv: readonly string[]): { readonly status: number | null; readonly stderr: string } {
  const env = { ...process.env, npm_execpath: join(root, "npm.mjs"), NO_COLOR: "1" };
  return spawnSync(process.execPath, [MAIN, ...argv], { cwd: root, env, encoding: "utf8" });
}

test("a new project has a package.json, slm of the same version, and a recipe that names the rows", async () => {
  const flags = ["--data", "rows.csv", "--source", "text", "--target", "label", "--yes"];
  const { status, stderr } = create("My Task", ...flags);
  expect(status, stderr).toBe(0);
  expect(stderr).toContain("npx --no-install slm run recipe.yaml --dry-run");
  const read = (file: string): Promise<string> => readFile(join(root, "My Task", file), "utf8");
  expect(JSON.parse(await read("package.json"))).toMatchObject({ name: "my-task", private: true });
  expect(JSON.parse(await read("node_modules/arguments.json"))).toEqual([
    "install",
    "--ignore-scripts",
    "@encdec/slm@0.1.0",
  ]);
  const recipe = await read("recipe.yaml");
  expect(recipe).toContain("name: my-task");
  expect(recipe).toContain("train: ../rows.csv");
  expect(create("My Task", ...flags).status).toBe(74);
});

test("a failure keeps slm's exit code and says how to go on; a missing folder prints the usage", () => {
  const failed = create("without-data", "--yes");
  expect(failed.status).toBe(2);
  expect(failed.stderr).toContain("npx --no-install slm init");
  expect(create("--yes")).toMatchObject({
    status: 2,
    stderr: expect.stringContaining("usage: npm create") as string,
  });
});
