/** Tests the built command line as a separate process. Needs `npm run build`; `npm test` builds before it tests. */
import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { temporaryFolder } from "@slm/core/testing";
import { execa } from "execa";
import { describe, expect, test } from "vitest";

const bin = fileURLToPath(new URL("../apps/cli/bin/run.js", import.meta.url));
/** A recipe outside the current directory with rows that take some seconds to read. */
const RECIPE = fileURLToPath(new URL("../configs/quickstart/recipe.yaml", import.meta.url));
if (!existsSync(new URL("../apps/cli/dist/main.js", import.meta.url))) {
  throw new Error("these tests run the built command line: npm run build");
}

const root = temporaryFolder({ each: true });

const slm = (...argv: readonly string[]) =>
  execa(process.execPath, [bin, ...argv], { cwd: root, reject: false });

/**
 * Makes a process fail when it imports a large library or the index of one of our packages. Only light modules, imported by path, are
 * allowed.
 */
const HEAVY = /^(onnxruntime|@tensorflow|zod|yaml|@slm\/(?!devices$)[a-z-]+$)/;
const asModule = (code: string): string => `data:text/javascript,${encodeURIComponent(code)}`;
function rejecting(specifiers: RegExp): string {
  const resolveHook = `
    export function resolve(specifier, context, next) {
      if (${String(specifiers)}.test(specifier)) throw new Error("imported " + specifier);
      return next(specifier, context);
    }`;
  return asModule(
    `import { register } from "node:module"; register(${JSON.stringify(asModule(resolveHook))});`,
  );
}

describe("slm", () => {
  test("prints help with commands and exit codes, and loads no engine for it", async () => {
    const argv = ["--import", rejecting(HEAVY), bin, "--help"];
    const { stdout, stderr, exitCode } = await execa(process.execPath, argv, { cwd: root, reject: false });
    expect([exitCode, stderr]).toEqual([0, ""]);
    expect(stdout).toMatch(/run .*Run a recipe/);
    expect(stdout).toContain("EXIT CODES");
  });

  test.each([
    ["doctor"],
    ["try", "g2p", "constantinople"],
    ["data", "prepare", RECIPE, "--out", "run", "--set", "data.limit=10"],
  ])("loads no image library for text: slm %s", async (...argv) => {
    const env = { NODE_OPTIONS: `--import=${rejecting(/^sharp$/)}` };
    const { exitCode, stderr } = await execa(process.execPath, [bin, ...argv], {
      cwd: root,
      env,
      reject: false,
    });
    expect(exitCode, stderr).toBe(0);
  });

  test.each([[["nosuch"]], [["data", "inspct"]], [["help", "nosuch"]]])(
    "%j is no command: exit 2 in both modes, one JSON object",
    async (argv) => {
      const inText = await slm(...argv);
      const inJson = await slm(...argv, "--json");
      expect([inText.exitCode, inJson.exitCode]).toEqual([2, 2]);
      expect([inText.stdout, inJson.stderr]).toEqual(["", ""]);
      expect(JSON.parse(inJson.stdout)).toMatchObject({ schemaVersion: 1, error: { code: "USAGE" } });
    },
  );

  test("SIGINT ends with 130, nothing half-written appears, and a rerun completes", async () => {
    const running = slm("data", "prepare", RECIPE, "--out", "run", "--json");
    running.stderr.once("data", () => running.kill("SIGINT")); // The first report announces the start of the stage.
    const { exitCode, stdout } = await running;
    expect(exitCode).toBe(130);
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: "INTERRUPTED" } });
    expect(await readdir(join(root, "run"))).toEqual(["data.partial"]);
    expect((await slm("data", "prepare", RECIPE, "--out", "run", "--set", "data.limit=10")).exitCode).toBe(0);
    expect(await readdir(join(root, "run"))).toEqual(["data"]);
  });

  test("SIGKILL leaves nothing half-written, and the next run takes over the dead process's lock", async () => {
    const running = slm("data", "prepare", RECIPE, "--out", "run");
    await expect.poll(() => existsSync(join(root, "run", "data.partial"))).toBe(true);
    running.kill("SIGKILL");
    expect((await running).signal).toBe("SIGKILL");
    expect(await readdir(join(root, "run"))).not.toContain("data");
    expect((await slm("data", "prepare", RECIPE, "--out", "run", "--set", "data.limit=10")).exitCode).toBe(0);
    expect(await readdir(root)).toEqual(["run"]);
    expect(await readdir(join(root, "run"))).toEqual(["data"]);
  });
});
