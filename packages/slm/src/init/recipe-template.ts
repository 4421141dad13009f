/** The recipe of `slm init`: a few settings with comments, and defaults for everything else. */
import { writeFile } from "node:fs/promises";
import { basename, dirname, isAbsolute, relative, resolve, sep } from "node:path";
import { systemCode, writeFailure } from "@slm/core";
import { SlmError } from "@slm/core/errors";
import type { Encoding } from "@slm/data";
import { stringify } from "yaml";
import { loadStages, sectionSchemas } from "@slm/pipeline/run/stage-table";
import { checkSettings } from "@slm/pipeline/recipe/check-recipe";
import { inferMetrics } from "@slm/pipeline/recipe/infer-metrics";
import { LayerStack, recipeLayer } from "@slm/pipeline/recipe/layers";
import { parseRecipe } from "@slm/pipeline/recipe/recipe-file";
import { recipeSchema } from "@slm/pipeline/recipe/resolve-recipe";
import { schemaLine } from "./schema-line.js";
import { SIZES } from "./init-sizes.js";
import { readTaskFacts, type TaskFacts } from "./task-facts.js";

export interface InitAnswers {
  readonly name: string;
  /** A file of training rows. */
  readonly data: string;
  /** Columns of source and target; undefined if they have these names. */
  readonly fields: { readonly source: string; readonly target: string } | undefined;
  /** Undefined for UTF-8. */
  readonly encoding: Encoding | undefined;
  readonly size: keyof typeof SIZES;
  readonly steps: number;
  /** Maximum loss of the metric by quantization. */
  readonly maxDrop: number;
}

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/** Says what is wrong with a name; undefined if it is valid. */
export function nameProblem(name: string): string | undefined {
  return NAME.test(name)
    ? undefined
    : "expected letters, digits, '.', '_' and '-', beginning with a letter or digit";
}

/** With fewer rows, a default dev split is too small to choose a checkpoint [rows]. */
const FEW_ROWS = 1000;
const FEW_ROWS_DEV_FRACTION = 0.1;

/** Warm-up as a share of the steps, and its maximum, which is the default number of warm-up steps. */
const WARMUP = { share: 1 / 8, most: 200 };

/** The text of the recipe `file`; `data` is relative to the recipe's folder. */
function recipeText(
  file: string,
  { name, data, fields, encoding, size, steps, maxDrop }: InitAnswers,
  facts: TaskFacts,
): string {
  const { encoderLayers, decoderLayers } = SIZES[size];
  const { maxSource, maxTarget, metric } = facts;
  const student = { size, maxSource, maxTarget };
  const teacher = { ...student, decoderLayers: encoderLayers + decoderLayers };
  const training = { steps, warmupSteps: Math.min(WARMUP.most, Math.ceil(steps * WARMUP.share)) };
  const section = (comment: string, value: object): string =>
    `# ${comment}\n${stringify(withoutUndefined(value))}`;
  const { kind } = facts.tokenizer;
  const vocabularySize = "vocabularySize" in facts.tokenizer ? facts.tokenizer.vocabularySize : undefined;
  return [
    `# ${name}: written by slm init from ${facts.rows} rows. slm run ${file} --dry-run shows what it will do.`,
    "# Every setting and its meaning: slm schema, or --print-config.",
    "",
    stringify({ name, seed: 1 }),
    section(
      "Part of the sources become the dev split, which selects the checkpoint, and the test split. At most 1 % of the rows may be invalid.",
      {
        data: {
          train: data,
          fields,
          encoding,
          maxSource: facts.longestSource,
          devFraction: facts.rows < FEW_ROWS ? FEW_ROWS_DEV_FRACTION : undefined,
        },
      },
    ),
    section(facts.tokenizerReason, { tokenizer: { kind, vocabularySize } }),
    section(
      "A decoder-only model, trained on the same rows. maxSource and maxTarget leave room above the longest row [tokens].",
      { teacher: { kind: "train", model: teacher, ...training } },
    ),
    section("The encoder-decoder that learns from the teacher.", {
      distill: { student, ...training, metrics: [metric] },
    }),
    section(
      `int8 encoder, int4 decoder; rejected if ${metric} gets worse by more than ${maxDrop}. The metric: ${facts.metricReason}.`,
      { quantize: { schemes: ["cpu"], gate: { metric, maxDrop } } },
    ),
    section("Latency, throughput and memory, compared with a decoder-only model of the same size.", {
      bench: {},
    }),
    section("The bundle (the deployable files) and its model card.", { deploy: { name } }) +
      "  # abstain: {} # Withholds answers with a lower confidence than nearly all correct answers to the dev rows.\n",
  ].join("\n");
}

/**
 * Reads the rows, chooses settings for them, checks the new recipe like a run does, and writes it. The data path is rewritten relative
 * to the recipe's folder.
 *
 * @throws SlmError as reading the rows does; OUTPUT_FAILED if the file exists; CONFIG_INVALID for answers that give an invalid recipe.
 */
export async function writeRecipe(path: string, answers: InitAnswers): Promise<TaskFacts> {
  const facts = await readTaskFacts(answers.data, { fields: answers.fields, encoding: answers.encoding });
  const data = isAbsolute(answers.data) ? answers.data : relative(dirname(path), answers.data);
  const text =
    schemaLine(path) + recipeText(basename(path), { ...answers, data: data.split(sep).join("/") }, facts);
  const layers = new LayerStack([recipeLayer(parseRecipe(text, path))]);
  checkSettings(recipeSchema(sectionSchemas(await loadStages())), inferMetrics(layers.value), layers);
  try {
    await writeFile(path, text, { flag: "wx" });
    return facts;
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
