import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { runCommand } from "../testing/run-command.js";

let root = "";
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "slm-migrate-"));
});
afterEach(async () => {
  await rm(root, { recursive: true, force: true });
});

const OLD = "# A run.\nseed: 1\ndistill:\n  averageBest: 3 # of the best\n";
const NEW = "# A run.\nschemaVersion: 2\nseed: 1\ndistill:\n  checkpointAveraging: 3 # of the best\n";

const recipe = async (text: string): Promise<string> => {
  const path = join(root, "recipe.yaml");
  await writeFile(path, text);
  return path;
};

describe("slm recipe migrate", () => {
  test("rewrites the file and says what changed, and the second time changes nothing", async () => {
    const path = await recipe(OLD);
    const first = await runCommand("recipe:migrate", [path]);
    expect([first.exitCode, first.stdout]).toEqual([
      0,
      `schemaVersion: 2\ndistill.averageBest is now checkpointAveraging\n${path}: written\n`,
    ]);
    expect(await readFile(path, "utf8")).toBe(NEW);
    expect((await runCommand("recipe:migrate", [path])).stdout).toBe(`${path}: up to date\n`);
  });

  test("with --dry-run prints the new recipe and leaves the file as it is", async () => {
    const path = await recipe(OLD);
    const { stdout } = await runCommand("recipe:migrate", [path, "--dry-run"]);
    expect(stdout).toBe(NEW);
    expect(await readFile(path, "utf8")).toBe(OLD);
  });

  test("with --json gives the changes", async () => {
    const path = await recipe(OLD);
    const { json } = await runCommand("recipe:migrate", [path, "--json"]);
    expect(json).toMatchObject({ command: "recipe migrate", result: { written: true, text: NEW } });
  });

  test("rejects what is no recipe, and a file that is not there", async () => {
    expect((await runCommand("recipe:migrate", [await recipe("- a\n- b\n")])).exitCode).toBe(78);
    expect((await runCommand("recipe:migrate", [join(root, "none.yaml")])).exitCode).toBe(66);
  });
});

describe("a key of an earlier version", () => {
  test("in a recipe is an error that names the new key, the place, and the command that rewrites the file", async () => {
    const path = await recipe(OLD);
    const { exitCode, stderr } = await runCommand("run", [path, "--dry-run"]);
    expect(exitCode).toBe(78);
    expect(stderr).toContain(`${path}:4:3: distill.averageBest is now checkpointAveraging`);
    expect(stderr).toContain(`slm recipe migrate ${path}`);
  });

  test("in --set is an error that names the new key", async () => {
    const { exitCode, stderr } = await runCommand("run", [await recipe(NEW), "--set", "distill.clipNorm=2"]);
    expect(exitCode).toBe(78);
    expect(stderr).toContain("--set distill.clipNorm=2: distill.clipNorm is now maxGradNorm");
    expect(stderr).not.toContain("recipe migrate");
  });

  test("as the name of a metric is an error that names the new one", async () => {
    const { exitCode, stderr } = await runCommand("eval", [root, "--data", root, "--metrics", "wordError"]);
    expect(exitCode).toBe(2);
    expect(stderr).toContain("wer");
    expect(stderr).toContain("--metrics wer");
  });
});
