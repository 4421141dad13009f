/** Compares the runtime's perplexity with the training loss on the same rows. */
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createRandom } from "@slm/generation";
import { openModel, type EvaluationRow } from "@slm/inference";
import {
  crossCaches,
  decode,
  encode,
  initializeWeights,
  outputHead,
  type DecoderOnlyConfig,
  type EncoderDecoderConfig,
  type ModelConfig,
  type Weights,
} from "@slm/model";
import { writeCheckpoint } from "@slm/checkpoints";
import { exportCheckpoint } from "@slm/onnx-export";
import { createHostTensor, type Runtime } from "@slm/runtime";
import { createCpuRuntime } from "@slm/runtime-node";
import { createEagerEngine, crossEntropy, lengthBias, math, type Tensor } from "@slm/tensor";
import { loadTokenizer, trainSymbolTokenizer, writeTokenizer, type Tokenizer } from "@slm/tokenizer";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const shared = {
  width: 32,
  heads: 4,
  kvHeads: 2,
  headDim: 8,
  feedForward: 48,
  decoderLayers: 2,
  maxSource: 12,
  maxTarget: 24,
  ropeTheta: 10_000,
  normEpsilon: 1e-6,
  bias: true,
  headOrder: "grouped",
  tokens: { pad: 0, bos: 1, eos: 2, unknown: 3 },
} as const;

/** Answers of several lengths, including an empty one. The second reference must not count. */
const ROWS: readonly EvaluationRow[] = [
  { source: "abc", references: ["X Y Z", "Z"] },
  { source: "a", references: ["Y"] },
  { source: "cabbca", references: ["X X Y Z Z X Y"] },
  { source: "bb", references: [""] },
  { source: "cab", references: ["Z Y"] },
];

let runtime: Runtime;
let workspace: string;

beforeAll(async () => {
  runtime = await createCpuRuntime({ inThread: true, threads: 1 });
  workspace = await mkdtemp(join(tmpdir(), "slm-perplexity-"));
});
afterAll(async () => {
  await runtime.close();
  await rm(workspace, { recursive: true });
});

interface Trial {
  readonly checkpoint: string;
  readonly config: ModelConfig;
  readonly weights: Weights;
  readonly tokenizer: Tokenizer;
}

/** A checkpoint with random weights, which is worse than a uniform choice among the ten tokens. */
async function randomCheckpoint(architecture: ModelConfig["architecture"]): Promise<Trial> {
  const checkpoint = join(workspace, architecture);
  await mkdir(checkpoint);
  await writeTokenizer(
    trainSymbolTokenizer({ sources: ["abc"], targets: ["X Y Z"], sourceLowercase: false }),
    checkpoint,
  );
  const tokenizer = await loadTokenizer(checkpoint);
  const sizes = { ...shared, vocabularySize: tokenizer.vocabularySize };
  const config: EncoderDecoderConfig | DecoderOnlyConfig =
    architecture === "encoder-decoder"
      ? { ...sizes, architecture, encoderLayers: 2 }
      : { ...sizes, architecture };
  const { next } = createRandom(5);
  const weights = initializeWeights(config, next);
  await writeCheckpoint(checkpoint, { config, weights });
  return { checkpoint, config, weights, tokenizer };
}

/** The training cross-entropy over all target tokens, one row at a time [nats per token]. */
async function eagerLoss({ config, weights, tokenizer }: Trial): Promise<{ nats: number; tokens: number }> {
  const engine = await createEagerEngine("js");
  const { bos, eos } = config.tokens;
  let nats = 0;
  let tokens = 0;
  for (const { source, references } of ROWS) {
    const sourceIds = tokenizer.encodeSource(source);
    const answer = references[0] === "" ? [] : tokenizer.encodeTarget(references[0]!);
    const labels = [...answer, eos];
    // A decoder-only model reads the source as a prefix. Its predictions there do not count.
    const prefix = config.architecture === "decoder-only" ? sourceIds : [];
    const fed = [...prefix, bos, ...answer];
    const ints = (values: readonly number[], shape: readonly number[]) =>
      createHostTensor("int32", shape, Int32Array.from(values));
    const feeds = {
      ...Object.fromEntries(weights),
      "source ids": ints(sourceIds, [1, sourceIds.length]),
      "source lengths": ints([sourceIds.length], [1]),
      fed: ints(fed, [1, fed.length]),
      labels: ints([...prefix.map(() => 0), ...labels], [fed.length]),
      mask: createHostTensor(
        "float32",
        [fed.length],
        Float32Array.from(fed, (_, at) => (at < prefix.length ? 0 : 1)),
      ),
      count: createHostTensor("float32", [], Float32Array.of(labels.length)),
    };
    const program = await engine.compile({
      name: "loss",
      inputs: Object.fromEntries(
        Object.entries(feeds).map(([name, { dtype, shape }]) => [
          name,
          { dtype: dtype === "int32" ? "int32" : "float32", shape },
        ]),
      ),
      build: (tensors) => ({ loss: lossOf(config, tensors) }),
    });
    const { fetched } = await program.run({ feeds, fetch: ["loss"] });
    nats += Number(fetched.loss!.data[0]) * labels.length;
    tokens += labels.length;
    await program.release();
  }
  await engine.close();
  return { nats, tokens };
}

function lossOf(config: ModelConfig, tensors: Readonly<Record<string, Tensor>>): Tensor {
  const { fed, mask, count, labels } = tensors;
  const hidden =
    config.architecture === "decoder-only"
      ? decode(config, tensors, fed!)
      : decode(config, tensors, fed!, { source: sourceContext(config, tensors) });
  const logits = math.reshape(outputHead(config, tensors, hidden), [fed!.shape[1]!, config.vocabularySize]);
  return crossEntropy({ logits, mask: mask!, count: count! }, labels!);
}

function sourceContext(
  config: EncoderDecoderConfig,
  tensors: Readonly<Record<string, Tensor>>,
): NonNullable<NonNullable<Parameters<typeof decode>[3]>["source"]> {
  const ids = tensors["source ids"]!;
  const lengths = tensors["source lengths"]!;
  return {
    cross: crossCaches(config, tensors, encode(config, tensors, ids, { lengths }).states),
    bias: lengthBias({ lengths, ids }, {}),
  };
}

describe.each(["encoder-decoder", "decoder-only"] as const)(
  "the perplexity of a model that is %s",
  (architecture) => {
    let trial: Trial;
    let expected: number;
    let tokens: number;
    beforeAll(async () => {
      trial = await randomCheckpoint(architecture);
      const loss = await eagerLoss(trial);
      expected = Math.exp(loss.nats / loss.tokens);
      ({ tokens } = loss);
    });

    test("is e to the loss of the training forward pass, whatever the batches", async () => {
      const directory = await mkdtemp(join(workspace, "export-"));
      await exportCheckpoint({
        checkpointDirectory: trial.checkpoint,
        outputDirectory: directory,
        target: "cpu",
        runtime,
      });
      const generator = await openModel(directory, runtime, { scores: true });
      for (const batchSize of [1, 2, 16]) {
        const { metrics, likelihood } = await generator.evaluate({
          rows: ROWS,
          metrics: ["perplexity"],
          batchSize,
        });
        // Both are float32; the loss over a vocabulary of ten differs in the sixth digit.
        expect(Math.abs(metrics.perplexity! / expected - 1)).toBeLessThan(1e-4);
        expect(likelihood?.tokens).toBe(tokens);
        expect(Math.exp(likelihood!.nllNatsPerToken)).toBeCloseTo(metrics.perplexity!, 9);
      }
      await generator.close();
    });
  },
);
