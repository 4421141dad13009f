/** Small models with random weights, with or without draft rules, that are exported, opened and closed together. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createRandom, learnDraftRules } from "@slm/generation";
import { openModel, type Generation, type Model } from "@slm/inference";
import {
  initializeWeights,
  type DecoderOnlyConfig,
  type EncoderDecoderConfig,
  type ModelConfig,
} from "@slm/model";
import { exportWeights, type ExportChoice, type ExportSettings } from "@slm/onnx-export";
import { createHostTensor, type Runtime } from "@slm/runtime";
import { createCpuRuntime } from "@slm/runtime-node";
import { loadTokenizer } from "@slm/tokenizer";
import { LETTERS, writeSpellerTokenizer } from "./trained-speller.js";

const sizes = {
  width: 32,
  heads: 4,
  kvHeads: 2,
  headDim: 16,
  feedForward: 48,
  decoderLayers: 2,
  maxSource: 20,
  maxTarget: 18,
  ropeTheta: 10_000,
  normEpsilon: 1e-6,
  bias: true,
  headOrder: "modulo",
  vocabularySize: 4 + 2 * LETTERS.length,
  tokens: { pad: 0, bos: 1, eos: 2, unknown: 3 },
} as const;

export const random: EncoderDecoderConfig = {
  ...sizes,
  architecture: "encoder-decoder",
  encoderLayers: 2,
};

export const decoderOnly: DecoderOnlyConfig = { ...sizes, architecture: "decoder-only" };

/** The caches of these models are too long to be joined with new positions (`delta-cache.ts`), so attention uses another lowering. */
export const MODELS: Readonly<Record<string, EncoderDecoderConfig>> = {
  "short answers": random,
  "long answers, gates, and an untied, capped head": {
    ...random,
    maxTarget: 150,
    activation: "swiglu",
    qkNorm: true,
    tieWordEmbeddings: false,
    logitSoftcap: 8,
    bias: false,
  },
};

/** Three times as large as at the start of training, so that answers differ with every token of the source. */
export function weightsOf(config: ModelConfig, seed: number): ReturnType<typeof initializeWeights> {
  return new Map(
    [...initializeWeights(config, createRandom(seed).next)].map(([name, { shape, data }]) => {
      const values = Float32Array.from(data as Float32Array, (x) => (shape.length < 2 ? x : 3 * x));
      return [name, createHostTensor("float32", shape, values)];
    }),
  );
}

/** An answer without its times. */
export const told = ({ text, tokens, finished, reason }: Generation): object => ({
  text,
  tokens,
  finished,
  reason,
});

type Choice = ExportChoice & Pick<ExportSettings, "draftRules">;
export type Drafting = Parameters<typeof openModel>[2];

export class DraftingModels {
  readonly runtime: Runtime;
  /** A new directory. */
  readonly workspace: string;
  readonly #opened: Model[] = [];

  private constructor(runtime: Runtime, workspace: string) {
    this.runtime = runtime;
    this.workspace = workspace;
  }

  static async make(): Promise<DraftingModels> {
    const models = new DraftingModels(
      await createCpuRuntime({ inThread: true, threads: 1 }),
      await mkdtemp(join(tmpdir(), "slm-drafting-")),
    );
    await writeSpellerTokenizer(join(models.workspace, "tokenizer"));
    return models;
  }

  async exported(config: ModelConfig, seed: number, choice: Choice): Promise<string> {
    const outputDirectory = await mkdtemp(join(this.workspace, `${choice.target}-`));
    const tokenizerDirectory = join(this.workspace, "tokenizer");
    const source = { config, weights: weightsOf(config, seed), name: "tiny", tokenizerDirectory };
    await exportWeights(source, { ...choice, outputDirectory });
    return outputDirectory;
  }

  /** With rules learnt from the model's answers to the known sources. */
  async withRules(
    config: EncoderDecoderConfig,
    choice: ExportChoice,
    known: readonly string[],
  ): Promise<string> {
    const tokenizer = await loadTokenizer(join(this.workspace, "tokenizer"));
    const plain = await this.open(await this.exported(config, 1, { target: "cpu" }));
    const answers = await plain.generate(known);
    const pairs = known.map((source, at) => ({
      source: tokenizer.encodeSource(source),
      target: answers[at]!.tokens,
    }));
    return this.exported(config, 1, { ...choice, draftRules: learnDraftRules(pairs, random.tokens.eos) });
  }

  async open(directory: string, options?: Drafting): Promise<Model> {
    const generator = await openModel(directory, this.runtime, options);
    this.#opened.push(generator);
    return generator;
  }

  async close(): Promise<void> {
    for (const generator of this.#opened) await generator.close();
    await this.runtime.close();
    await rm(this.workspace, { recursive: true });
  }
}
