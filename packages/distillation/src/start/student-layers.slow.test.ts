import { mkdir, readdir, rename } from "node:fs/promises";
import { decoderOnlyConfig, type Weights } from "@slm/model";
import { readCheckpoint, writeCheckpoint } from "@slm/checkpoints";
import { writeEnsemble } from "@slm/teacher";
import { beforeEach, describe, expect, test } from "vitest";
import { shape, TinyRun } from "../test-support/run.test-support.js";

const run = new TinyRun();
beforeEach(async () => {
  await run.prepare();
  await run.writeTeacher((fields) => decoderOnlyConfig.parse({ ...teacher, ...fields }));
});

/** Like Gemma 3: norms of heads and branches, and layers with a different RoPE base. */
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

describe("a student from its teacher's layers", () => {
  test("has the teacher's shape, layers and layer options", async () => {
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

  test("may have its own tokens, which start as the teacher's tokens with the same text and are counted", async () => {
    await run.writeTokenizerOf("teacher", ["A B"]);
    await run.writeTokenizerOf("tokenizer", ["A B", "B A Z"]);
    const { teacherLayers } = await run.distill({ ...layers, learningRate: 1e-9 });
    // Four special tokens, a and b in sources, A and B in targets. The teacher has no Z.
    expect(teacherLayers!.spelt).toEqual({ inOne: 8, inSeveral: 0, inNone: 1 });
    const [own, theirs] = await Promise.all(
      ["work", "teacher"].map(async (work) => (await weightsOf(work)).get("embedding.weight")!.data),
    );
    theirs!.forEach((value, index) => {
      expect(own![index]).toBeCloseTo(Number(value), 6);
    });
  });

  test("may be decoder-only; with all layers it equals the teacher at the start", async () => {
    const whole = { shape: "teacher", architecture: "decoder-only", decoderLayers: 3, maxSource, maxTarget };
    const initialize = { fromTeacher: "layers", decoderLayers: "importance" };
    const report = await run.distill({ ...layers, student: whole, initialize, learningRate: 1e-9 });
    // Using all layers needs no measurement.
    expect(report.teacherLayers).toEqual({ encoder: [], decoder: [0, 1, 2] });
    const { config, weights } = await readCheckpoint(run.at("work"));
    expect(config).toEqual((await readCheckpoint(run.at("teacher"))).config);
    for (const [name, { data }] of await weightsOf("teacher"))
      data.forEach((value, index) => {
        expect(weights.get(name)!.data[index]).toBeCloseTo(Number(value), 6);
      });
  });

  test("uses the layers with the most influence on the task's rows, and reports the influence of each", async () => {
    const initialize = { fromTeacher: "layers", encoderLayers: "importance", decoderLayers: [1] };
    const { teacherLayers } = await run.distill({ ...layers, initialize });
    const { influence, encoder, decoder } = teacherLayers!;
    expect(influence!.length).toBe(3);
    const least = influence!.indexOf(Math.min(...influence!));
    expect([encoder, decoder]).toEqual([[0, 1, 2].filter((layer) => layer !== least), [1]]);
  });

  test("is not overconfident at the start", async () => {
    // A confident teacher with large logits.
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
    // At most half a nat worse than a uniform distribution, and not scaled to zero.
    expect(start!.after).toBeLessThan(Math.log(config.vocabularySize) + 0.6);
    expect(start!.scale).toBeGreaterThan(0.01);
    const started = (await weightsOf()).get("decoder.norm.weight")!.data;
    started.forEach((value, index) => {
      expect(Number(value)).toBeCloseTo(Number(loud.data[index]) * start!.scale, 5);
    });
  });

  test("changes only cross-attention and the last norm in the first steps, bit for bit", async () => {
    const initialize = { ...every, warmupSteps: 4, rate: 0.5 };
    await run.distill({ ...layers, initialize, evaluateEvery: 9 });
    await run.distill({ ...layers, learningRate: 1e-30, evaluateEvery: 9 }, { work: "start" });
    const [start, warm] = [await weightsOf("start"), await weightsOf()];
    for (const [name, { data }] of warm) {
      // With a single key, its norm has no effect.
      if (name.includes("crossAttention") && name.includes("Norm")) continue;
      const learns = name.includes("crossAttention") || name === "decoder.norm.weight";
      if (learns) expect(data).not.toEqual(start.get(name)!.data);
      else expect(data).toEqual(start.get(name)!.data);
    }
  });

  test("may be narrower than its teacher, with fewer heads and neurons, and a separate head", async () => {
    await run.writeTeacher((fields) =>
      decoderOnlyConfig.parse({ ...shape, decoderLayers: 2, kvHeads: 2, bias: false, ...fields }),
    );
    const narrow = { ...student, encoderLayers: 1, width: 6, kvHeads: 1, feedForward: 7 };
    await run.distill({ ...layers, student: { ...narrow, tieWordEmbeddings: false } });
    const { config, weights } = await readCheckpoint(run.at("work"));
    const sizes = { width: 6, heads: 1, kvHeads: 1, headDim: 4, feedForward: 7 };
    expect(config).toMatchObject({ ...sizes, tieWordEmbeddings: false });
    expect(weights.has("head.weight")).toBe(true);
  });
});

describe("a student from its teacher's layers is rejected", () => {
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

  test("with tokens that the teacher lacks", async () => {
    await run.writeTokenizerOf("teacher", ["C D"]);
    await expect(run.distill(layers)).rejects.toMatchObject({
      code: "SHAPE_MISMATCH",
      message: expect.stringContaining("must be a subset of the teacher's") as string,
    });
  });

  test.each([
    [{ fromTeacher: "none", warmupSteps: 1 }, {}, /requires initialize.fromTeacher: layers/u],
    [{ fromTeacher: "none", rate: 0.5 }, {}, /requires initialize.fromTeacher: embeddings or layers/u],
    [{ ...every, student: "somewhere" }, {}, /initializes the whole student/u],
    [{ ...every, rate: 0.5 }, { lora: 1 }, /adapters have a single learning rate/u],
    [
      { ...every, warmupSteps: 1 },
      { student: { shape: "teacher", architecture: "decoder-only", decoderLayers: 1, maxSource, maxTarget } },
      /neither an encoder nor cross-attention/u,
    ],
  ])("with contradictory settings: %o, %o", async (initialize, section, message) => {
    await expect(run.distill({ ...layers, ...section, initialize })).rejects.toThrow(message);
  });
});
