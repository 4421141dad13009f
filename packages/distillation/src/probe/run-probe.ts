/**
 * The probe: before the long training, the teacher and short trainings of the same student answer the same dev rows. The result
 * says what the teacher is worth on this data, and chooses what the long training learns from.
 */
import { rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { hashJson, readSealedJson, SlmError, throwIfInterrupted, writeSealedJson } from "@slm/core";
import { DATA_FILES, referencesOf } from "@slm/data";
import type { DevRow } from "@slm/training";
import { z } from "zod";
import type { DistillConfig } from "../distill-config.js";
import type { DistillInputs } from "../distill-inputs.js";
import { possibleArms, probeArm, type LabelledFraction, type ProbeArm } from "./probe-arms.js";
import { compareArms, type ProbeAnswers, type ProbeResult } from "./probe-choice.js";
import type { ProbeConfig } from "./probe-config.js";
import { probeLines } from "./probe-lines.js";
import { teacherAnswers } from "./teacher-answers.js";

/** Directory of the arms inside the work directory; removed at the end of the whole run. */
export const PROBE_DIRECTORY = "probe";

/** What the probe needs of `distill`: training by settings, and answers of what was trained. */
interface ProbeTools {
  /** Trains a student into the inputs' work directory. */
  readonly train: (settings: DistillConfig, inputs: DistillInputs) => Promise<{ readonly seconds: number }>;
  /** Greedy answers of the student in a directory. */
  readonly answer: (directory: string, rows: readonly DevRow[]) => Promise<readonly string[]>;
}

export interface ProbeRequest extends ProbeTools {
  readonly settings: DistillConfig & { readonly probe: ProbeConfig };
  readonly inputs: DistillInputs;
  /** The dev rows that everything is measured on. */
  readonly rows: readonly DevRow[];
}

const answersSchema = z.strictObject({
  key: z.string(),
  seconds: z.number(),
  predictions: z.array(z.string()),
});

/**
 * Trains the arms one after another and compares them. Finished arms of an interrupted probe are kept, a started one resumes.
 *
 * @throws SlmError as `distill`; INTERRUPTED with finished work kept.
 */
export async function runProbe(request: ProbeRequest): Promise<ProbeResult> {
  const { settings, inputs, rows } = request;
  const { probe } = settings;
  const labelled = await labelledFraction(settings, inputs);
  const [first] = probe.unlabelledFractions;
  const answers: ProbeAnswers[] = [];
  for (const arm of possibleArms(settings, first!, labelled)) answers.push(await answersOf(request, arm));
  if (answers.length === 1)
    throw new SlmError(
      "CONFIG_INVALID",
      "distill: probe compares labels alone with a teacher, but the recipe's loss and targets use none",
      { suggestions: ["leave out distill.probe", "set distill.loss.forwardKl to 0.9"] },
    );
  const teacher = await teacherAnswers(inputs, rows);
  const compare = (): ProbeResult =>
    compareArms({
      metric: settings.metrics[0],
      references: rows.map(referencesOf),
      answers,
      teacher,
      steps: probe.steps,
      seed: inputs.context.seed,
    });
  const { name, fraction } = compare().chosen;
  if (fraction > 0)
    for (const other of probe.unlabelledFractions.slice(1))
      answers.push(await answersOf(request, probeArm(settings, name, other, labelled)));
  const result = compare();
  for (const message of probeLines(result)) inputs.context.progress({ stage: "distill", message });
  return result;
}

/** The settings of the long training: the recipe's with the loss and the targets of the chosen arm, if they are to be applied. */
export async function chosenSettings(
  settings: DistillConfig & { readonly probe: ProbeConfig },
  inputs: DistillInputs,
  { chosen }: ProbeResult,
): Promise<DistillConfig> {
  if (!settings.probe.apply) return settings;
  const { loss, targets } = probeArm(
    settings,
    chosen.name,
    chosen.fraction,
    await labelledFraction(settings, inputs),
  );
  return { ...settings, loss, targets };
}

/**
 * Which fraction draws rows that the teacher labels: unlabelled sources if the data has any; else the training sources, if the
 * recipe asks for their targets.
 */
async function labelledFraction(
  { targets }: DistillConfig,
  { dataDirectory, teacherDirectory }: DistillInputs,
): Promise<LabelledFraction | undefined> {
  if (teacherDirectory === undefined) return undefined;
  if (await isThere(join(dataDirectory, DATA_FILES.unlabelled))) return "unlabelledFraction";
  return targets.sequenceKdFraction === 0 ? undefined : "sequenceKdFraction";
}

/** The answers of an arm's student: read if an earlier run has finished it, else trained. */
async function answersOf(
  { settings, inputs, rows, train, answer }: ProbeRequest,
  { name, fraction, loss, targets }: ProbeArm,
): Promise<ProbeAnswers> {
  const { context, workDirectory } = inputs;
  throwIfInterrupted(context.signal, "distill");
  const armSettings = shortened(settings, { loss, targets });
  const label = `${name}-${fraction}`;
  const directory = join(workDirectory, PROBE_DIRECTORY, label);
  const file = `${directory}.json`;
  const key = hashJson({ settings: armSettings, sources: rows.map(({ source }) => source) });
  if (await isThere(file)) {
    const done = await readSealedJson(file, answersSchema);
    if (done.key === key) return { name, fraction, seconds: done.seconds, predictions: done.predictions };
  }
  context.progress({ stage: "distill", message: `probe: ${label}` });
  const { seconds } = await train(armSettings, { ...inputs, workDirectory: directory });
  const predictions = [...(await answer(directory, rows))];
  await writeSealedJson(file, { key, seconds, predictions });
  await rm(directory, { recursive: true, force: true });
  return { name, fraction, seconds, predictions };
}

/** The settings of a probe student: as the recipe's, with fewer steps, and measured once at the end. */
function shortened(
  { probe, ...settings }: DistillConfig & { readonly probe: ProbeConfig },
  arm: Pick<DistillConfig, "loss" | "targets">,
): DistillConfig {
  const { steps } = probe;
  const share = steps / settings.steps;
  return {
    ...settings,
    ...arm,
    probe: undefined,
    steps,
    warmupSteps: Math.min(settings.warmupSteps, Math.max(1, Math.round(settings.warmupSteps * share))),
    evaluateEvery: steps,
    evaluateRows: Math.min(settings.evaluateRows, probe.rows),
    patience: undefined,
    checkpointAveraging: 1,
  };
}

const isThere = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );
