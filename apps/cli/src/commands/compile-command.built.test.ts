import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder } from "@slm/core/testing";
import { GraphBuilder, writeOnnx } from "@slm/onnx";
import { beforeAll, describe, expect, test } from "vitest";
import { compileLines } from "../ui/compile-lines.js";
import { runCommand } from "../testing/run-command.js";
import { tinyShape } from "../testing/tiny-shape.js";

// These tests need no plug-in. `npm run e2e:npu` tests with Qualcomm's compiler.

const root = temporaryFolder();
const at = (name: string): string => join(root, name);

beforeAll(async () => {
  await writeFile(at("shape.yaml"), tinyShape("encoder-decoder", 9));
  await runCommand("model:init", [at("shape.yaml"), "-o", at("checkpoint"), "--seed", "3", "--json"]);
  await runCommand("export", [at("checkpoint"), "-o", at("cpu"), "--json"]);
  const npu = ["--target", "npu", "--profile", "qnn", "--buckets", "8"];
  await runCommand("export", [at("checkpoint"), ...npu, "-o", at("npu"), "--json"]);
  const builder = new GraphBuilder("any");
  builder.output("y", builder.op("Relu", [builder.input("x", "float32", [2])]), "float32", [2]);
  await writeOnnx(builder.build(), at("any.onnx"));
});

describe("slm compile", () => {
  test.each([
    ["without a plug-in, with the command that obtains it", ["npu", "--soc", "sm8650"], 69, "pip download"],
    ["an ONNX file without a plug-in", ["any.onnx", "--soc", "sm8650"], 69, "slm device add"],
    ["an unknown chip, with those that there are", ["npu", "--soc", "sm1"], 2, "sm8650"],
    ["a model for the CPU", ["cpu", "--soc", "sm8650"], 65, "--target npu"],
    ["no chip", ["npu"], 2, "soc"],
    ["rows to verify without a file", ["npu", "--soc", "sm8650", "--verify", "5"], 2, "--data"],
    ["a profile for a model that has its own", ["npu", "--soc", "sm8650", "--profile", "qnn"], 2, "ONNX"],
    ["--verify of an ONNX file", ["any.onnx", "--soc", "sm8650", "--verify", "5", "--data", "x"], 2, "ONNX"],
    ["no such model", ["nothing", "--soc", "sm8650"], 66, "nothing"],
  ])("rejects %s, and writes nothing", async (_, [model, ...flags], exitCode, word) => {
    const result = await runCommand("compile", [at(model!), ...flags, "-o", at("out"), "--json"]);
    expect(result.exitCode).toBe(exitCode);
    expect(JSON.stringify(result.json)).toContain(word);
    expect(await readdir(root)).not.toContain("out");
  });
});

describe("--soc for a model that is not an NPU export", () => {
  test("is rejected", async () => {
    const result = await runCommand("generate", [at("cpu"), "--prompt", "a", "--soc", "sm8650", "--json"]);
    expect(result.exitCode).toBe(2);
  });
});

describe(compileLines, () => {
  test("labels simulated results, and does not show their times", () => {
    const lines = compileLines(
      {
        plugin: "qnn 2.7.0",
        profile: "qnn",
        chips: [
          {
            soc: "sm8650",
            title: "Snapdragon 8 Gen 3",
            generation: "Hexagon v75",
            graphs: [{ graph: "encoder.onnx", bytes: 2048, seconds: 0.5 }],
          },
        ],
      },
      [
        {
          soc: "sm8650",
          device: { provider: "qnn", threads: 1, description: "simulator", simulated: true, fallbacks: [] },
          rows: 500,
          equalAnswers: 490,
          steps: 3786,
          maxAbs: 0.2218,
          minCosine: 0.99972,
          metrics: { wer: { cpu: 0.49, device: 0.494 } },
          compiledAhead: true,
        },
      ],
    ).join("\n");
    expect(lines).toContain("sm8650, simulated: 490 of 500 greedy answers");
    expect(lines).toContain("wer  49.4 %; on the CPU 49 %");
    expect(lines).toContain("the times were not measured on that device");
  });
});
