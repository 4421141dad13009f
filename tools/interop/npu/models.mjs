/** Models whose exports are compiled: the students of configs/, decoder-only teachers, and the paper's shape. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parse } from "yaml";

const CONFIGS = join(import.meta.dirname, "../../../configs");
const TOKENS = { pad: 0, bos: 1, eos: 2, unknown: 3 };

/** Letters to phonemes has as many tokens as its data have symbols; random weights need place for the tokens of a random checkpoint. */
const SYMBOLS = 160;

const read = async (path) => parse(await readFile(join(CONFIGS, path), "utf8"));

/** Tokens that a chunk graph of an encoder-decoder verifies in a run. */
const DRAFTS = 8;

/** A student, as a checkpoint's config.json has it; the longest source and, where there is no image, half of it. */
const student = (name) => ({
  name,
  stage: "distill",
  shape: async () => {
    const { distill, tokenizer } = await read(`${name}/recipe.yaml`);
    const vocabularySize = tokenizer.vocabularySize ?? SYMBOLS;
    return { architecture: "encoder-decoder", ...distill.student, vocabularySize, tokens: TOKENS };
  },
  sizesOf: ({ maxSource, vision }) => ({
    buckets: vision === undefined ? [maxSource / 2, maxSource] : [maxSource],
    chunk: DRAFTS,
  }),
});

/** A decoder-only model; its prompts go through a chunk graph. */
const teacher = (name, shape) => ({
  name: `${name}-teacher`,
  stage: "teacher",
  shape: async () => ({ ...(await shape()), architecture: "decoder-only", tokens: TOKENS }),
  sizesOf: () => ({}),
});

const recipeTeacher = ([name, file]) =>
  teacher(name, async () => {
    const { teacher: own, tokenizer } = await read(`${name}/${file}`);
    return { ...own.model, vocabularySize: tokenizer.vocabularySize };
  });

export const MODELS = [
  ...["quickstart", "snips", "assistant", "ocr", "vqa"].map(student),
  teacher("quickstart", async () => {
    const shape = await read("quickstart/teacher/config.json");
    return { ...shape, vocabularySize: SYMBOLS };
  }),
  ...Object.entries({ snips: "trained-teacher.yaml", assistant: "recipe.yaml" }).map(recipeTeacher),
  {
    name: "paper-330m",
    isLarge: true,
    stage: "distill",
    shape: () => read("paper-330m/model.yaml"),
    // Room for a prompt of 512 tokens and a reply of 127.
    sizesOf: () => ({ buckets: [512], window: 128 }),
  },
];
