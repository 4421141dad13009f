/** Small models with random weights, with or without draft rules. */
import { createRandom, learnDraftRules } from "@slm/generation";
import type { Generation, GraphModelOptions } from "@slm/inference";
import {
  initializeWeights,
  type DecoderOnlyConfig,
  type EncoderDecoderConfig,
  type ModelConfig,
} from "@slm/model";
import type { ExportChoice, ExportSettings } from "@slm/onnx-export";
import { createHostTensor } from "@slm/runtime";
import { loadTokenizer } from "@slm/tokenizer";
import * as randomModels from "./random-models.js";
import { TinyModels } from "./tiny-models.js";
import { LETTERS, WORDS } from "./trained-speller.js";

const sizes = {
  width: 32,
  feedForward: 48,
  maxSource: 20,
  maxTarget: 18,
  headOrder: "modulo",
  vocabularySize: 4 + 2 * LETTERS.length,
} as const;

export const random: EncoderDecoderConfig = { ...randomModels.encoderDecoder, ...sizes };

export const decoderOnly: DecoderOnlyConfig = { ...randomModels.decoderOnly, ...sizes };

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

export type Drafting = GraphModelOptions;

/** Models whose answers depend on every token of the source. */
export class DraftingModels extends TinyModels {
  constructor() {
    super({ threads: 1, letters: LETTERS, words: WORDS, isCompared: false });
  }

  /** @returns the directory of an export */
  async random(
    config: ModelConfig,
    choice: ExportChoice & Pick<ExportSettings, "draftRules">,
  ): Promise<string> {
    return (await this.exported(config, choice, weightsOf(config, 1))).directory;
  }

  /** With rules learnt from the model's answers to the known sources. */
  async withRules(
    config: EncoderDecoderConfig,
    choice: ExportChoice,
    known: readonly string[],
  ): Promise<string> {
    const tokenizer = await loadTokenizer(this.tokenizerDirectory);
    const plain = await this.open(await this.random(config, { target: "cpu" }));
    const answers = await plain.generate(known);
    const pairs = known.map((source, at) => ({
      source: tokenizer.encodeSource(source),
      target: answers[at]!.tokens,
    }));
    return this.random(config, { ...choice, draftRules: learnDraftRules(pairs, random.tokens.eos) });
  }
}
