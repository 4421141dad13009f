/**
 * Training by replicas: rounds of local steps and an average, after which the state of the run is as if one machine had taken its steps. A run
 * that is killed goes on with the round that it was in.
 */
import { rm, stat } from "node:fs/promises";
import { join } from "node:path";
import {
  JsonLog,
  makeFolder,
  readJsonFile,
  throwIfInterrupted,
  writeBytesAtomic,
  writeJsonAtomic,
} from "@slm/core";
import { METRICS_FILE, splitState, STATE_FILE, stateAt, weightBytes } from "@slm/training";
import { z } from "zod";
import type { RoundRequest } from "../distill-inputs.js";
import { localRounds } from "./round-runner.js";

/** Directory of a run's rounds inside its work directory. */
const ROUNDS_DIRECTORY = "rounds";
const RECORD_FILE = "rounds.json";

const recordSchema = z.strictObject({
  /** Rounds done, and the step of every replica after them. */
  rounds: z.int().nonnegative(),
  step: z.int().nonnegative(),
  /** Plain data of the runner. */
  state: z.unknown(),
  tokens: z.number(),
  seconds: z.number(),
  trafficBytes: z.number(),
  loss: z.number().optional(),
});
type RoundRecord = z.infer<typeof recordSchema>;

/** What the rounds of a run did. */
export interface RoundsReport {
  readonly replicas: number;
  readonly rounds: number;
  /** Steps of one machine before the first round. */
  readonly warmupSteps: number;
  /** Source and target tokens that all replicas read, and one machine in its warm-up, padding excluded. */
  readonly tokens: number;
  readonly seconds: number;
  /** Bytes that machines exchanged for weights and states. */
  readonly trafficBytes: number;
  /** What an exchange of float32 gradients at every step of the rounds would have been: all replicas send and receive one of the weights' size. */
  readonly gradientTrafficBytes: number;
}

/**
 * Trains the warm-up and all rounds, and leaves the state of the last in the work directory, measured on the dev split.
 *
 * @throws SlmError as `distill`; INTERRUPTED with the finished rounds kept
 */
export async function trainRounds(request: RoundRequest): Promise<RoundsReport> {
  const { settings, inputs } = request;
  const { replicas, steps, evaluateEvery } = settings;
  const { warmupSteps } = replicas;
  const { workDirectory, context } = inputs;
  const directory = join(workDirectory, ROUNDS_DIRECTORY);
  await makeFolder(directory);
  const runner = inputs.rounds?.(request) ?? localRounds(request, directory);
  const weights = join(directory, "weights.safetensors");
  let record = await readRecord(directory);
  if (record === undefined) {
    const { tokens, seconds, loss } = await request.segment(settings, inputs, {
      until: warmupSteps,
      measures: warmupSteps > 0,
    });
    const split = await splitState(join(workDirectory, STATE_FILE));
    const moments = join(directory, "moments.safetensors");
    await writeBytesAtomic(weights, split.weights);
    await writeBytesAtomic(moments, split.moments);
    const state = await runner.begin(weights, moments);
    record = { rounds: 0, step: warmupSteps, state, tokens, seconds, trafficBytes: 0, loss };
    await writeJsonAtomic(join(directory, RECORD_FILE), record);
  }
  while (record.step < steps) {
    throwIfInterrupted(context.signal, "distill");
    const began = performance.now();
    const until = Math.min(steps, record.step + replicas.innerSteps);
    const round = { number: record.rounds + 1, from: record.step, until };
    const { state, loss = record.loss, tokens, trafficBytes } = await runner.round(record.state, round);
    const isMeasured =
      until === steps || Math.floor(until / evaluateEvery) > Math.floor(record.step / evaluateEvery);
    const next: RoundRecord = {
      rounds: round.number,
      step: until,
      state,
      tokens: record.tokens + tokens,
      seconds: record.seconds + (performance.now() - began) / 1000,
      trafficBytes: record.trafficBytes + trafficBytes,
      loss,
    };
    await logRound(workDirectory, record, next);
    if (isMeasured) {
      await runner.weights(state, weights);
      const file = join(workDirectory, STATE_FILE);
      await writeBytesAtomic(file, await stateAt(file, weights, { step: until, loss }));
      await request.segment(settings, inputs, { until, measures: true });
    }
    await writeJsonAtomic(join(directory, RECORD_FILE), next);
    record = next;
    const message = `round ${round.number} of ${Math.ceil((steps - warmupSteps) / replicas.innerSteps)}, ${replicas.count} replicas`;
    context.progress({
      stage: "distill",
      step: until,
      total: steps,
      message,
      metrics: { loss: loss ?? Number.NaN },
    });
  }
  await runner.end();
  const bytes = await weightBytes(join(workDirectory, STATE_FILE));
  const { rounds, tokens, seconds, trafficBytes } = record;
  return {
    replicas: replicas.count,
    rounds,
    warmupSteps,
    tokens,
    seconds,
    trafficBytes,
    gradientTrafficBytes: 2 * bytes * replicas.count * (steps - warmupSteps),
  };
}

/** One line of the metrics log per round. */
async function logRound(
  workDirectory: string,
  before: RoundRecord,
  { step, loss, tokens, seconds }: RoundRecord,
): Promise<void> {
  const log = await JsonLog.open(join(workDirectory, METRICS_FILE), { keepThroughStep: before.step });
  try {
    const tokensPerSecond = (tokens - before.tokens) / Math.max(seconds - before.seconds, Number.MIN_VALUE);
    await log.append({
      step,
      wallTime: Date.now() / 1000,
      ...(loss === undefined ? {} : { loss }),
      tokensPerSecond,
    });
  } finally {
    await log.close();
  }
}

async function readRecord(directory: string): Promise<RoundRecord | undefined> {
  const path = join(directory, RECORD_FILE);
  const isThere = await stat(path).then(
    () => true,
    () => false,
  );
  return isThere ? readJsonFile(path, recordSchema) : undefined;
}

/** Removes what the rounds of a finished run left. */
export async function removeRounds(workDirectory: string): Promise<void> {
  await rm(join(workDirectory, ROUNDS_DIRECTORY), { recursive: true, force: true });
}
