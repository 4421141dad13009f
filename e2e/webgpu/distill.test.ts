/**
 * The command line trains and distils a teacher on WebGPU with the same results as on the CPU, without dropout, because each device draws
 * its own masks.
 */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder } from "@slm/core/testing";
import { beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { slm, slmExit } from "../slm-process.js";

const LETTERS = "abcde";
const WORDS = Array.from({ length: 80 }, (_, index) =>
  Array.from({ length: 2 + (index % 4) }, (_letter, at) => LETTERS[(index * (at + 3) + at) % 5]).join(""),
);
const shape = { width: 32, heads: 2, decoderLayers: 1, maxSource: 16, maxTarget: 16 };
const training = { batchSize: 8, warmupSteps: 5, buckets: 1, evaluateRows: 4 };
const STEPS = 20;
const RECIPE = {
  metrics: ["per"],
  data: { train: "train.jsonl", dev: "dev.jsonl", test: "test.jsonl" },
  tokenizer: {},
  teacher: { kind: "train", model: shape, steps: STEPS, evaluateEvery: STEPS, ...training },
  distill: {
    student: { ...shape, encoderLayers: 1 },
    targets: { onPolicyFraction: 0.5 }, // Half of the batches are sampled from the student on its device.
    steps: STEPS,
    evaluateEvery: STEPS,
    ...training,
  },
};

const at = (...parts: readonly string[]): string => join(root, ...parts);
const root = temporaryFolder();
beforeAll(async () => {
  const rows = (list: readonly string[]): string =>
    list
      .map((source) => `${JSON.stringify({ source, target: Array.from(source.toUpperCase()).join(" ") })}\n`)
      .join("");
  await writeFile(at("train.jsonl"), rows(WORDS));
  await writeFile(at("dev.jsonl"), rows(["abc", "deb", "cc", "e"]));
  await writeFile(at("test.jsonl"), rows(["cab"]));
  await writeFile(at("recipe.yaml"), JSON.stringify(RECIPE));
});

const logged = z.looseObject({ loss: z.number().optional(), "dev.per": z.number().optional() });

/** Losses and dev metrics in a training's log, and its answers to dev rows. */
async function trained(directory: string) {
  const lines = (text: string): string[] => text.trim().split("\n");
  const metrics = lines(await readFile(join(directory, "metrics.jsonl"), "utf8")).map((line) =>
    logged.parse(JSON.parse(line)),
  );
  return {
    losses: metrics.flatMap(({ loss }) => loss ?? []),
    per: metrics.flatMap((entry) => entry["dev.per"] ?? []),
    samples: lines(await readFile(join(directory, "samples.jsonl"), "utf8")),
  };
}

test("teacher, samples of the student, losses, metrics and answers are the CPU's", async () => {
  for (const device of ["cpu", "gpu:webgpu"])
    await slm("distill", at("recipe.yaml"), "--out", at(device.replace(":", "-")), "--device", device);
  for (const stage of ["teacher", "distill"]) {
    const expected = await trained(at("cpu", stage));
    const actual = await trained(at("gpu-webgpu", stage));
    expect(expected.losses).toHaveLength(1);
    for (const [index, loss] of expected.losses.entries())
      expect(Math.abs(actual.losses[index]! / loss - 1)).toBeLessThan(1e-4);
    expect(actual.per).toEqual(expected.per);
    expect(actual.samples).toEqual(expected.samples);
  }
}, 300_000);

test("a device that is not here ends the command before anything is trained", async () => {
  const argv = ["distill", at("recipe.yaml"), "--out", at("cuda"), "--device", "gpu:cuda"];
  const { exitCode, stderr } = await slmExit(...argv);
  expect(exitCode).toBe(69);
  expect(stderr).toMatch(
    /gpu:cuda: its libraries cannot be loaded; it needs an NVIDIA GPU with CUDA and cuDNN/,
  );
});
