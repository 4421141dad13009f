import { stat } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder } from "@slm/core/testing";
import { beforeAll, expect, test } from "vitest";
import { runCommand } from "../testing/run-command.js";
import { writeTinyRecipe } from "@slm/pipeline/testing/tiny-run";
import type { CompareResult } from "@slm/slm/sweep/compare-variants";

const root = temporaryFolder();
let recipe = "";

beforeAll(async () => {
  recipe = await writeTinyRecipe(root);
});

const VARIANTS = [
  "--variant",
  "full",
  "--variant",
  "labels:teacher=null;cache=null;distill.loss.forwardKl=0",
];

async function sweep(...argv: readonly string[]): Promise<CompareResult> {
  const { stdout, stderr, exitCode } = await runCommand("sweep", [
    recipe,
    ...VARIANTS,
    "--out",
    join(root, "run"),
    "--threads",
    "1",
    "--json",
    ...argv,
  ]);
  expect(exitCode, stderr).toBe(0);
  return (JSON.parse(stdout) as { result: CompareResult }).result;
}

const inode = async (variant: string, path: string): Promise<number> =>
  (await stat(join(root, "run", "variants", variant, path))).ino;
const changed = async (variant: string): Promise<number> =>
  (await stat(join(root, "run", "variants", variant, "predictions.jsonl"))).mtimeMs;

test("variants train with every seed, share equal stages, and are compared on the same rows; finished ones are not repeated", async () => {
  const result = await sweep("--seeds", "1,2");
  expect(result.seeds).toEqual([1, 2]);
  expect(result.metrics).toEqual(["per", "wer"]);
  const [full, labels] = result.variants;
  expect(full).toMatchObject({ name: "full", settings: [], difference: null });
  expect(labels).toMatchObject({ name: "labels" });
  for (const { low, value, high } of [labels!.metrics["per"]!, labels!.difference!["per"]!]) {
    expect(low).toBeLessThanOrEqual(value);
    expect(high).toBeGreaterThanOrEqual(value);
  }
  expect(labels!.difference!["per"]!.value).toBeCloseTo(
    labels!.metrics["per"]!.value - full!.metrics["per"]!.value,
    12,
  );
  expect(await inode("full.2", "teacher/model.safetensors")).toBe(
    await inode("full.1", "teacher/model.safetensors"),
  );
  expect(await inode("labels.1", "data/train.jsonl")).toBe(await inode("full.1", "data/train.jsonl"));
  await expect(stat(join(root, "run", "variants", "labels.1", "teacher"))).rejects.toThrow("ENOENT");

  const before = await changed("full.2");
  const again = await sweep("--seeds", "1,2,3");
  expect(again.seeds).toEqual([1, 2, 3]);
  expect(await changed("full.2")).toBe(before);
}, 240_000);

test("the table names the first variant, which the others are compared with", async () => {
  const { stdout, exitCode } = await runCommand("sweep", [
    recipe,
    ...VARIANTS,
    "--seeds",
    "1",
    "--limit",
    "3",
    "--out",
    join(root, "run"),
    "--threads",
    "1",
  ]);
  expect(exitCode).toBe(0);
  expect(stdout).toMatch(/^variant +per +per against full +wer +wer against full +parameters +training/mu);
  expect(stdout).toContain("3 rows, one seed; 95 % intervals by bootstrap, differences paired by rows");
}, 240_000);

test("one variant, or workers, are rejected", async () => {
  const one = await runCommand("sweep", [recipe, "--variant", "full"]);
  expect(one.exitCode).toBe(2);
  expect(one.stderr).toContain("at least two variants");
});
