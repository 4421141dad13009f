import { readdir } from "node:fs/promises";
import { readCheckpoint } from "@slm/checkpoints";
import { beforeEach, describe, expect, test } from "vitest";
import { shape, stopAt, TinyRun } from "./test-support/run.test-support.js";

const run = new TinyRun();
beforeEach(() => run.prepare());

/** Widths that blocks of 32 divide. */
const student = { ...shape, encoderLayers: 1, width: 32, headDim: 16, feedForward: 32 };
const section = { student, dropout: 0.1, steps: 4, evaluateEvery: 4 };
const quantize = { scheme: "int2-block", steps: 6 };

type Checkpoint = Awaited<ReturnType<typeof readCheckpoint>>;

const numbersOf = ({ weights }: Checkpoint): Record<string, number[]> =>
  Object.fromEntries(
    [...weights].map(([name, { data }]) => [name, [...(data as Float32Array)].map((value) => value + 0)]),
  );

/** The largest number of distinct values in a block of 32 weights. */
function levelsOf(values: readonly number[]): number {
  let most = 0;
  for (let at = 0; at < values.length; at += 32)
    most = Math.max(most, new Set(values.slice(at, at + 32)).size);
  return most;
}

describe("a run with distill.quantize", () => {
  test("writes a student whose weights have 4 levels per block, and joins the logs of both phases", async () => {
    const report = await run.distill({ ...section, quantize });
    expect((await readdir(run.at("work"))).sort()).toEqual([
      "config.json",
      "metrics.jsonl",
      "model.safetensors",
      "report.html",
      "samples.jsonl",
      "tokenizer.json",
      "tokenizer_config.json",
    ]);
    expect(report.steps).toBe(10);
    expect(Object.keys(report.floatMetrics!)).toEqual(["wer", "per"]);
    const checkpoint = await readCheckpoint(run.at("work"));
    const weights = numbersOf(checkpoint);
    expect(levelsOf(weights["decoder.layers.0.feedForward.up.weight"]!)).toBeLessThanOrEqual(4);
    expect(levelsOf(weights["encoder.layers.0.attention.query.weight"]!)).toBeLessThanOrEqual(4);
    expect(levelsOf(weights["embedding.weight"]!)).toBeGreaterThan(4);
    const steps = (await run.log()).map(({ step }) => step);
    expect(steps).toEqual([...steps].sort((a, b) => Number(a) - Number(b)));
    expect(steps.at(-1)).toBe(10);
  });

  test("measures the last phase as often as the first", async () => {
    await run.distill({ ...section, quantize });
    const measured = (await run.log()).filter((line) => "dev.wer" in line);
    expect(measured.map(({ step }) => step)).toEqual([4, 8, 10]);
  });

  test("rounds every weight that the scheme quantizes while the student learns", async () => {
    await run.distill({ ...section, quantize: { ...quantize, scheme: "cpu" } });
    const weights = numbersOf(await readCheckpoint(run.at("work")));
    expect(levelsOf(weights["decoder.layers.0.feedForward.up.weight"]!)).toBeLessThanOrEqual(16);
    const query = weights["encoder.layers.0.attention.query.weight"]!;
    const codes = query
      .slice(0, 32)
      .map((value) => (64 * value) / Math.max(...query.slice(0, 32).map(Math.abs)));
    for (const code of codes) expect(Math.abs(code - Math.round(code))).toBeLessThan(1e-4);
  });

  test.each([
    ["the first phase", 4, 1],
    ["the last phase", 2, 2],
  ])("interrupted in %s ends with the same bits when it is resumed", async (_, step, occurrence) => {
    const frequent = { ...section, evaluateEvery: 2, quantize };
    await run.distill(frequent, { work: "whole" });
    const context = stopAt(step, occurrence);
    await expect(run.distill(frequent, { context })).rejects.toMatchObject({ code: "INTERRUPTED" });
    await run.distill(frequent);
    const [whole, resumed] = await Promise.all(["whole", "work"].map((name) => readCheckpoint(run.at(name))));
    expect(numbersOf(resumed!)).toEqual(numbersOf(whole!));
    expect(await run.log()).toEqual(await run.log("whole"));
  });

  test("with 0 steps trains only the last phase, from a finished student", async () => {
    await run.distill(section, { work: "float" });
    const before = numbersOf(await readCheckpoint(run.at("float")));
    const initialize = { student: run.at("float") };
    const report = await run.distill({ ...section, steps: 0, initialize, quantize });
    expect(report.steps).toBe(6);
    const after = numbersOf(await readCheckpoint(run.at("work")));
    const name = "decoder.layers.0.feedForward.up.weight";
    expect(levelsOf(before[name]!)).toBeGreaterThan(4);
    expect(levelsOf(after[name]!)).toBeLessThanOrEqual(4);
    // Weights that are not rounded, such as biases, were trained too.
    expect(after["decoder.norm.weight"]).not.toEqual(before["decoder.norm.weight"]);
    expect((await run.log()).at(-1)).toMatchObject({ step: 6 });
  });

  test("is rejected if blocks do not divide a width", async () => {
    const narrow = { ...section, student: { ...student, feedForward: 40 }, quantize };
    await expect(run.distill(narrow)).rejects.toMatchObject({
      code: "CONFIG_INVALID",
      message: expect.stringContaining(
        "do not divide the 40 inputs of 'encoder.layers.0.feedForward.down.weight'",
      ) as string,
    });
  });
});
