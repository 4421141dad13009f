/** Writes a checkpoint of a given shape with random weights. Its outputs are meaningless, but it exports and runs like a trained one. */
import type { StageContext } from "@slm/core";
import { contextOf, type WorkOptions } from "@slm/core/work";
import { createRandom } from "@slm/generation";
import { SlmError } from "@slm/core/errors";
import { writeCheckpoint } from "@slm/checkpoints";
import { writeStandalone } from "@slm/models/artifacts";
import { initializeWeights, parameterCount, parseModelConfig, type ModelConfig } from "@slm/model";
import { SPECIAL_TOKENS, trainSymbolTokenizer, writeTokenizer } from "@slm/tokenizer";
import { readRecipeFile } from "@slm/pipeline/recipe/recipe-file";

export interface RandomCheckpoint {
  readonly artifact: string;
  readonly parameters: number;
  readonly seed: number;
}

/**
 * Writes a checkpoint with the shape in a YAML or JSON file.
 *
 * @throws SlmError INPUT_MISSING, CONFIG_INVALID
 */
export async function initModel(
  shape: string,
  { output, seed, ...work }: WorkOptions & { readonly output: string; readonly seed: number },
): Promise<RandomCheckpoint> {
  const { value } = await readRecipeFile(shape);
  const config = parseModelConfig(value, shape);
  const { progress } = contextOf(work, seed);
  const { parameters } = await writeStandalone(
    { directory: output, kind: "checkpoint", sources: {}, settings: { config, weights: "random" }, seed },
    (directory) => writeRandomCheckpoint(directory, config, { seed, progress }),
  );
  return { artifact: output, parameters, seed };
}

/**
 * Writes config.json, model.safetensors and a tokenizer, which reads printable ASCII characters and writes words of capital letters. The
 * tokenizer has as many tokens as the model, because random weights can generate any of them.
 *
 * @throws SlmError CONFIG_INVALID for a vocabulary too small for that tokenizer.
 */
async function writeRandomCheckpoint(
  directory: string,
  config: ModelConfig,
  { seed, progress }: Pick<StageContext, "seed" | "progress">,
): Promise<{ readonly parameters: number }> {
  const sources = PRINTABLE.filter((character) => !isCapital(character));
  const least = Object.keys(SPECIAL_TOKENS).length + sources.length + 1;
  if (least > config.vocabularySize) {
    throw new SlmError(
      "CONFIG_INVALID",
      `model init: expected vocabularySize of at least ${least}, got ${config.vocabularySize}`,
    );
  }
  const targets = Array.from({ length: config.vocabularySize - least + 1 }, (_, index) => capitalWord(index));
  const files = trainSymbolTokenizer({ sources, targets: [targets.join(" ")], sourceLowercase: true });
  progress({ stage: "model", message: "drawing weights" });
  const weights = initializeWeights(config, createRandom(seed % 2 ** 32).next);
  progress({ stage: "model", message: "writing weights" });
  const metadata = { weights: "random", seed: String(seed) };
  await writeCheckpoint(directory, { config, weights }, "float32", { metadata });
  await writeTokenizer(files, directory);
  return { parameters: parameterCount(config) };
}

/** Every printable ASCII character except the space. */
const PRINTABLE = Array.from({ length: 94 }, (_, index) => String.fromCharCode(33 + index));

const isCapital = (character: string): boolean => /^[A-Z]$/.test(character);

/** Converts a number to a word: A to Z, AA to ZZ, and so on. */
const capitalWord = (index: number): string =>
  (index < 26 ? "" : capitalWord(Math.floor(index / 26) - 1)) + String.fromCharCode(65 + (index % 26));
