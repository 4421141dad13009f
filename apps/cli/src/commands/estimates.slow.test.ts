import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { temporaryFolder } from "@slm/core/testing";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { runCommand } from "../testing/run-command.js";
import { LENGTHS_ASSUMED } from "@slm/pipeline/estimates/data-facts";
import { writeTinyRecipe } from "@slm/pipeline/testing/tiny-run";

const quickStart = fileURLToPath(new URL("../../../../configs/quickstart/recipe.yaml", import.meta.url));

const plan = z.object({
  result: z.object({
    stages: z.array(
      z.object({
        name: z.string(),
        status: z.string(),
        estimate: z.object({
          seconds: z.number().positive().optional(),
          tokens: z.number().optional(),
          flops: z.number().optional(),
          basis: z.string().optional(),
        }),
      }),
    ),
  }),
});
type Stages = z.infer<typeof plan>["result"]["stages"];

async function planned(command: string, argv: readonly string[]): Promise<Stages> {
  const { json } = await runCommand(command, [...argv, "--dry-run", "--json"]);
  return plan.parse(json).result.stages;
}

const root = temporaryFolder();

describe("the plan of a run that has not begun", () => {
  test("estimates the time of the training from a measurement", async () => {
    const recipe = await writeTinyRecipe(root);
    const stages = await planned("run", [recipe, "--out", join(root, "run"), "--set", "bench.runs=2"]);
    expect(stages.map(({ name }) => name)).toEqual([
      "data",
      "tokenizer",
      "teacher",
      "distill",
      "export",
      "quantize",
      "bench",
      "deploy",
    ]);
    expect(stages.find(({ name }) => name === "distill")!.estimate.basis).toMatch(
      /^a step measured now takes/u,
    );
  });

  test("does not count the teacher's pass over targets that are in the cache", async () => {
    const recipe = await writeTinyRecipe(root);
    const flops = async (...more: readonly string[]): Promise<number> => {
      const sets = ["distill.loss.forwardKl=0.5", ...more].flatMap((setting) => ["--set", setting]);
      const stages = await planned("run", [recipe, "--out", join(root, "stored"), ...sets]);
      return stages.find(({ name }) => name === "distill")!.estimate.flops!;
    };
    const stored = ["cache.generate=greedy"];
    expect(await flops(...stored, "distill.targets.sequenceKdFraction=0.5")).toBe(await flops(...stored));
    expect(await flops(...stored, "distill.targets.onPolicyFraction=0.5")).toBeGreaterThan(
      await flops(...stored),
    );
  });

  test("reads the rows of dataset modules that are part of slm, but of no others", async () => {
    const own = await planned("run", [quickStart, "--out", join(root, "modules")]);
    expect(own.find(({ name }) => name === "distill")!.estimate.basis).not.toContain(LENGTHS_ASSUMED);
    const module = join(root, "module.mjs");
    await writeFile(module, "throw new Error('this module was run');\n");
    const other = join(root, "other.yaml");
    await writeFile(other, JSON.stringify({ schemaVersion: 2, data: { source: { module } } }));
    const [external] = await planned("run", [other, "--only", "data", "--out", join(root, "external")]);
    expect(external).toEqual({ name: "data", status: "would-run", estimate: {} });
  });
});
