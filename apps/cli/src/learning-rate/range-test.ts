/** A range test of the student of a recipe: a short training whose learning rate rises from very low to very high. */
import { SlmError } from "@slm/core/errors";
import { readRunLog, type RunLog } from "@slm/report";
import { METRICS_FILE } from "@slm/training";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { prepareStage, type StageOptions } from "../library/run-stage.js";
import { contextOf, type WorkOptions } from "../library/work.js";
import { artifactsOf, runPipeline } from "../pipeline/run-pipeline.js";
import type { RatePoint } from "./suggest-rate.js";

export interface RangeTest extends StageOptions {
  readonly steps: number;
  readonly lowest: number;
  readonly highest: number;
}

const STAGE = "distill";

/** What of the recipe a range test changes: its length and rates. Nothing is averaged, stopped early or chosen. */
function settingsOf({ steps, lowest, highest }: RangeTest): readonly string[] {
  const settings = {
    schedule: "range",
    steps,
    learningRate: highest,
    minLearningRateRatio: lowest / highest,
    warmupSteps: 0,
    emaDecay: 0,
    checkpointAveraging: 1,
    evaluateEvery: steps,
    evaluateRows: 1,
    saveEvery: steps,
  };
  return Object.entries(settings).map(([key, value]) => `${STAGE}.${key}=${value}`);
}

/**
 * Runs the stages that the student needs in the directory of the run, then the range test in a directory that is removed.
 *
 * @returns one point per line of the log, in order of rising rates
 * @throws SlmError as the stages; a loss that leaves the finite numbers ends the test and is no error
 */
export async function rangeTest(
  recipe: string,
  options: RangeTest,
  work: WorkOptions,
): Promise<readonly RatePoint[]> {
  const prepared = await prepareStage(STAGE, recipe, {
    ...options,
    set: [...(options.set ?? []), ...settingsOf(options)],
  });
  const { [STAGE]: student, ...sections } = prepared.recipe.sections;
  if (student === undefined) throw new SlmError("CONFIG_INVALID", `${recipe}: no section ${STAGE}`);
  const context = contextOf(work, prepared.recipe.seed);
  const earlier = { ...prepared, recipe: { ...prepared.recipe, sections } };
  const inputs = artifactsOf(await runPipeline(earlier, context), earlier);
  const stage = prepared.stages.find(({ name }) => name === STAGE);
  if (stage === undefined) throw new Error(`the stage table has no '${STAGE}'`);
  const directory = await mkdtemp(join(tmpdir(), "slm-learning-rate-"));
  try {
    const { compute, name } = prepared.recipe;
    const about = { task: name, run: name };
    try {
      await stage.run({ ...context, settings: student.settings, compute, about, inputs, work: directory });
    } catch (error) {
      // The rate rises until training diverges; what was logged before is the result.
      if (!(error instanceof SlmError) || error.code !== "GATE_FAILED") throw error;
    }
    return pointsOf(await readRunLog(join(directory, METRICS_FILE)));
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

function pointsOf({ records }: RunLog): readonly RatePoint[] {
  return records.flatMap(({ values }) => {
    const [learningRate, loss] = [values.get("learningRate"), values.get("loss")];
    return learningRate === undefined || loss === undefined ? [] : [{ learningRate, loss }];
  });
}
