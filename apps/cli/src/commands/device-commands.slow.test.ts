import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder, withCode } from "@slm/core/testing";
import { beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { parseDevice, runtimeRecipe } from "@slm/models/devices";
import { parsePercent } from "../flags/percent-flag.js";
import { runCommand } from "../testing/run-command.js";
import { tinyShape } from "../testing/tiny-shape.js";

const root = temporaryFolder();
const at = (name: string): string => join(root, name);

beforeAll(async () => {
  await writeFile(at("shape.yaml"), tinyShape("encoder-decoder", 9));
  await runCommand("model:init", [at("shape.yaml"), "-o", at("checkpoint"), "--seed", "3", "--json"]);
  await runCommand("export", [at("checkpoint"), "-o", at("cpu"), "--json"]);
  const npu = ["--target", "npu", "--profile", "vitisai", "--buckets", "8,20"];
  await runCommand("export", [at("checkpoint"), ...npu, "-o", at("npu"), "--json"]);
});

const generated = z.object({
  result: z.object({
    generations: z.array(z.object({ text: z.string(), tokens: z.number() })),
    device: z.object({
      provider: z.string(),
      simulated: z.boolean(),
      fallbacks: z.array(z.object({ device: z.string(), reason: z.string() })),
    }),
  }),
});
/** Lengths of both buckets, the shortest and the longest source. */
const PROMPTS = ["a", "abcdefgh", "abcdefghi", "abcdefghijklmnopqrst"].flatMap((text) => ["--prompt", text]);
const generate = async (...argv: readonly string[]) =>
  generated.parse((await runCommand("generate", [...argv, ...PROMPTS, "--json"])).json).result;

describe("a model for an NPU", () => {
  test.each([
    ["greedily", []],
    ["with beams", ["--beams", "3"]],
    ["by drawing", ["--temperature", "0.9", "--seed", "5"]],
  ])(
    "generates %s the same text as the CPU export of the same model, to the last token of its window",
    async (_, choice) => {
      const [npu, cpu] = [await generate(at("npu"), ...choice), await generate(at("cpu"), ...choice)];
      expect(npu.generations).toEqual(cpu.generations);
      expect(Math.max(...npu.generations.map(({ tokens }) => tokens))).toBe(9);
    },
  );

  test("says in its result that it was simulated, and why", async () => {
    const { device } = await generate(at("npu"));
    expect(device).toMatchObject({
      provider: "vitisai",
      simulated: true,
      fallbacks: [{ device: "npu:vitisai" }],
    });
    const asked = await generate(at("npu"), "--device", "cpu");
    expect(asked.device).toMatchObject({ provider: "vitisai", simulated: true, fallbacks: [] });
    const processor = await generate(at("cpu"));
    expect(processor.device).toMatchObject({ provider: "wasm", simulated: false, fallbacks: [] });
  });

  test("is evaluated like the CPU export, and reported as simulated", async () => {
    await writeFile(
      at("rows.jsonl"),
      '{"source":"abc","target":"A B"}\n{"source":"abcdefghijk","target":"C"}\n',
    );
    const argv = (model: string) => [at(model), "--data", at("rows.jsonl"), "--metrics", "perplexity,wer"];
    const of = async (model: string) =>
      z
        .object({
          result: z.object({
            metrics: z.object({ perplexity: z.number(), wer: z.number() }),
            device: z.object({ simulated: z.boolean() }),
          }),
        })
        .parse((await runCommand("eval", [...argv(model), "-o", at("p.jsonl"), "--json"])).json).result;
    const [npu, cpu] = [await of("npu"), await of("cpu")];
    expect(npu.metrics.perplexity).toBeCloseTo(cpu.metrics.perplexity, 2);
    expect(npu.metrics.wer).toBe(cpu.metrics.wer);
    expect([npu.device.simulated, cpu.device.simulated]).toEqual([true, false]);
    expect(await readFile(at("p.jsonl"), "utf8")).toContain('"abc"');
  });

  test("is rejected without a fallback, with the error code for devices", async () => {
    const { exitCode, json } = await runCommand("generate", [
      at("npu"),
      "--no-fallback",
      ...PROMPTS,
      "--json",
    ]);
    expect(exitCode).toBe(69);
    expect(JSON.stringify(json)).toContain("npu:vitisai");
  });
});

describe("--device", () => {
  test("names a device or is rejected", async () => {
    expect(parseDevice("gpu:cuda")).toEqual({ kind: "gpu", profile: "cuda" });
    for (const text of ["", "tpu", "gpu:", "gpu:a:b", "cpu:avx"])
      expect(() => parseDevice(text)).toThrow(withCode("USAGE"));
    expect(() => parseDevice("npu:cuda")).toThrow(withCode("USAGE"));
    expect(
      (await runCommand("generate", [at("cpu"), "--device", "tpu", ...PROMPTS, "--json"])).exitCode,
    ).toBe(2);
  });

  test("for a GPU falls back to the CPU if there is no GPU, with every reason", async () => {
    const { device } = await generate(at("cpu"), "--device", "gpu:directml");
    if (process.platform !== "win32") {
      expect(device).toMatchObject({ provider: "cpu", simulated: false });
      expect(device.fallbacks).toEqual([
        { device: "gpu:directml", reason: expect.stringContaining("DirectX") as string },
      ]);
    }
  });
});

describe(runtimeRecipe, () => {
  test("defaults to the device that the models were exported for", () => {
    const gpu = { target: "gpu", profile: "webgpu" } as const;
    expect(runtimeRecipe([{ target: "cpu" }], { threads: 2 })).toEqual({
      kind: "cpu",
      options: { threads: 2 },
    });
    expect(runtimeRecipe([{ target: "web", profile: "webgpu" }], {})).toEqual({ kind: "cpu", options: {} });
    expect(runtimeRecipe([gpu], {})).toEqual({
      kind: "gpu",
      options: { fallback: true, profile: "webgpu", software: false },
    });
    expect(runtimeRecipe([gpu], { device: { kind: "gpu", profile: "webgpu" } })).toEqual({
      kind: "gpu",
      options: { fallback: true, profile: "webgpu" },
    });
    expect(runtimeRecipe([gpu], { device: { kind: "cpu" } })).toEqual({ kind: "cpu", options: {} });
    expect(runtimeRecipe([gpu], { device: { kind: "gpu" }, fallback: false })).toEqual({
      kind: "gpu",
      options: { fallback: false },
    });
  });

  test("rejects an NPU for other graphs, and NPU graphs together with others", () => {
    expect(() => runtimeRecipe([{ target: "cpu" }], { device: { kind: "npu" } })).toThrow(withCode("USAGE"));
    expect(() => runtimeRecipe([{ target: "cpu" }, { target: "npu", profile: "qnn" }], {})).toThrow(
      withCode("USAGE"),
    );
  });
});

describe(parsePercent, () => {
  test("accepts percentages, and rejects ambiguous values", () => {
    expect([parsePercent("5%"), parsePercent("0.5 %")]).toEqual([0.05, 0.005]);
    for (const text of ["5", "0.05", "-1%", "%", ""])
      expect(() => parsePercent(text)).toThrow(withCode("USAGE"));
  });
});
