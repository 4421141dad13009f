/** Models whose exports are compiled: the students of configs/, their decoder-only baselines, and the paper's shape. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parse } from "yaml";

const CONFIGS = join(import.meta.dirname, "../../../configs");
const TOKENS = { pad: 0, bos: 1, eos: 2, unknown: 3 };

/** Letters to phonemes has as many tokens as its data have symbols; random weights need place for the tokens of a random checkpoint. */
const SYMBOLS = 160;

const recipeOf = async (name) => parse(await readFile(join(CONFIGS, name, "recipe.yaml"), "utf8"));

/** The shape of the student of a recipe, as a checkpoint's config.json has it. */
async function studentOf(name) {
  const { distill, tokenizer } = await recipeOf(name);
  return {
    architecture: "encoder-decoder",
    ...distill.student,
    vocabularySize: tokenizer.vocabularySize ?? SYMBOLS,
    tokens: TOKENS,
  };
}

/** Source lengths of two sets of graphs, the longest that of the model. */
const bucketsOf = ({ maxSource, vision }) =>
  vision === undefined ? [maxSource / 2, maxSource] : [maxSource];

const student = (name) => ({
  name,
  shape: () => studentOf(name),
  buckets: bucketsOf,
});

export const MODELS = [
  ...["quickstart", "snips", "assistant", "ocr", "vqa"].map(student),
  {
    name: "paper-330m",
    isLarge: true,
    shape: async () => parse(await readFile(join(CONFIGS, "paper-330m/model.yaml"), "utf8")),
    // The paper's prompts are up to 512 tokens long; the window holds a reply of 127.
    buckets: () => [512],
    window: 128,
  },
];
