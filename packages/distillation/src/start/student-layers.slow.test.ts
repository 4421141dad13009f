import { mkdir, readdir, readFile, rename } from "node:fs/promises";
import type { Progress } from "@slm/core";
import { decoderOnlyConfig, encoderDecoderConfig, type Weights } from "@slm/model";
import { readCheckpoint, writeCheckpoint } from "@slm/checkpoints";
import { writeEnsemble } from "@slm/teacher";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { shape, TinyRun } from "../test-support/run.test-support.js";

let run: TinyRun;
beforeEach(async () => {
  run = await TinyRun.create();
  await run.writeTeacher((fields) => decoderOnlyConfig.parse({ ...teacher, ...fields }));
});
afterEach(() => run.remove());

/** As Gemma 3: norms of heads and branches, layers with a RoPE base of their own. */
const teacher = {
  ...shape,
  decoderLayers: 3,
  bias: false,
  activation: "geglu",
  qkNorm: true,
  postNorm: true,
  ropeTheta: 100,
  slidingWindow: { window: 8, layers: [0, 1], ropeTheta: 10 },
};

const { maxSource, maxTarget } = shape;
const student = { shape: "teacher", encoderLayers: 2, decoderLayers: 1, maxSource, maxTarget };
const labels = { loss: { forwardKl: 0, crossEntropy: 1 } };
const every = { fromTeacher: "layers" };
const layers = { ...labels, student, initialize: every };

const weightsOf = async (work = "work"): Promise<Weights> => (await readCheckpoint(run.at(work))).weights;
const isCross = (name: string): boolean => name.includes("crossAttention");

describe("a student of its teacher's layers", () => {
  test("has the teacher's shape, layers and options of layers", async () => {
    const report = await run.distill({ ...layers, learningRate: 1e-9 });
    const { config, weights } = await readCheckpoint(run.at("work"));
    expect(config).toMatchObject({
      architecture: "encoder-decoder",
      encoderLayers: 2,
      decoderLayers: 1,
      width: 8,
      ropeTheta: 100,
      qkNorm: true,
      crossQkNorm: true,
      postNorm: true,
      localRope: { ropeTheta: 10, encoderLayers: [0], decoderLayers: [0] },
    });
    expect(report.teacherLayers).toMatchObject({ encoder: [0, 2], decoder: [0] });
    const theirs = await weightsOf("teacher");
    const [own, other] = ["encoder.layers.1.feedForward.up.weight", "decoder.layers.2.feedForward.up.weight"];
    weights.get(own)!.data.forEach((value, index) => {
      expect(value).toBeCloseTo(Number(theirs.get(other)!.data[index]), 6);
    });
  });

  test("may have tokens of its own: they start as the teacher's of the same text, and are counted", async () => {
    await run.writeTokenizerOf("teacher", ["A B"]);
    await run.writeTokenizerOf("tokenizer", ["A B", "B A Z"]);
    const { teacherLayers } = await run.distill({ ...layers, learningRate: 1e-9 });
    // Four special tokens, the source's a and b, the target's A and B; the teacher has no Z.
    expect(teacherLayers!.spelt).toEqual({ inOne: 8, inSeveral: 0, inNone: 1 });
    const [own, theirs] = [await weightsOf(), await weightsOf("teacher")];
    const rows = (weights: Weights): readonly (readonly number[])[] => {
      const { data, shape: size } = weights.get("embedding.weight")!;
      return Array.from({ length: size[0]! }, (_, row) => [...data.slice(row * 8, row * 8 + 8)].map(Number));
    };
    const [mine, given] = [rows(own), rows(theirs)];
    const mean = given[0]!.map((_, column) =>
      given.reduce((sum, row) => sum + row[column]! / given.length, 0),
    );
    [...given, mean].forEach((row, id) => {
      row.forEach((value, column) => {
        expect(mine[id]![column]).toBeCloseTo(value, 6);
      });
    });
  });

  test("may be decoder-only; of all layers it starts as the teacher itself", async () => {
    const whole = { shape: "teacher", architecture: "decoder-only", decoderLayers: 3, maxSource, maxTarget };
    const initialize = { fromTeacher: "layers", decoderLayers: "importance" };
    const report = await run.distill({ ...layers, student: whole, initialize, learningRate: 1e-9 });
    // All layers need no measurement.
    expect(report.teacherLayers).toEqual({ encoder: [], decoder: [0, 1, 2] });
    const { config, weights } = await readCheckpoint(run.at("work"));
    expect(config).toEqual((await readCheckpoint(run.at("teacher"))).config);
    for (const [name, { data }] of await weightsOf("teacher"))
      data.forEach((value, index) => {
        expect(weights.get(name)!.data[index]).toBeCloseTo(Number(value), 6);
      });
  });

  test("takes the layers of most influence on the task's rows, and says how much each has", async () => {
    const initialize = { fromTeacher: "layers", encoderLayers: "importance", decoderLayers: [1] };
    const { teacherLayers } = await run.distill({ ...layers, initialize });
    const { influence, encoder, decoder } = teacherLayers!;
    expect(influence!.length).toBe(3);
    const least = influence!.indexOf(Math.min(...influence!));
    expect([encoder, decoder]).toEqual([[0, 1, 2].filter((layer) => layer !== least), [1]]);
  });

  test("is as sure at the start as its answers are right: wrong and sure costs more than unsure", async () => {
    // A sure teacher, whose logits are large.
    const { config, weights } = await readCheckpoint(run.at("teacher"));
    const gain = weights.get("decoder.norm.weight")!;
    const loud = { ...gain, data: Float32Array.from(gain.data as Float32Array, (value) => value * 50) };
    await writeCheckpoint(run.at("teacher"), {
      config,
      weights: new Map([...weights, ["decoder.norm.weight", loud]]),
    });
    const { start } = (await run.distill({ ...layers, learningRate: 1e-9 })).teacherLayers!;
    expect(start!.scale).toBeLessThan(0.1);
    expect(start!.after).toBeLessThan(start!.before / 2);
    // At most half a nat worse than to know nothing, and not scaled to nothing.
    expect(start!.after).toBeLessThan(Math.log(config.vocabularySize) + 0.6);
    expect(start!.scale).toBeGreaterThan(0.01);
    const started = (await weightsOf()).get("decoder.norm.weight")!.data;
    started.forEach((value, index) => {
      expect(Number(value)).toBeCloseTo(Number(loud.data[index]) * start!.scale, 5);
    });
  });

  test("changes nothing but cross-attention and the last norm in the first steps, bit for bit, then everything", async () => {
    const initialize = { ...every, warmupSteps: 4, rate: 0.5 };
    await run.distill({ ...layers, initialize, evaluateEvery: 9 });
    await run.distill({ ...layers, initialize, evaluateEvery: 9, steps: 8 }, { work: "longer" });
    await run.distill({ ...layers, learningRate: 1e-30, evaluateEvery: 9 }, { work: "start" });
    const [start, warm, longer] = [await weightsOf("start"), await weightsOf(), await weightsOf("longer")];
    for (const [name, { data }] of warm) {
      if (isCross(name)) continue;
      if (name === "decoder.norm.weight") {
        expect(data).not.toEqual(start.get(name)!.data);
        continue;
      }
      expect(data).toEqual(start.get(name)!.data);
      // A single key: its norm turns nothing.
      if (!name.includes("Norm")) expect(longer.get(name)!.data).not.toEqual(data);
    }
    const cross = "decoder.layers.0.crossAttention.value.weight";
    expect(longer.get(cross)!.data).not.toEqual(warm.get(cross)!.data);
  });

  test("stopped in its warm-up and after it, and resumed, ends with the same bits", async () => {
    const settings = {
      ...layers,
      initialize: { fromTeacher: "layers", encoderLayers: "importance", warmupSteps: 3, rate: 0.3 },
      targets: { onPolicyFraction: 0.5 },
      loss: { forwardKl: 1, crossEntropy: 1 },
      steps: 8,
    };
    await run.distill(settings, { work: "plain" });
    for (const step of [2, 6]) {
      const controller = new AbortController();
      const progress: Progress = (update) => {
        if (update.message === undefined && update.step === step) controller.abort();
      };
      const context = { progress, signal: controller.signal };
      await expect(run.distill(settings, { context })).rejects.toMatchObject({ code: "INTERRUPTED" });
    }
    await run.distill(settings);
    const [resumed, plain] = await Promise.all(
      ["work", "plain"].map((work) => readFile(run.at(work, "model.safetensors"))),
    );
    expect(resumed!.equals(plain!)).toBe(true);
  });

  test("may be narrower than its teacher, with fewer heads and neurons, and a head of its own", async () => {
    await run.writeTeacher((fields) =>
      decoderOnlyConfig.parse({ ...shape, decoderLayers: 2, kvHeads: 2, bias: false, ...fields }),
    );
    const narrow = { ...student, encoderLayers: 1, width: 6, kvHeads: 1, feedForward: 7 };
    await run.distill({ ...layers, student: narrow });
    await run.distill({ ...layers, student: { ...narrow, tieWordEmbeddings: false } }, { work: "untied" });
    const sizes = { width: 6, heads: 1, kvHeads: 1, headDim: 4, feedForward: 7 };
    const [tied, untied] = [await readCheckpoint(run.at("work")), await readCheckpoint(run.at("untied"))];
    expect(tied.config).toMatchObject(sizes);
    expect(untied.config).toMatchObject({ ...sizes, tieWordEmbeddings: false });
    expect([tied.weights.has("head.weight"), untied.weights.has("head.weight")]).toEqual([false, true]);
  });

  test("belongs to its teacher: the state of a run is not resumed with another one", async () => {
    const controller = new AbortController();
    const progress: Progress = (update) => {
      if (update.message === undefined && update.step === 2) controller.abort();
    };
    const context = { progress, signal: controller.signal };
    await expect(run.distill({ ...layers }, { context })).rejects.toMatchObject({
      code: "INTERRUPTED",
    });
    await run.writeTeacher((fields) => decoderOnlyConfig.parse({ ...teacher, ropeTheta: 99, ...fields }));
    await expect(run.distill({ ...layers })).rejects.toMatchObject({ code: "DATA_INVALID" });
  });
});

describe("a student of its teacher's layers is rejected", () => {
  test("without a teacher", async () => {
    await expect(run.distill(layers, { withoutTeacher: true })).rejects.toMatchObject({
      code: "CONFIG_INVALID",
      message: expect.stringContaining("single checkpoint, got none") as string,
    });
  });

  test("with an ensemble", async () => {
    await run.writeTeacher((fields) => decoderOnlyConfig.parse({ ...teacher, ...fields }));
    await mkdir(run.at("teacher/member"));
    for (const name of await readdir(run.at("teacher")))
      if (name !== "member") await rename(run.at("teacher", name), run.at("teacher/member", name));
    await writeEnsemble(run.at("teacher"), [{ directory: "member", weight: 1 }]);
    await expect(run.distill(layers)).rejects.toMatchObject({
      code: "CONFIG_INVALID",
      message: expect.stringContaining("got an ensemble") as string,
    });
  });

  test("with an encoder-decoder as teacher", async () => {
    await run.writeTeacher((fields) => encoderDecoderConfig.parse({ ...shape, encoderLayers: 1, ...fields }));
    await expect(run.distill(layers)).rejects.toMatchObject({
      code: "CONFIG_INVALID",
      message: expect.stringContaining("expected a decoder-only teacher") as string,
    });
  });

  test("with tokens that the teacher does not have", async () => {
    await run.writeTokenizerOf("teacher", ["C D"]);
    await expect(run.distill(layers)).rejects.toMatchObject({
      code: "SHAPE_MISMATCH",
      message: expect.stringContaining("the teacher's vocabulary or a part of it") as string,
    });
  });

  test.each([
    [{ fromTeacher: "none", warmupSteps: 1 }, /needs initialize.fromTeacher: layers/u],
    [{ fromTeacher: "none", rate: 0.5 }, /needs initialize.fromTeacher: embeddings or layers/u],
    [{ fromTeacher: "layers", student: "somewhere" }, /initializes the whole student/u],
  ])("in settings that do not go together: %o", async (initialize, message) => {
    await expect(run.distill({ ...layers, initialize })).rejects.toThrow(message);
  });

  test("with warm-up or rate where adapters learn, or where there is no cross-attention", async () => {
    const lora = { rank: 1, alpha: 1, targets: ["attention.query"] };
    await expect(
      run.distill({ ...layers, lora, initialize: { fromTeacher: "layers", rate: 0.5 } }),
    ).rejects.toThrow(/adapters learn at one rate/u);
    const decoderOnly = {
      shape: "teacher",
      architecture: "decoder-only",
      decoderLayers: 1,
      maxSource,
      maxTarget,
    };
    await expect(
      run.distill({ ...layers, student: decoderOnly, initialize: { fromTeacher: "layers", warmupSteps: 1 } }),
    ).rejects.toThrow(/neither an encoder nor cross-attention/u);
  });
});
