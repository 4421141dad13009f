import { mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { runCommand } from "../testing/run-command.js";
import { writeTinyRecipe } from "../testing/tiny-run.js";

let root = "";
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "slm-learning-rate-command-"));
});
afterAll(() => rm(root, { recursive: true, force: true }));

const found = z.object({
  result: z.object({
    learningRate: z.number().positive(),
    lowestAt: z.number().positive(),
    points: z.array(z.object({ learningRate: z.number(), loss: z.number() })).min(3),
  }),
});

describe("slm learning-rate", () => {
  test("raises the rate until training diverges, suggests one below, and leaves the student alone", async () => {
    const recipe = await writeTinyRecipe(root);
    const out = join(root, "run");
    const page = join(root, "rates.html");
    const range = ["--steps", "200", "--lowest", "1e-5", "--highest", "10"];
    const { exitCode, json } = await runCommand("learning-rate", [
      recipe,
      "--out",
      out,
      "--report",
      page,
      ...range,
      "--json",
    ]);
    expect(exitCode).toBe(0);
    const { learningRate, lowestAt, points } = found.parse(json).result;
    const rates = points.map((point) => point.learningRate);
    expect(rates).toEqual([...rates].sort((a, b) => a - b));
    expect(learningRate).toBeLessThan(lowestAt);
    expect(await readdir(out)).not.toContain("distill");
    expect(await readdir(out)).toContain("teacher");
    expect(await readFile(page, "utf8")).toContain("suggested learning rate");
  }, 120_000);

  test("rejects a rate that is none", async () => {
    expect((await runCommand("learning-rate", ["r.yaml", "--highest", "0"])).exitCode).toBe(2);
  });
});
