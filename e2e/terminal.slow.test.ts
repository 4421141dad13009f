/** Tests terminal features of the built command line: short flags, colour. Needs `npm run build`. */
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { describe, expect, test } from "vitest";

const bin = fileURLToPath(new URL("../apps/cli/bin/run.js", import.meta.url));

const slm = (argv: readonly string[], env: Readonly<Record<string, string>> = {}) =>
  execa(process.execPath, [bin, ...argv], { reject: false, env: { NO_COLOR: "", FORCE_COLOR: "", ...env } });

describe("slm in a terminal", () => {
  test("-h is --help, for the program and for a command", async () => {
    const [short, long, command] = await Promise.all([slm(["-h"]), slm(["--help"]), slm(["generate", "-h"])]);
    expect([short.exitCode, short.stdout]).toEqual([0, long.stdout]);
    expect(short.stdout).toMatch(/verify +\S/);
    expect([command.exitCode, command.stdout]).toEqual([0, expect.stringContaining("--input")]);
  });

  test("-v is --version", async () => {
    const [short, long] = await Promise.all([slm(["-v"]), slm(["--version"])]);
    expect([short.exitCode, short.stdout]).toEqual([0, long.stdout]);
    expect(short.stdout).toMatch(/^@encdec\/slm\/\d/);
  });

  test("errors are coloured where colour is wanted, and never with NO_COLOR or --json", async () => {
    const argv = ["info", "nowhere"];
    const [plain, coloured, refused, json] = await Promise.all([
      slm(argv),
      slm(argv, { FORCE_COLOR: "1" }),
      slm(argv, { FORCE_COLOR: "1", NO_COLOR: "1" }),
      slm([...argv, "--json"], { FORCE_COLOR: "1" }),
    ]);
    expect(plain.stderr).toMatch(/^Error \(INPUT_MISSING\): nowhere: not a model/);
    expect(coloured.stderr).toContain("\u001b[31m");
    expect(refused.stderr).toBe(plain.stderr);
    expect(JSON.parse(json.stdout)).toMatchObject({ error: { code: "INPUT_MISSING" } });
    expect([plain, coloured, refused, json].map(({ exitCode }) => exitCode)).toEqual([66, 66, 66, 66]);
  });
});
