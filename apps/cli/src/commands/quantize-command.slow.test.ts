import { readOnnx, writeOnnx } from "@slm/onnx";
import { encodeSafetensors } from "@slm/checkpoints";
import { createHostTensor } from "@slm/runtime";
import { readDeviceModel } from "@slm/exported-model";
import { cp, mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder } from "@slm/core/testing";
import { beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { runCommand, type CommandOutcome } from "../testing/run-command.js";
import { tinyShape } from "../testing/tiny-shape.js";
import { writeTinyRecipe } from "@slm/pipeline/testing/tiny-run";

const root = temporaryFolder();
let exported = "";
beforeAll(async () => {
  const recipe = await writeTinyRecipe(root);
  const { exitCode, stderr } = await runCommand("run", [recipe, "--out", join(root, "run")]);
  if (exitCode !== 0) throw new Error(stderr);
  exported = join(root, "run", "export");
});

const at = (...parts: readonly string[]): string => join(root, ...parts);
const report = z.object({
  bytesBefore: z.number(),
  bytesAfter: z.number(),
  divergence: z.number().nullish(),
  skipped: z.array(z.object({ name: z.string(), reason: z.string() })),
  gate: z.object({ metric: z.string(), pass: z.boolean() }).nullable(),
});
const reportOf = ({ json }: CommandOutcome): z.infer<typeof report> =>
  z.object({ result: report }).parse(json).result;
const quantize = (...argv: readonly string[]): Promise<CommandOutcome> =>
  runCommand("quantize", [...argv, "--threads", "1", "--json"]);
const rows = (): readonly string[] => ["--calibration", at("train.jsonl")];

describe("slm quantize with real data", () => {
  test.each(["int8-qdq", "a8w8", "a16w8", "a16w4"])(
    "%s learns ranges, and the model still answers",
    async (scheme) => {
      const outcome = await quantize(exported, "--scheme", scheme, ...rows(), "-o", at(scheme));
      expect(outcome.exitCode).toBe(0);
      const { divergence } = reportOf(outcome);
      expect(divergence).toBeGreaterThan(0);
      expect(divergence).toBeLessThan(0.1);
      const { exitCode } = await runCommand("generate", [at(scheme), "--prompt", "abc", "--quiet"]);
      expect(exitCode).toBe(0);
    },
  );

  test.each([
    ["--scheme", "a8w8"],
    ["--scheme", "int4-block", "--method", "gptq"],
  ])("%s %s %s is rejected without it", async (...flags) => {
    const { exitCode, json } = await quantize(exported, ...flags, "-o", at("rejected"));
    expect([exitCode, json]).toMatchObject([2, { error: { code: "USAGE" } }]);
    expect(await readdir(root)).not.toContain("rejected");
  });

  test.each([
    ["a8w8", "--method", "gptq"],
    ["int8-dynamic", "--method", "gptq"],
    ["a16w4", "--embedding", "int8-block"],
    ["a16w8", "--block-size", "16"],
    ["a16w8", "--symmetric"],
  ])("--scheme %s does not use %s, and says so", async (scheme, ...flags) => {
    const { exitCode, json } = await quantize(exported, "--scheme", scheme, ...flags, ...rows());
    expect([exitCode, json]).toMatchObject([
      2,
      { error: { code: "USAGE", message: expect.stringContaining(flags[0]!) as string } },
    ]);
  });

  test("a gate on the divergence needs no labels; one that fails keeps the model as it was", async () => {
    const argv = [exported, "--scheme", "int4-block", ...rows()];
    const passed = await quantize(...argv, "--gate", "logitDivergence:1", "-o", at("by-divergence"));
    expect(reportOf(passed).gate).toMatchObject({ metric: "logitDivergence", pass: true });
    const failed = await quantize(...argv, "--gate", "logitDivergence:0", "-o", at("failed"));
    expect(failed.exitCode).toBe(3);
    expect(await readdir(root)).not.toContain("failed");
    expect((await quantize(...argv, "--gate", "logitDivergence:+1", "-o", at("failed"))).exitCode).toBe(2);
  });

  test("--exclude keeps a weight in float32, in a directory and in an ONNX file", async () => {
    const weight = (await readOnnx(join(exported, "encoder.onnx"))).nodes
      .filter(({ opType }) => opType === "MatMul")
      .map(({ inputs }) => inputs[1]!)[0]!;
    const exclude = ["--scheme", "int4-block", "--exclude", weight];
    const kept = { name: weight, reason: "excluded from quantization" };
    const ofModel = await quantize(exported, ...exclude, "-o", at("excluded"));
    expect(reportOf(ofModel).skipped).toContainEqual(expect.objectContaining(kept));
    const ofFile = await quantize(join(exported, "encoder.onnx"), ...exclude, "-o", at("excluded-file"));
    expect(reportOf(ofFile).skipped).toContainEqual(kept);
  });
});

describe("scheme int8", () => {
  const random = (seed: string): string => at(`random-${seed}`);

  /** Two models with random weights, and rows whose labels are the answers of the first. */
  beforeAll(async () => {
    await writeFile(at("shape.yaml"), tinyShape("encoder-decoder", 24));
    for (const seed of ["1", "7"]) {
      await runCommand("model:init", [at("shape.yaml"), "--seed", seed, "-o", at(`checkpoint-${seed}`)]);
      await runCommand("export", [at(`checkpoint-${seed}`), "--target", "cpu", "-o", random(seed)]);
    }
    const answers = [];
    for (const source of ["abc", "hgf", "ada", "bed", "cab", "fig"]) {
      const { stdout } = await runCommand("generate", [random("1"), "--prompt", source, "--quiet"]);
      answers.push(JSON.stringify({ source, target: stdout.trim() }));
    }
    await writeFile(at("answered.jsonl"), `${answers.join("\n")}\n`);
  });

  const gated = (model: string, name: string): ReturnType<typeof quantize> =>
    quantize(model, "--scheme", "int8", "--gate", "wer:0.5", "--data", at("answered.jsonl"), "-o", at(name));

  test("keeps the portable form and no graphs, and the gate measures that form", async () => {
    const outcome = await gated(random("1"), "portable-passes");
    expect(outcome.exitCode, JSON.stringify(outcome.json)).toBe(0);
    const { portable, graphs, scheme } = await readDeviceModel(at("portable-passes"));
    expect({ scheme, graphs }).toEqual({ scheme: "int8", graphs: {} });
    expect(portable).toMatchObject([{ weights: "int8", bytes: reportOf(outcome).bytesAfter }]);
    expect((await readdir(at("portable-passes"))).filter((name) => name.endsWith(".onnx"))).toEqual([]);
  });

  test("is rejected if the form fails the gate", async () => {
    await cp(random("1"), at("spoiled"), { recursive: true });
    await cp(join(random("7"), "portable.int8.bin"), at("spoiled", "portable.int8.bin"));
    await rm(at("spoiled", "manifest.json")); // It would find the wrong file.
    expect((await gated(at("spoiled"), "portable-fails")).exitCode).toBe(3);
  });

  test.each([
    ["--method", "gptq"],
    ["--exclude", "/head"],
    ["--gate", "logitDivergence:0.01", "--calibration", "rows.jsonl"],
  ])("rejects %s, which is for graphs", async (...flags) => {
    expect((await quantize(random("1"), "--scheme", "int8", ...flags, "-o", at("none"))).exitCode).toBe(2);
  });

  test("a scheme of graphs keeps no portable form", async () => {
    const outcome = await quantize(exported, "--scheme", "int4-block", "-o", at("own"));
    expect(outcome.exitCode, JSON.stringify(outcome.json)).toBe(0);
    const { portable, noPortable } = await readDeviceModel(at("own"));
    expect(portable).toBeUndefined();
    expect(noPortable).toContain("int4-block");
    expect(await readdir(at("own"))).not.toContain("portable.int8.bin");
    expect((await quantize(at("own"), "--scheme", "int8", "-o", at("none"))).exitCode).toBe(65);
  });
});

describe("slm quantize MODEL.onnx", () => {
  test.each(["int8-dynamic", "int4-block", "a8w8"])(
    "%s accepts a file whose outputs have no shape, and does not add one",
    async (scheme) => {
      const graph = await readOnnx(join(exported, "encoder.onnx"));
      const open = { ...graph, outputs: graph.outputs.map(({ name, dtype }) => ({ name, dtype })) };
      const file = at(`open-${scheme}.onnx`);
      await writeOnnx(open, file, { externalData: { file: `open-${scheme}.data` } });
      const feeds = at(`open-feeds-${scheme}`);
      await mkdir(feeds);
      const feed = new Map([
        ["source_ids", createHostTensor("int32", [1, 3], Int32Array.of(4, 5, 6))],
        ["source_lengths", createHostTensor("int32", [1], Int32Array.of(3))],
      ]);
      await writeFile(join(feeds, "0.safetensors"), encodeSafetensors(feed));
      const output = at(`open-quantized-${scheme}`);
      const outcome = await quantize(file, "--scheme", scheme, "--calibration", feeds, "-o", output);
      expect(outcome.exitCode).toBe(0);
      expect((await readOnnx(join(output, `open-${scheme}.onnx`))).outputs).toEqual(open.outputs);
    },
  );
});
