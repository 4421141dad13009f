/** Graphs that WebGPU cannot compute are rejected before anything runs, with the reason and the right export command. */
import { loadGraphs } from "@slm/inference";
import type { ExportChoice } from "@slm/onnx-export";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { decoderOnly, encoderDecoder } from "../random-models.js";
import { slm, slmExit } from "../slm-process.js";
import { TinyModels } from "../tiny-models.js";
import { ON_WEBGPU, openRuntimes, type Runtimes } from "./setting.js";

const models = new TinyModels({ isCompared: false });
let runtimes: Runtimes;

beforeAll(async () => {
  runtimes = await openRuntimes();
});
afterAll(() => runtimes.close());

const exported = async (
  config: typeof encoderDecoder | typeof decoderOnly,
  choice: ExportChoice,
): Promise<string> => (await models.exported(config, choice)).directory;

/** The error of loading a model on WebGPU. */
async function expectRejected(directory: string, code: string, message: RegExp): Promise<void> {
  await expect(loadGraphs(directory, runtimes.gpu)).rejects.toMatchObject({
    code,
    message: expect.stringMatching(message) as string,
    suggestions: ["slm export CHECKPOINT --target gpu --profile webgpu"],
  });
}

const NOT_CAUSAL = /GroupQueryAttention with causal=0 .* not implemented/;

describe("exports for target cpu", () => {
  test.each(["float32", "cpu", "int8-dynamic", "int8-block", "int4-block"] as const)("%s", async (scheme) => {
    const modelDirectory = await exported(encoderDecoder, { target: "cpu" });
    if (scheme === "float32") {
      await expectRejected(modelDirectory, "OP_UNSUPPORTED", NOT_CAUSAL);
      return;
    }
    await expectRejected(await models.quantized(modelDirectory, scheme), "OP_UNSUPPORTED", NOT_CAUSAL);
  });

  test("of a decoder-only model with capped scores, which would give other answers", async () => {
    const capped = { ...decoderOnly, attentionSoftcap: 2 };
    await expectRejected(
      await exported(capped, { target: "cpu" }),
      "OP_UNSUPPORTED",
      /softcap=2 .* ignores the cap/,
    );
    const model = await loadGraphs(await exported(decoderOnly, { target: "cpu" }), runtimes.gpu);
    await model.close();
  });
});

test("an export for CUDA in bfloat16", async () => {
  const directory = await exported(encoderDecoder, { target: "gpu", profile: "cuda", precision: "bfloat16" });
  await expectRejected(directory, "OP_UNSUPPORTED", /WebGPU has no bfloat16/);
});

describe("the command line", () => {
  test("ends with exit code 65 and names the export", async () => {
    const directory = await exported(encoderDecoder, { target: "cpu" });
    const { exitCode, stderr } = await slmExit("generate", directory, "--prompt", "abc", ...ON_WEBGPU);
    expect(exitCode).toBe(65);
    expect(stderr).toMatch(NOT_CAUSAL);
    expect(stderr).toContain("slm export CHECKPOINT --target gpu --profile webgpu");
    const analysis = await slmExit("analyze", directory, "--target", "gpu", "--profile", "webgpu");
    expect(analysis.exitCode).toBe(3);
  });

  test("names the adapter in slm doctor, and passes over software unless it is asked for", async () => {
    const finding = z.object({ device: z.string(), available: z.boolean(), reason: z.string() });
    const { providers } = z.object({ providers: z.array(finding) }).parse(await slm("doctor"));
    const { available, reason } = providers.find(({ device }) => device === "gpu:webgpu")!;
    expect(available).toBe(true);
    expect(reason).toContain(runtimes.gpu.device.description.replace("gpu:webgpu on ", ""));
    const readable = { ...encoderDecoder, vocabularySize: 9 };
    const directory = await exported(readable, { target: "gpu", profile: "webgpu" });
    const { device } = z
      .object({
        device: z.object({
          provider: z.string(),
          fallbacks: z.array(z.object({ device: z.string(), reason: z.string() })),
        }),
      })
      .parse(await slm("generate", directory, "--prompt", "abc"));
    const isSoftware = runtimes.gpu.device.simulated;
    expect(device.provider).toBe(isSoftware ? "cpu" : "webgpu");
    if (isSoftware)
      expect(device.fallbacks).toEqual([
        { device: "gpu:webgpu", reason: expect.stringContaining("its only adapter is software") as string },
      ]);
  });
});
