import { mkdir, readFile, readdir } from "node:fs/promises";
import type { Progress } from "@slm/core";
import { createRandom } from "@slm/decoding";
import { readCheckpoint } from "@slm/checkpoints";
import {
  encoderDecoderConfig,
  initializeWeights,
  parameterSpecs,
  type EncoderDecoderConfig,
  type Weights,
} from "@slm/model";
import { TINY_SHAPE } from "@slm/model/testing";
import { createEagerEngine, type Tensor } from "@slm/tensor";
import { packWeights, planChunks, unpackParameters, valueInput, valueSpecs } from "@slm/training";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { distillConfig } from "../distill-config.js";
import { shape, TinyRun } from "../test-support/run.test-support.js";
import { draftSchedule } from "./draft-config.js";
import { acceptedDrafts, askable, draftFeeds, draftInputs, draftLoss } from "./draft-loss.js";

let run: TinyRun;
beforeEach(async () => {
  run = await TinyRun.create();
});
afterEach(() => run.remove());

const labelsOnly = { loss: { forwardKl: 0, crossEntropy: 1 } };

describe("a student with draft heads", () => {
  test("is bit for bit the student without, and the checkpoint has the heads besides", async () => {
    const plain = await run.distill({ emaDecay: 0.5, checkpointAveraging: 2 }, { work: "plain" });
    const report = await run.distill({ emaDecay: 0.5, checkpointAveraging: 2, draftHeads: 3 });
    const [without, heads] = [await readCheckpoint(run.at("plain")), await readCheckpoint(run.at("work"))];
    for (const [name, { data }] of without.weights) expect(heads.weights.get(name)!.data, name).toEqual(data);
    expect(heads.config).toEqual({ ...without.config, draftHeads: 3 });
    const added = [...heads.weights.keys()].filter((name) => !without.weights.has(name));
    expect(added.length).toBeGreaterThan(5);
    expect(added.every((name) => name.startsWith("draft."))).toBe(true);
    expect(report.metrics).toEqual(plain.metrics);
    expect(report.parameters).toBeGreaterThan(plain.parameters);
  });

  test("reports how its heads were trained, and logs a loss for each", async () => {
    const report = await run.distill({ draftHeads: 2, draftTraining: { steps: 20, learningRate: 0.05 } });
    expect(report.draft).toMatchObject({ heads: 2, steps: 20 });
    expect(Object.keys(report.draft!.metrics)).toEqual(["draft.accepted", "draft.1", "draft.2"]);
    const { metrics } = report.draft!;
    expect(metrics["draft.accepted"]).toBeCloseTo(metrics["draft.1"]! + metrics["draft.2"]!, 9);
    const files = await readdir(run.at("work"));
    expect(files).toContain("draft-metrics.jsonl");
    expect(files).not.toContain("draft");
    const text = await readFile(run.at("work/draft-metrics.jsonl"), "utf8");
    const lines = text
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, number>);
    const losses = lines.filter((line) => "loss" in line);
    expect(losses.at(-1)!["draft.1"]).toBeGreaterThan(0);
    expect(losses.at(-1)!["draft.2"]).toBeGreaterThan(0);
  });

  test("ends with the same bits when it is stopped while its heads are trained", async () => {
    const settings = { ...labelsOnly, draftHeads: 2, saveEvery: 1, draftTraining: { steps: 6 } };
    await run.distill(settings, { withoutTeacher: true });
    const controller = new AbortController();
    const progress: Progress = ({ stage, step, message }) => {
      if (stage.endsWith("draft heads") && message === undefined && step === 2) controller.abort();
    };
    await mkdir(run.at("again"));
    await expect(
      run.distill(settings, {
        withoutTeacher: true,
        work: "again",
        context: { progress, signal: controller.signal },
      }),
    ).rejects.toMatchObject({ code: "INTERRUPTED" });
    await run.distill(settings, { withoutTeacher: true, work: "again" });
    const [whole, resumed] = [await readCheckpoint(run.at("work")), await readCheckpoint(run.at("again"))];
    expect([...resumed.weights]).toEqual([...whole.weights]);
  });

  test("may start from a student with heads, whose own are trained anew", async () => {
    await run.distill({ ...labelsOnly, draftHeads: 2 }, { withoutTeacher: true });
    const initialize = { student: run.at("work") };
    await run.distill({ ...labelsOnly, initialize, draftHeads: 1 }, { withoutTeacher: true, work: "next" });
    expect((await readCheckpoint(run.at("next"))).config).toMatchObject({ draftHeads: 1 });
  });

  test("is an encoder-decoder, and settings of the heads need heads", () => {
    const wrong = (section: object): string =>
      distillConfig
        .safeParse({ student: { ...shape, encoderLayers: 1 }, steps: 4, metrics: ["wer"], ...section })
        .error!.issues.map(({ path, message }) => `${path.join(".")}: ${message}`)
        .join("; ");
    expect(wrong({ student: { ...shape, architecture: "decoder-only" }, draftHeads: 2 })).toMatch(
      /draftHeads: needs an encoder-decoder/,
    );
    expect(wrong({ draftTraining: { steps: 3 } })).toMatch(/draftTraining: has no heads/);
    expect(wrong({ draftHeads: 9 })).toMatch(/draftHeads/);
  });

  test("trains its heads for half of the student's steps unless told otherwise", () => {
    expect(draftSchedule({}, 1600)).toEqual({ steps: 800, learningRate: 3e-3 });
    expect(draftSchedule({ draftTraining: { steps: 5 } }, 1600)).toEqual({ steps: 5, learningRate: 3e-3 });
  });
});

const config: EncoderDecoderConfig = encoderDecoderConfig.parse({
  ...TINY_SHAPE,
  encoderLayers: 1,
  draftHeads: 2,
});

/** Runs a computation over two rows of three and five target tokens. */
async function compute(
  weights: Weights,
  asked: readonly (readonly number[])[],
  build: (parameters: Record<string, Tensor>, x: Readonly<Record<string, Tensor>>) => Record<string, Tensor>,
): Promise<Record<string, number[]>> {
  const engine = await createEagerEngine("js");
  const chunks = planChunks(config);
  const program = await engine.compile({
    name: "test",
    forwardOnly: true,
    inputs: { ...draftInputs(config, SHAPE), ...valueSpecs(chunks) },
    build: (x) => build(unpackParameters(chunks, x), x),
  });
  const stored = Object.fromEntries(chunks.map((chunk) => [valueInput(chunk), packWeights(chunk, weights)]));
  const names = ["accepted", "first", "second"];
  const { fetched } = await program.run({
    feeds: { ...stored, ...draftFeeds(config, SHAPE, ROWS, asked) },
    fetch: names,
  });
  await engine.close();
  return Object.fromEntries(names.map((name) => [name, Array.from(fetched[name]!.data as Float32Array)]));
}

const ROWS = {
  sources: [[4, 5], [6]],
  targets: [
    [4, 5, 6],
    [7, 4, 5, 6, 7],
  ],
};
const SHAPE = { batch: 2, source: 2, target: 6, positions: 3 };
const weights = initializeWeights(config, createRandom(5).next);

const measured = (parameters: Record<string, Tensor>, x: Readonly<Record<string, Tensor>>) => {
  const { terms } = draftLoss(config, SHAPE).build(parameters, x);
  return {
    accepted: acceptedDrafts(config, SHAPE, parameters, x),
    first: terms["draft.1"]!,
    second: terms["draft.2"]!,
  };
};

describe(draftLoss, () => {
  test("counts positions that have a token to predict: a target's last one has none, EOS counted", () => {
    expect(askable([4, 5, 6], 6)).toBe(3);
    expect(askable([4, 5, 6], 3)).toBe(2);
    expect(askable([], 6)).toBe(0);
  });

  test("does not depend on rows and positions that are not asked", async () => {
    const alone = await compute(weights, [[0, 1], []], measured);
    const repeated = await compute(weights, [[0, 1, 2], []], measured);
    expect(alone["first"]![0]).toBeGreaterThan(0);
    expect(repeated["second"]![0]).toBeCloseTo(alone["second"]![0]!, 5); // Position 2 has no second token ahead.
    expect(repeated["first"]![0]).not.toBeCloseTo(alone["first"]![0]!, 5);
  });

  test("is zero, and everything is accepted, where the student's own head ignores its input", async () => {
    // With an embedding table (and so an output head) of zeros every distribution is uniform.
    const flat = new Map(weights);
    const table = weights.get("embedding.weight")!;
    flat.set("embedding.weight", { ...table, data: new Float32Array(table.data.length) });
    const found = await compute(
      flat,
      [
        [0, 1, 2],
        [0, 2, 4],
      ],
      measured,
    );
    expect(found["first"]![0]).toBeCloseTo(0, 6);
    expect(found["accepted"]).toEqual([6, 4]); // Of six positions, two have only one token ahead.
  });

  test("has weights of its own at the end of the list, so that a model without heads has the same others", () => {
    const { draftHeads, ...without } = config;
    const names = parameterSpecs(config).map(({ name }) => name);
    const plain = parameterSpecs(without).map(({ name }) => name);
    expect(draftHeads).toBe(2);
    expect(names.slice(0, plain.length)).toEqual(plain);
  });
});
