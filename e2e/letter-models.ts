/** Small models with random weights that turn letters into capitals, and their words. */
import { createRandom } from "@slm/generation";
import type { Generation } from "@slm/inference";
import {
  initializeWeights,
  type DecoderOnlyConfig,
  type EncoderDecoderConfig,
  type ModelConfig,
} from "@slm/model";
import type { ExportChoice } from "@slm/onnx-export";
import { createHostTensor } from "@slm/runtime";
import { trainSymbolTokenizer, writeTokenizer } from "@slm/tokenizer";
import * as randomModels from "./random-models.js";
import { TinyModels } from "./tiny-models.js";

export const LETTERS = "abcdefghijklmnop";
const WORDS = LETTERS.toUpperCase().split("").join(" ");

/** Words of random letters, up to a length. */
export function sourcesOf(count: number, longest: number, seed: number): readonly string[] {
  const { next } = createRandom(seed);
  return Array.from({ length: count }, () =>
    Array.from(
      { length: 1 + Math.floor(next() * longest) },
      () => LETTERS[Math.floor(next() * LETTERS.length)]!,
    ).join(""),
  );
}

/** A token for each letter of a source, and one for each capital. */
export async function writeLetterTokenizer(directory: string): Promise<void> {
  const files = trainSymbolTokenizer({ sources: [LETTERS], targets: [WORDS], sourceLowercase: false });
  await writeTokenizer(files, directory);
}

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

/** Models whose answers depend on every token of the source. */
export class LetterModels extends TinyModels {
  constructor() {
    super({ threads: 1, letters: LETTERS, words: WORDS, isCompared: false });
  }

  /** @returns the directory of an export */
  async random(config: ModelConfig, choice: ExportChoice): Promise<string> {
    return (await this.exported(config, choice, weightsOf(config, 1))).directory;
  }
}
