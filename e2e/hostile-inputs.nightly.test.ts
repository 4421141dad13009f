/**
 * Hostile inputs are read or rejected with a code within 5 s of CPU time and 1 GB. Commands that read them never print terminal control
 * sequences.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import { temporaryFolder } from "@slm/core/testing";
import { execa } from "execa";
import { describe, expect, test } from "vitest";
import { FIXTURES, writeFixture } from "./hostile/fixtures.mjs";
import { readHostile } from "./hostile/run-all.mjs";
import { bin } from "./slm-process.js";

/** Fixtures for which the memory limit of decoding one image also applies: 300 MB in addition to the process itself. */
const IMAGE_MIB = 300 + 100;
const IMAGE_SECONDS = 2;

describe("hostile inputs", () => {
  test.concurrent.each(FIXTURES.map(({ what, kind }, index) => [what, kind, index] as const))(
    "%s",
    async (_what, kind, index) => {
      const { problem, cpuSeconds, peakMiB } = await readHostile(index);
      expect(problem).toBeUndefined();
      if (kind !== "image") return;
      expect(cpuSeconds).toBeLessThan(IMAGE_SECONDS);
      expect(peakMiB).toBeLessThan(IMAGE_MIB);
    },
    90_000,
  );
});

/** Runs a command, whatever its exit code. */
const slm = (argv: readonly string[]) => execa(process.execPath, [bin, ...argv], { reject: false });

const DANGEROUS = /[\0-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/u;

describe.skipIf(process.platform === "win32")("commands", () => {
  const folder = temporaryFolder();

  test.each([
    "a bundle with escape sequences in a name",
    "a bundle with a name that turns the direction of text",
  ])(
    "that verify %s print it with escapes, in text and in JSON",
    async (what) => {
      const fixture = FIXTURES.find((one) => one.what === what);
      if (fixture?.text === undefined) throw new Error(`no such fixture: ${what}`);
      const bundle = join(mkdtempSync(join(folder, "bundle-")), "bundle");
      writeFixture(
        {
          write: (at: string) => {
            fixture.write(at);
          },
        },
        bundle,
      );
      execFileSync("mv", [join(bundle, "manifest.txt"), join(bundle, "manifest.json")]);
      for (const flags of [[], ["--json"]]) {
        const { exitCode, stdout, stderr } = await slm(["verify", bundle, ...flags]);
        expect(exitCode).toBe(65);
        expect(stdout + stderr).not.toMatch(DANGEROUS);
        expect(stdout + stderr).toMatch(/\\u(?:001b|202e)/);
      }
    },
    60_000,
  );

  test("that get a pipe as an input reject it and do not wait", async () => {
    const pipe = join(folder, "pipe.jsonl");
    execFileSync("mkfifo", [pipe]);
    for (const argv of [
      ["data", "inspect", pipe],
      ["run", pipe],
      ["verify", pipe],
      ["analyze", pipe, "--target", "npu", "--profile", "qnn"],
    ]) {
      const { exitCode, stderr } = await slm(argv);
      expect([65, 66], `slm ${argv.join(" ")}: ${stderr}`).toContain(exitCode);
    }
  });
});
