/** The coverage-guided fuzzer finds a planted bug, and its command reports it. */
import { join } from "node:path";
import { execa } from "execa";
import { expect, test } from "vitest";

const COMMAND = join(import.meta.dirname, "..", "tools", "fuzz", "guided.mjs");
const fuzz = (...argv: readonly string[]) => execa(process.execPath, [COMMAND, ...argv], { reject: false });

test("a crash behind four comparisons of bytes is found by coverage, named, and ends with 3", async () => {
  // Random changes would need 256^4 attempts for the four bytes.
  const { exitCode, stdout } = await fuzz(
    "--targets",
    "planted",
    "--executions",
    "100000",
    "--seconds",
    "60",
  );
  expect([exitCode, stdout]).toEqual([3, expect.stringContaining("FAILED planted: TypeError: planted")]);
  expect(stdout).toMatch(/input: .*planted-0/u);
});

test("sound readers end with 0, and the table says what was run", async () => {
  const argv = ["--targets", "manifest,sentence-piece", "--executions", "300", "--seconds", "60"];
  const { exitCode, stdout } = await fuzz(...argv);
  expect(exitCode, stdout).toBe(0);
  expect(stdout).toMatch(/\| manifest \| 300 \|.*\| 0 \|/u);
  expect(stdout).toMatch(/\| all \| 600 \|/u);
});

test("a target that there is not is a wrong usage", async () => {
  expect((await fuzz("--targets", "nonsense")).exitCode).toBe(2);
});
