/** The tasks of the suite: one row each. Their recipes are the default arm; `arms.mjs` makes the others out of it. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { modelFile } from "../models/fetch.mjs";

const CONFIGS = join(import.meta.dirname, "../../configs");

/**
 * - `metric` is the one that tables and charts show; the recipe's other metrics are in results.json.
 * - `answerTokens`: median length of a test target with its EOS, in the recipe's tokens. Benchmarks generate as many, so that students
 *   which would stop at different lengths, and the teacher, do the same work.
 */
export const TASKS = {
  snips: {
    title: "calls from requests (SNIPS)",
    recipe: "few-labels.yaml",
    metric: "jsonExactMatch",
    answerTokens: 26,
    teacher: "smollm2",
    needsData: true,
  },
  translation: {
    title: "German to English (Multi30k)",
    metric: "chrf",
    answerTokens: 20,
    teacher: "gemma3",
    needsData: true,
  },
  dates: { title: "dates to ISO 8601", metric: "exactMatch", answerTokens: 6, teacher: "gemma3" },
  "package-sections": {
    title: "sections of packages",
    metric: "exactMatch",
    answerTokens: 3,
    teacher: "smollm2",
  },
  synopsis: { title: "one-line summaries", metric: "rougeL", answerTokens: 12, teacher: "smollm2" },
  diacritics: { title: "diacritics", metric: "exactMatch", answerTokens: 29, teacher: "gemma3" },
};

export const TASK_NAMES = Object.keys(TASKS);

/**
 * The recipe of a task, with whole paths, since cells have copies of it elsewhere.
 *
 * @param data folder with train.jsonl and dev.jsonl, for tasks whose rows the user gives.
 * @param isDry whether published models are only named, and not fetched.
 */
export function taskRecipe(name, { data, isDry = false }) {
  const { teacher, needsData = false, recipe: file = "recipe.yaml" } = TASKS[name];
  const folder = join(CONFIGS, name);
  let recipe = withWholePaths(parse(readFileSync(join(folder, file), "utf8")), folder);
  if (needsData) {
    if (data === undefined) throw new UsageError(`${name}: its rows are given with --data ${name}=FOLDER`);
    recipe = {
      ...recipe,
      data: { ...recipe.data, train: join(data, "train.jsonl"), dev: join(data, "dev.jsonl") },
    };
  }
  if (teacher !== undefined && !isDry) recipe = withModel(recipe, modelFile(teacher));
  return recipe;
}

/** The published model wherever the recipe names one. */
function withModel(recipe, model) {
  const isPretrained = recipe.tokenizer.kind === "pretrained";
  return {
    ...recipe,
    tokenizer: isPretrained ? { ...recipe.tokenizer, model } : recipe.tokenizer,
    teacher: recipe.teacher.kind === "import" ? { ...recipe.teacher, model } : recipe.teacher,
  };
}

/** Settings with their relative paths made whole: they start from the recipe's folder. */
export function withWholePaths(value, folder) {
  if (typeof value === "string") return /^\.\.?\//u.test(value) ? join(folder, value) : value;
  if (Array.isArray(value)) return value.map((item) => withWholePaths(item, folder));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, field]) => [key, withWholePaths(field, folder)]),
  );
}

/** What the user has to say otherwise. */
export class UsageError extends Error {}
