/** The paper's comparison at a tiny shape by the built command line. Needs `npm run build`. */
import { existsSync, statSync } from "node:fs";
import { mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";

const bin = fileURLToPath(new URL("../apps/cli/bin/run.js", import.meta.url));

const SHAPE = {
  architecture: "encoder-decoder",
  width: 32,
  heads: 2,
  kvHeads: 1,
  headDim: 16,
  feedForward: 64,
  encoderLayers: 2,
  decoderLayers: 2,
  maxSource: 16,
  maxTarget: 8,
  bias: false,
  vocabularySize: 1024,
  tokens: { pad: 0, bos: 1, eos: 2, unknown: 3 },
};

let root = "";
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "slm-suite-"));
  await writeFile(join(root, "shape.yaml"), JSON.stringify(SHAPE));
});
afterAll(() => rm(root, { recursive: true, force: true }));

const GRID = [
  "--shape",
  "shape.yaml",
  "--sources",
  "8,24",
  "--answers",
  "4",
  "--runs",
  "2",
  "--threads",
  "1",
];
const suite = (...argv: readonly string[]) =>
  execa(process.execPath, [bin, "bench", "--suite", "paper", ...argv], { cwd: root, reject: false });

describe("slm bench --suite paper", () => {
  test("goes on behind the last point that was measured, and reports every point", async () => {
    const argv = [
      ...GRID,
      "--schemes",
      "float32,int8-dynamic",
      "--encoder-layers",
      "2,1",
      "--batches",
      "1,3",
      "-o",
      "out",
    ];
    const first = join(root, "out.partial", "cells", "float32-2-8-4-1.json");
    const running = suite(...argv);
    await vi.waitFor(
      () => {
        expect(existsSync(first)).toBe(true);
      },
      { timeout: 60_000, interval: 20 },
    );
    running.kill("SIGKILL");
    await running;
    const { mtimeMs } = statSync(first);

    const { stdout, exitCode } = await suite(...argv, "--json");
    expect(exitCode).toBe(0);
    expect(statSync(join(root, "out", "cells", "float32-2-8-4-1.json")).mtimeMs).toBe(mtimeMs);
    const { result } = JSON.parse(stdout) as {
      readonly result: {
        readonly models: readonly unknown[];
        readonly suite: { readonly cells: readonly object[] };
      };
    };
    expect(result.models).toHaveLength(2 * 6);
    expect(result.suite.cells).toMatchObject([
      { scheme: "float32", source: 8, encoderLayers: 2, decoderLayers: 2 },
      { scheme: "float32", source: 24, encoderLayers: 2 },
      { scheme: "int8-dynamic", source: 8, encoderLayers: 2 },
      { scheme: "int8-dynamic", source: 24, encoderLayers: 2, batch: 1 },
      { scheme: "int8-dynamic", source: 24, encoderLayers: 2, batch: 3 },
      { scheme: "int8-dynamic", source: 24, encoderLayers: 1, decoderLayers: 3 },
    ]);
    expect((await readdir(join(root, "out"))).sort()).toEqual([
      "bench.json",
      "cells",
      "manifest.json",
      "report.html",
      "table.md",
    ]);
    const table = await readFile(join(root, "out", "table.md"), "utf8");
    for (const said of ["The one here has a KV cache", "decoder-only without a cache, at most"])
      expect(table).toContain(said);
  }, 180_000);

  test("rejects unknown schemes, a missing directory, and models beside it", async () => {
    const unknown = await suite(...GRID, "--schemes", "int3", "-o", "bad");
    expect([unknown.exitCode, unknown.stderr]).toEqual([2, expect.stringContaining("--schemes float32,")]);
    expect((await suite(...GRID)).exitCode).toBe(2);
    expect((await suite(...GRID, "-o", "bad", "--baseline", "decoder-only")).exitCode).toBe(2);
  }, 60_000);
});
