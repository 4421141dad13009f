import { verifyDirectory } from "@slm/artifact";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { expectedLogits, FAMILIES, writeForeignModel } from "../testing/foreign-model.js";
import { runCommand } from "../testing/run-command.js";

let root = "";
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "slm-import-"));
  for (const family of FAMILIES) await writeForeignModel(join(root, family), family);
});
afterAll(async () => {
  await rm(root, { recursive: true, force: true });
});

describe.each(FAMILIES)("teacher import of %s", (family) => {
  test("writes a checkpoint that agrees with the library it came from", async () => {
    const output = join(root, `${family}-imported`);
    const imported = await runCommand("teacher:import", [join(root, family), "-o", output, "--json"]);
    expect(imported).toMatchObject({ exitCode: 0, json: { result: { vocab: 80, artifact: output } } });
    expect((await verifyDirectory(output)).problems).toEqual([]);
    const reference = ["--reference", expectedLogits(family)];
    const { exitCode, json } = await runCommand("teacher:check", [output, ...reference, "--json"]);
    expect([exitCode, json]).toMatchObject([
      0,
      { result: { pass: true, positions: 48, rows: 2, agreement: 1 } },
    ]);
    const { meanKl, maxAbs } = (json as { result: Record<"meanKl" | "maxAbs", number> }).result;
    // float32 sums in another order.
    expect(meanKl).toBeLessThan(1e-6);
    expect(maxAbs).toBeLessThan(1e-3);
  }, 30_000);

  test("exports with cached decoding that gives the training pass's logits", async () => {
    const checkpoint = join(root, `${family}-imported`);
    const output = join(root, `${family}-cpu`);
    const argv = [checkpoint, "--target", "cpu", "-o", output, "--json"];
    const { exitCode, json } = await runCommand("export", argv);
    expect([exitCode, json]).toMatchObject([
      0,
      { result: { parity: { maxAbs: expect.any(Number) as number } } },
    ]);
    expect((json as { result: { parity: { maxAbs: number } } }).result.parity.maxAbs).toBeLessThan(1e-3);
  }, 60_000);
});
