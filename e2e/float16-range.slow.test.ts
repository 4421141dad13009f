/**
 * T5's feed-forward blocks and residual sums exceed 65,504, the largest float16 number. float16 exports must still compute the same. The
 * tests use random models with float32 values beyond that limit.
 */
import { join } from "node:path";
import { createRandom } from "@slm/generation";
import { inferShapes } from "@slm/analysis";
import type { ExportChoice } from "@slm/onnx-export";
import { initializeWeights, type EncoderDecoderConfig } from "@slm/model";
import { encodeModel, readOnnx } from "@slm/onnx";
import { createHostTensor, fromHalves, type HostTensor } from "@slm/runtime";
import { describe, expect, test } from "vitest";
import { runCommand } from "../apps/cli/src/testing/run-command.js";
import { encoderDecoder, TOLERANCE } from "./random-models.js";
import { TinyModels } from "./tiny-models.js";

const LARGEST = 65_504;

const exporter = new TinyModels();

const t5: EncoderDecoderConfig = {
  ...encoderDecoder,
  kvHeads: 4,
  bias: false,
  positions: { kind: "relative-bias", buckets: 8, maxDistance: 12 },
};
const MODELS: Readonly<Record<string, EncoderDecoderConfig>> = {
  "T5 1.0, with ReLU": { ...t5, activation: "relu" },
  "T5 1.1, with gates": { ...t5, activation: "geglu" },
  "a model of ours, with gates and biases": { ...encoderDecoder, activation: "swiglu" },
};

/** Weights that make the inner values of feed-forward blocks a hundred times larger than usual, and their outputs even larger. */
function largeWeights(config: EncoderDecoderConfig): Map<string, HostTensor> {
  const weights = new Map(initializeWeights(config, createRandom(5).next));
  const factors = [
    [/feedForward\.(?:up|gate)\.weight$/u, config.activation === "relu" ? 9000 : 120],
    [/feedForward\.down\.weight$/u, 60],
  ] as const;
  for (const [name, { shape, data }] of weights) {
    const factor = factors.find(([pattern]) => pattern.test(name))?.[1] ?? 1;
    weights.set(
      name,
      createHostTensor(
        "float32",
        shape,
        Float32Array.from(data as Float32Array, (x) => x * factor),
      ),
    );
  }
  return weights;
}

/** The largest number in the encoder's values with the given precision and name. */
async function largestOf(
  directory: string,
  precision: "float32" | "float16",
  pattern = /./u,
): Promise<number> {
  const graph = await readOnnx(join(directory, "encoder.onnx"));
  const { facts } = inferShapes({ ...graph, producer: "", omitted: [] });
  const names = graph.nodes
    .flatMap(({ outputs }) => outputs)
    .filter((name) => pattern.test(name) && facts.of(name).dtype === precision);
  const outputs = names.map((name) => ({ name, dtype: precision, shape: undefined }));
  const session = await exporter.runtime.load(
    { kind: "bytes", bytes: encodeModel({ ...graph, outputs }) },
    { optimization: "none" },
  );
  const ids = createHostTensor("int32", [1, 6], Int32Array.of(9, 20, 31, 6, 12, 30));
  const feeds = { source_ids: ids, source_lengths: createHostTensor("int32", [1], Int32Array.of(6)) };
  const { fetched } = await session.run({ feeds, fetch: names });
  await session.release();
  const numbers = Object.values(fetched).flatMap(({ data }) =>
    data instanceof Uint16Array ? [...fromHalves(data)] : [...(data as Float32Array)],
  );
  return numbers.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
}

describe.each(Object.entries(MODELS))("%s", (_name, config) => {
  test("passes 65,504 in float32, and computes the same logits in float16", async () => {
    const weights = largeWeights(config);
    const { directory } = await exporter.exported(config, { target: "cpu" }, weights);
    expect(await largestOf(directory, "float32", /feedForward/u)).toBeGreaterThan(2 * LARGEST);
    const choices: readonly ExportChoice[] = [
      { target: "cpu", precision: "float16" },
      { target: "web", precision: "float16" },
      { target: "gpu", profile: "webgpu", precision: "float16" },
      { target: "npu", profile: "openvino", precision: "float16", buckets: [24] },
      { target: "npu", profile: "qnn", buckets: [24] },
    ];
    for (const choice of choices) {
      const { report, directory: made } = await exporter.exported(config, choice, weights);
      expect(report.parity?.maxAbs, choice.target).toBeLessThan(TOLERANCE.float16);
      if (choice.target === "npu") {
        const profile = choice.profile ?? "";
        const { json } = await runCommand("analyze", [
          made,
          "--target",
          "npu",
          "--profile",
          profile,
          "--json",
        ]);
        expect(json).toMatchObject({ result: { supported: true } });
      }
      if (choice.target !== "web") continue;
      const largest = await largestOf(made, "float16");
      expect(largest).toBeGreaterThan(10);
      expect(largest).toBeLessThan(LARGEST);
    }
  });
});
