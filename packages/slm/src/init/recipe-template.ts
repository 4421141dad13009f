/** The recipe of `slm init`: a few settings with comments, and defaults for everything else. */
import { writeFile } from "node:fs/promises";
import { basename, dirname, isAbsolute, relative, resolve, sep } from "node:path";
import { portableProblem, systemCode, writeFailure } from "@slm/core";
import { SlmError } from "@slm/core/errors";
import { DEFAULT_MAX_REJECTED, type Encoding } from "@slm/data";
import { stringify } from "yaml";
import { STAGES, sectionSchemas } from "@slm/pipeline/run/stage-table";
import { checkSettings } from "@slm/pipeline/recipe/check-recipe";
import { LayerStack, recipeLayer } from "@slm/pipeline/recipe/layers";
import { parseRecipe } from "@slm/pipeline/recipe/recipe-file";
import { copyMetrics } from "@slm/pipeline/recipe/recipe-metrics";
import { recipeSchema } from "@slm/pipeline/recipe/resolve-recipe";
import { devFractionFor } from "./dev-share.js";
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
  if (!NAME.test(name)) return "expected letters, digits, '.', '_' and '-', beginning with a letter or digit";
  return portableProblem(name);
}

/** Warm-up as a share of the steps, and its maximum, which is the default number of warm-up steps. */
const WARMUP = { share: 1 / 8, most: 200 };

/** How to turn the teacher off, and what it cost on a task of 4,000 rows with exact match. */
const WITHOUT_TEACHER =
  "# --skip teacher --set distill.loss.forwardKl=0 trains on the labels alone. On 4,000 recipe ingredients that gave 97.7 instead of 99.3 % " +
  "exact match and a calibration error of 8.9 instead of 0.8 %, in 2 instead of 9 minutes.";

/** The teacher of a student: this many times as wide, with this share of its steps, since wider models need fewer. */
const TEACHER = { width: 2, steps: 0.5 };

/** Evaluations of a training: enough to notice soon that it has nothing left to learn. */
const EVALUATIONS = 8;

const trainingFor = (steps: number): object => ({
  steps,
  warmupSteps: Math.min(WARMUP.most, Math.ceil(steps * WARMUP.share)),
  evaluateEvery: Math.ceil(steps / EVALUATIONS),
});

/** The next whole percent above what the most frequent answer reaches; every metric that init chooses is a fraction. */
const limitOf = ({ mostFrequentTarget }: TaskFacts): number =>
  Math.min(1, (Math.floor(100 * mostFrequentTarget) + 1) / 100);

/** The limit that accepts the rows as they are; undefined if the default does. */
function rejectedShare({ rows, rejected }: TaskFacts): number | undefined {
  if (rejected === undefined) return undefined;
  const share = Math.ceil((100 * rejected.count) / (rows + rejected.count)) / 100;
  return share > DEFAULT_MAX_REJECTED ? share : undefined;
}

function invalidRows({ rows, rejected }: TaskFacts): string {
  if (rejected === undefined) return "At most 1 % of the records may be invalid.";
  return `${rejected.count} of ${rows + rejected.count} records are invalid and left out; maxRejected is the largest share.`;
}

/** The recipe as text of a file of that name; `data` is a path from the recipe's folder. */
function recipeText(
  file: string,
  { name, data, fields, encoding, size, steps, maxDrop }: InitAnswers,
  facts: TaskFacts,
): string {
  const { width, encoderLayers, decoderLayers } = SIZES[size];
  const { maxSource, maxTarget, metric } = facts;
  const student = { size, maxSource, maxTarget };
  const teacher = {
    ...student,
    width: TEACHER.width * width,
    decoderLayers: encoderLayers + decoderLayers,
  };
  const section = (comment: string, value: object): string =>
    `# ${comment}\n${stringify(withoutUndefined(value))}`;
  const { kind } = facts.tokenizer;
  const vocabularySize = "vocabularySize" in facts.tokenizer ? facts.tokenizer.vocabularySize : undefined;
  return [
    `# ${name}: written by slm init from ${facts.rows} rows. slm run ${file} --dry-run shows what it will do.`,
    "# Every setting and its meaning: slm schema, or --print-config.",
    "",
    stringify({ name, seed: 1 }),
    section(`The metric that chooses the checkpoint and that the gate judges: ${facts.metricReason}.`, {
      metrics: [metric],
    }),
    section(
      "Some of the sources become the dev split, which chooses the checkpoint, and the test split. " +
        invalidRows(facts),
      {
        data: {
          train: data,
          fields,
          encoding,
          maxSource: facts.longestSource,
          devFraction: devFractionFor(facts.rows),
          maxRejected: rejectedShare(facts),
        },
      },
    ),
    section(facts.tokenizerReason, { tokenizer: { kind, vocabularySize } }),
    section(
      "A decoder-only model, trained on the same rows, about three times as large as the student. maxSource and maxTarget leave room above the longest row [tokens].\n" +
        WITHOUT_TEACHER,
      { teacher: { kind: "train", model: teacher, ...trainingFor(Math.ceil(TEACHER.steps * steps)) } },
    ),
    section(
      "The encoder-decoder that learns from it. steps is the most: a training with nothing left to learn stops early.",
      {
        distill: { student, ...trainingFor(steps) },
      },
    ),
    section(
      `Weights in int8; rejected if ${metric} gets worse by more than ${maxDrop}, or is below limit.\n` +
        "# limit is just above the score of a model that always gives the most frequent answer. Raise it to what your task needs.",
      { quantize: { gate: { maxDrop, limit: limitOf(facts) } } },
    ),
    section("Latency, throughput and memory, compared with a decoder-only model of the same size.", {
      bench: {},
    }),
    section(
      "The bundle (the deployable files) and its model card. The examples are rows of your file, which the bundle's web page shows.",
      { deploy: { name, examples: facts.examples.length === 0 ? undefined : facts.examples } },
    ) +
      "  # abstain: {} # Withholds answers that are less sure than nearly all right answers to the dev rows.\n",
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
  const settings = copyMetrics(layers.value, (place) => layers.locate(place));
  checkSettings(recipeSchema(sectionSchemas(STAGES)), settings, layers);
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
