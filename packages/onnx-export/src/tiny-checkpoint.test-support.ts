/** Models with a few thousand weights, and a directory with a tokenizer, for tests. */
import { mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import { createRandom } from "@slm/generation";
import { initializeWeights, type DecoderOnlyConfig, type EncoderDecoderConfig } from "@slm/model";
import { writeCheckpoint, type Checkpoint } from "@slm/checkpoints";
import { trainSymbolTokenizer, writeTokenizer } from "@slm/tokenizer";

const shared = {
  width: 24,
  heads: 4,
  kvHeads: 2,
  headDim: 16,
  feedForward: 40,
  decoderLayers: 2,
  maxSource: 12,
  maxTarget: 10,
  ropeTheta: 10_000,
  normEpsilon: 1e-6,
  bias: true,
  headOrder: "grouped",
  vocabularySize: 11,
  tokens: { pad: 0, bos: 1, eos: 2, unknown: 3 },
} as const;

export const encoderDecoder: EncoderDecoderConfig = {
  ...shared,
  architecture: "encoder-decoder",
  encoderLayers: 2,
};
export const decoderOnly: DecoderOnlyConfig = { ...shared, architecture: "decoder-only" };

/** A checkpoint with random weights. Biases are random too, although they start at zero in training. */
export function randomCheckpoint<Config extends EncoderDecoderConfig | DecoderOnlyConfig>(
  config: Config,
  seed = 1,
): Checkpoint & { readonly config: Config } {
  const { next } = createRandom(seed);
  const weights = new Map(initializeWeights(config, next));
  for (const [name, weight] of weights) {
    if (name.endsWith(".bias"))
      weights.set(name, { ...weight, data: new Float32Array(weight.data.length).map(next) });
  }
  return { config, weights };
}

/** A new empty directory in `root`. */
export const emptyDirectory = (root: string): Promise<string> => mkdtemp(join(root, "export-"));

/** A directory with a tokenizer of 4 special tokens, `letters` source characters and 2 target symbols. */
export async function tokenizerDirectory(root: string, letters = 5): Promise<string> {
  const directory = await emptyDirectory(root);
  const sources = ["abcdefghijklmnopqrstuvwxyz".slice(0, letters)];
  await writeTokenizer(
    trainSymbolTokenizer({ sources, targets: ["X Y"], sourceLowercase: false }),
    directory,
  );
  return directory;
}

/** A complete checkpoint directory. */
export async function checkpointDirectory(root: string, checkpoint: Checkpoint): Promise<string> {
  const directory = await tokenizerDirectory(root);
  await writeCheckpoint(directory, checkpoint);
  return directory;
}
