/** The recipe of `slm init`: a few settings with comments, and defaults for everything else. */
import { writeFile } from "node:fs/promises";
import { dirname, isAbsolute, relative, resolve, sep } from "node:path";
import { systemCode, writeFailure } from "@slm/core";
import { SlmError } from "@slm/core/errors";
import { stringify } from "yaml";
import { loadStages, sectionSchemas } from "../pipeline/stage-table.js";
import { checkSettings } from "./check-recipe.js";
import { inferMetrics } from "./infer-metrics.js";
import { LayerStack, recipeLayer } from "./layers.js";
import { parseRecipe } from "./recipe-file.js";
import { recipeSchema } from "./resolve-recipe.js";
import { SIZES } from "./student-sizes.js";

export interface InitAnswers {
  readonly name: string;
  /** A file of training rows. */
  readonly data: string;
  readonly size: keyof typeof SIZES;
  readonly steps: number;
  /** Largest allowed loss of the metric by quantization. */
  readonly maxDrop: number;
}

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/** What is wrong with a name, or undefined. */
export function nameProblem(name: string): string | undefined {
  return NAME.test(name)
    ? undefined
    : "expected letters, digits, '.', '_' and '-', beginning with a letter or digit";
}

/** The recipe as text; `data` is a path from the recipe's folder. */
function recipeText({ name, data, size, steps, maxDrop }: InitAnswers): string {
  const { width, heads, headDim, feedForward, encoderLayers, decoderLayers } = SIZES[size];
  const shape = { width, headDim, feedForward, encoderLayers, decoderLayers };
  const student = { ...shape, heads, kvHeads: heads, maxSource: 64, maxTarget: 64, bias: false };
  const teacher = {
    ...student,
    encoderLayers: undefined,
    decoderLayers: shape.encoderLayers + shape.decoderLayers,
  };
  const section = (comment: string, value: object): string =>
    `# ${comment}\n${stringify(withoutUndefined(value))}`;
  return [
    `# ${name}: written by slm init. slm run ${name}.yaml --dry-run shows what it will do.`,
    "# Every setting and its meaning: slm schema, or --print-config.",
    "",
    stringify({ name, seed: 1 }),
    section(
      "Rows of {source, target}. Some of the sources become the dev split, which chooses the checkpoint, and the test split.",
      { data: { train: data } },
    ),
    section("One token per character of a source and per word of a target.", {
      tokenizer: { kind: "symbols" },
    }),
    section("A decoder-only model, trained on the same rows.", {
      teacher: { kind: "train", model: teacher, steps },
    }),
    section("The encoder-decoder that learns from it.", { distill: { student, steps } }),
    section(
      `int8 encoder, int4 decoder; rejected if the metric gets worse by more than ${maxDrop}. Checkpoints are chosen by it too.`,
      { quantize: { schemes: ["cpu"], gate: { metric: "exactMatch", maxDrop } } },
    ),
    section("Latency, throughput and memory, compared with a decoder-only model of equal size.", {
      bench: {},
    }),
    section("The bundle (the deployable files) and its model card.", { deploy: { name } }),
  ].join("\n");
}

/**
 * Checks a new recipe as a run would, and writes it. A data path relative to the current directory is rewritten relative to the
 * recipe's folder.
 *
 * @throws SlmError OUTPUT_FAILED if the file exists; CONFIG_INVALID for answers that give an invalid recipe.
 */
export async function writeRecipe(path: string, answers: InitAnswers): Promise<void> {
  const data = isAbsolute(answers.data) ? answers.data : relative(dirname(path), answers.data);
  const text = recipeText({ ...answers, data: data.split(sep).join("/") });
  const layers = new LayerStack([recipeLayer(parseRecipe(text, path))]);
  checkSettings(recipeSchema(sectionSchemas(await loadStages())), inferMetrics(layers.value), layers);
  try {
    await writeFile(path, text, { flag: "wx" });
  } catch (error) {
    if (systemCode(error) === "EEXIST") {
      throw new SlmError("OUTPUT_FAILED", `${path} already exists and is not overwritten`, {
        context: { path: resolve(path) },
        suggestions: ["slm init -o another.yaml"],
      });
    }
    throw writeFailure(error, path, "nothing was written");
  }
}

function withoutUndefined(value: object): object {
  return JSON.parse(JSON.stringify(value)) as object;
}
