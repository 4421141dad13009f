/** Tiny models with random weights, exported into directories that disappear with the tests. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createRandom } from "@slm/decoding";
import { initializeWeights, type DecoderOnlyConfig, type EncoderDecoderConfig } from "@slm/model";
import { type Checkpoint } from "@slm/checkpoints";
import { type Precision } from "@slm/devices/table";
import { exportWeights, type ExportChoice, type ExportReport } from "@slm/onnx-export";
import { type Runtime } from "@slm/runtime";
import { createCpuRuntime } from "@slm/runtime-node";
import { trainSymbolTokenizer, writeTokenizer } from "@slm/tokenizer";

/** Logits are a few units large: float32 sums in another order, rounding to 11 and to 8 bits at every step. */
export const TOLERANCE: Readonly<Record<Precision, number>> = {
  float32: 2e-5,
  float16: 0.02,
  bfloat16: 0.15,
};

const shared = {
  width: 48,
  heads: 4,
  kvHeads: 2,
  headDim: 16,
  feedForward: 80,
  decoderLayers: 2,
  maxSource: 24,
  maxTarget: 12,
  ropeTheta: 10_000,
  normEpsilon: 1e-6,
  bias: true,
  headOrder: "grouped",
  vocabularySize: 37,
  tokens: { pad: 0, bos: 1, eos: 2, unknown: 3 },
} as const;
export const encoderDecoder: EncoderDecoderConfig = {
  ...shared,
  architecture: "encoder-decoder",
  encoderLayers: 2,
};
export const decoderOnly: DecoderOnlyConfig = { ...shared, architecture: "decoder-only" };

export function randomWeights(config: Checkpoint["config"]): Checkpoint["weights"] {
  const { next } = createRandom(11);
  const weights = new Map(initializeWeights(config, next));
  for (const [name, weight] of weights) {
    // Gains and biases start at one and zero, where leaving them out could go unseen.
    if (weight.shape.length === 1) {
      const start = name.endsWith(".bias") ? -0.5 : 0.5;
      weights.set(name, { ...weight, data: new Float32Array(weight.data.length).map(() => start + next()) });
    }
  }
  return weights;
}

/** What exports tiny models. The caller closes it. */
export interface TinyExporter {
  readonly runtime: Runtime;
  /** Holds one directory per export. */
  readonly workspace: string;
  readonly tokenizerDirectory: string;
  /** Exports a model and compares it with the trained one on the CPU provider. */
  exported(
    config: Checkpoint["config"],
    choice: ExportChoice,
    weights?: Checkpoint["weights"],
  ): Promise<{ readonly report: ExportReport; readonly directory: string }>;
  close(): Promise<void>;
}

export async function openTinyExporter(): Promise<TinyExporter> {
  const runtime = await createCpuRuntime({ inThread: true, threads: 2 });
  const workspace = await mkdtemp(join(tmpdir(), "slm-exports-"));
  const tokenizerDirectory = join(workspace, "tokenizer");
  const files = trainSymbolTokenizer({ sources: ["abc"], targets: ["X Y"], sourceLowercase: false });
  await writeTokenizer(files, tokenizerDirectory);
  return {
    runtime,
    workspace,
    tokenizerDirectory,
    exported: async (config, choice, weights = randomWeights(config)) => {
      const directory = await mkdtemp(join(workspace, "export-"));
      const source = { config, weights, name: "tiny", tokenizerDirectory };
      return {
        report: await exportWeights(source, { outputDirectory: directory, runtime, ...choice }),
        directory,
      };
    },
    close: async () => {
      await runtime.close();
      await rm(workspace, { recursive: true });
    },
  };
}
