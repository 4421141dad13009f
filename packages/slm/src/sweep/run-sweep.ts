/** Runs a sweep: trials of a recipe's student with different settings, of which the bad ones stop early. An interrupted sweep resumes. */
import {
  removePath,
  hashJson,
  makeFolder,
  readJsonFile,
  SlmError,
  throwIfInterrupted,
  withLock,
  writeJsonAtomic,
  type StageContext,
} from "@slm/core";
import type { DistillConfig } from "@slm/distillation";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { ranked, rungsOf, type Measured, type Rung } from "./halving.js";
import type { PlannedTrial, TrialRunner, TrialState } from "./trial-runner.js";

const RECORD_FILE = "sweep.json";

const measuredSchema = z.strictObject({
  trial: z.int().nonnegative(),
  steps: z.int().positive(),
  metrics: z.record(z.string(), z.number()),
  loss: z.number().nullable(),
  failure: z.string().nullable(),
});

const recordSchema = z.strictObject({
  /** Hash of everything that the sweep depends on. */
  key: z.string(),
  measured: z.array(measuredSchema),
  /** The state from which each trial resumes, by number. */
  states: z.record(z.string(), z.unknown()),
});
type SweepRecord = z.infer<typeof recordSchema>;

export interface SweepRequest {
  readonly trials: readonly PlannedTrial[];
  /** Number of steps of a full training. */
  readonly steps: number;
  readonly eta: number;
  readonly metrics: DistillConfig["metrics"];
  /** Directory of the sweep. */
  readonly directory: string;
  /** Hashes of everything else that the numbers depend on. */
  readonly inputs: unknown;
  readonly runner: TrialRunner;
  readonly context: StageContext;
}

export interface SweepOutcome {
  readonly rungs: readonly Rung[];
  /** Every measurement, in the order of rungs and trials. */
  readonly measured: readonly Measured[];
  /** The last measurement of the winner. */
  readonly best: Measured;
}

/**
 * Runs all rungs.
 *
 * @throws SlmError INTERRUPTED, which keeps the measurements so far; GATE_FAILED if every trial diverged; and as training does
 */
export async function runSweep(request: SweepRequest): Promise<SweepOutcome> {
  await makeFolder(request.directory);
  return withLock(request.directory, async (lost) => {
    const signal = AbortSignal.any([request.context.signal, lost]);
    return sweep({ ...request, context: { ...request.context, signal } });
  });
}

async function sweep({
  trials,
  steps,
  eta,
  metrics,
  directory,
  inputs,
  runner,
  context,
}: SweepRequest): Promise<SweepOutcome> {
  const settings = trials.map(({ distill }) => distill);
  const key = hashJson({ settings, steps, inputs, seed: context.seed });
  const record = await openRecord(directory, key);
  const rungs = rungsOf(trials.length, steps, eta);
  let left = trials;
  let done = record.measured.length;
  const total = rungs.reduce((sum, rung) => sum + rung.trials, 0);
  for (const rung of rungs) {
    throwIfInterrupted(context.signal, "sweep");
    const has = (number: number): Measured | undefined =>
      record.measured.find(({ trial, steps: at }) => trial === number && at === rung.steps);
    const missing = left.filter(({ number }) => has(number) === undefined);
    const requests = missing.map((trial) => ({ trial, state: record.states[String(trial.number)] }));
    await runner.train(requests, rung.steps, async (measured: Measured, state: TrialState) => {
      record.measured.push({ ...measured, metrics: { ...measured.metrics } });
      record.states[String(measured.trial)] = state ?? null;
      await writeJsonAtomic(join(directory, RECORD_FILE), record);
      done += 1;
      const message = `trial ${measured.trial} after ${rung.steps} steps: ${describe(measured, metrics)}`;
      context.progress({ stage: "sweep", step: done, total, message });
    });
    const reached = left.map(({ number }) => has(number)!);
    const next = rungs[rungs.indexOf(rung) + 1];
    if (next === undefined) break;
    const kept = new Set(
      ranked(reached, metrics)
        .filter(({ failure }) => failure === null)
        .slice(0, next.trials)
        .map(({ trial }) => trial),
    );
    left = left.filter(({ number }) => kept.has(number));
    if (left.length === 0) break;
  }
  await runner.end();
  for (const { number } of trials) await removePath(join(directory, `trial-${number}`));
  const places = new Map(rungs.map(({ steps: at }, place) => [at, place]));
  const measured = [...record.measured].sort(
    (a, b) => places.get(a.steps)! - places.get(b.steps)! || a.trial - b.trial,
  );
  const last = measured.at(-1)!.steps;
  const [best] = ranked(
    measured.filter(({ steps: at }) => at === last),
    metrics,
  );
  if (best === undefined || best.failure !== null)
    throw new SlmError(
      "GATE_FAILED",
      `sweep: every trial diverged: ${best?.failure ?? "none was measured"}`,
      {
        suggestions: ["vary distill.learningRate over lower values"],
      },
    );
  return { rungs, measured, best };
}

/** The record of an interrupted sweep, or a new one. @throws SlmError DATA_INVALID if the directory contains another sweep */
async function openRecord(directory: string, key: string): Promise<SweepRecord> {
  const path = join(directory, RECORD_FILE);
  const isThere = await stat(path).then(
    () => true,
    () => false,
  );
  if (!isThere) return { key, measured: [], states: {} };
  const record = await readJsonFile(path, recordSchema);
  if (record.key === key) return record;
  throw new SlmError("DATA_INVALID", `${directory}: contains a sweep with other settings or data`, {
    suggestions: ["choose another directory with --out", `rm -r ${directory}`],
  });
}

function describe({ metrics, failure }: Measured, names: DistillConfig["metrics"]): string {
  return (
    failure ??
    names.map((name) => `${name} ${Number((metrics[name] ?? Number.NaN).toPrecision(4))}`).join(", ")
  );
}
