/** Compares every graph for WebGPU, run on WebGPU, with the training forward pass. */
import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import type { Checkpoint } from "@slm/checkpoints";
import { readOutline } from "@slm/onnx";
import type { ExportChoice } from "@slm/onnx-export";
import { createGpuRuntime } from "@slm/runtime-node";
import { describeGreedyLoop } from "@slm/generation/testing";
import { describeRuntime } from "@slm/runtime/contract";
import { createOnnxEngine, type Engine } from "@slm/tensor";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  NATIVE_SHAPES,
  SHAPES,
  TOLERANCE,
  TOWERS,
  decoderOnly,
  encoderDecoder,
  sees,
  tower,
} from "../random-models.js";
import { TinyModels } from "../tiny-models.js";
import { openRuntimes, type Runtimes } from "./setting.js";

describeRuntime("the runtime of WebGPU", () =>
  createGpuRuntime({ profile: "webgpu", threads: 1, fallback: false }),
);
describeGreedyLoop("the runtime of WebGPU", () =>
  createGpuRuntime({ profile: "webgpu", threads: 1, fallback: false }),
);

const models = new TinyModels();
let runtimes: Runtimes;
/** Computes the training forward pass, on the CPU. */
let engine: Engine;

beforeAll(async () => {
  runtimes = await openRuntimes();
  engine = createOnnxEngine(runtimes.cpu);
});
afterAll(async () => {
  await engine.close();
  await runtimes.close();
});

const GPU: ExportChoice = { target: "gpu", profile: "webgpu" };

const exported = (
  config: Checkpoint["config"],
  choice: ExportChoice,
  isCompared = true,
): ReturnType<typeof models.exported> =>
  models.exported(config, {
    ...choice,
    ...(isCompared ? { runtime: runtimes.gpu, engine } : { runtime: undefined }),
  });

const MODELS: Readonly<Record<string, Checkpoint["config"]>> = {
  "an encoder-decoder": encoderDecoder,
  "a decoder-only baseline": decoderOnly,
  "windows and capped scores": {
    ...decoderOnly,
    attentionSoftcap: 2,
    slidingWindow: { window: 5, layers: [1], ropeTheta: 300 },
  },
  "a vision-language model": sees({ tower }),
  ...Object.fromEntries(Object.entries(TOWERS).map(([name, vision]) => [name, sees(vision)])),
  ...Object.fromEntries(
    Object.entries({ ...SHAPES, ...NATIVE_SHAPES }).map(([name, change]) => [
      name,
      { ...encoderDecoder, ...change },
    ]),
  ),
};

describe("graphs in float32 compute what the trained model does", () => {
  test.each(Object.entries(MODELS))("%s", async (_name, config) => {
    const { report } = await exported(config, GPU);
    expect(report.parity).toMatchObject({ provider: "webgpu" });
    expect(report.parity!.maxAbs).toBeLessThan(TOLERANCE.float32);
  });

  test.each(Object.entries(MODELS).slice(0, 2))("%s, layout transformers.js", async (_name, config) => {
    const { report } = await exported(config, { ...GPU, layout: "transformers.js" });
    expect(report.parity!.maxAbs).toBeLessThan(TOLERANCE.float32);
  });
});

/** Graphs without their target metadata, and contents of weights, by file. */
async function graphsOf(directory: string): Promise<Readonly<Record<string, unknown>>> {
  const names = (await readdir(directory, { recursive: true })).filter((name) => name.includes(".onnx"));
  const entries = names.sort().map(async (name) => {
    const path = join(directory, name);
    const contents = name.endsWith(".onnx")
      ? { ...(await readOutline(path)), metadata: {} }
      : await readFile(path, "hex");
    return [name, contents] as const;
  });
  return Object.fromEntries(await Promise.all(entries));
}

const WEB_MODELS: readonly (readonly [Checkpoint["config"], readonly ExportChoice["layout"][]])[] = [
  [encoderDecoder, ["native", "transformers.js"]],
  [decoderOnly, ["native", "transformers.js"]],
  [sees({ tower }), ["native"]],
];

test.each(["float32", "float16"] as const)(
  "target web has the graphs and weights of gpu:webgpu, in %s",
  async (precision) => {
    for (const [config, layouts] of WEB_MODELS)
      for (const layout of layouts) {
        const web = await exported(config, { target: "web", precision, layout }, false);
        const gpu = await exported(config, { ...GPU, precision, layout }, false);
        const graphs = await graphsOf(web.directory);
        expect(Object.keys(graphs)).not.toEqual([]);
        expect(graphs).toEqual(await graphsOf(gpu.directory));
      }
  },
);

test("graphs in float16 compute what the trained model does, or are rejected at load with the adapter's name", async () => {
  const outcomes = new Set<string>();
  for (const config of Object.values(MODELS).slice(0, 4)) {
    const run = exported(config, { ...GPU, precision: "float16" });
    const { maxAbs, error } = await run.then(
      ({ report }) => ({ maxAbs: report.parity!.maxAbs, error: undefined }),
      (reason: unknown) => ({ maxAbs: undefined, error: reason }),
    );
    if (maxAbs !== undefined) expect(maxAbs).toBeLessThan(TOLERANCE.float16);
    else
      expect(error).toMatchObject({
        code: "DEVICE_UNAVAILABLE",
        message: expect.stringContaining(runtimes.gpu.device.description) as string,
      });
    outcomes.add(maxAbs === undefined ? "rejected at load, for want of shader-f16" : "run");
  }
  expect(outcomes.size).toBe(1);
  process.stdout.write(`float16 on ${runtimes.gpu.device.description}: ${[...outcomes].join()}\n`);
});
