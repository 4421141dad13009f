/**
 * The training loop: batches in a deterministic order, one program per bucket (compiled when first needed), and regular saves of the state. A
 * run that is killed at any point and resumed ends with the same bits as an uninterrupted one.
 */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { closing, JsonLog, SlmError, throwIfInterrupted, writeTextAtomic } from "@slm/core";
import { createRandom } from "@slm/generation";
import { sampleLines, SAMPLES_FILE } from "@slm/report";
import { initializeParameters, type ParameterSpec, type Weights } from "@slm/model";
import { BatchOrder } from "../data/batch-order.js";
import { BestWeights, removeBestWeights } from "../state/best-weights.js";
import {
  divergenceAdvice,
  divergenceOf,
  divergenceText,
  followLoss,
  rejectDiverged,
} from "../contract/divergence.js";
import { LiveWeights } from "../state/live-weights.js";
import { resolveModules } from "../parameters/module-training.js";
import { earlyStopAfter, earlyStopText } from "../optimizer/early-stop.js";
import { learningRateAt } from "../optimizer/schedule.js";
import { planRun, runSpecs, type ChunkPlan } from "../program/state-layout.js";
import { StepRunner, type PreparedBatch } from "./step-runner.js";
import type { TrainReport, TrainRequest } from "../contract/training-contract.js";
import {
  FRESH_PROGRESS,
  openState,
  removeUnfinishedSaves,
  saveState,
  uploadState,
  type DeviceState,
  type SavedProgress,
} from "../state/training-state.js";

export const METRICS_FILE = "metrics.jsonl";
export const STATE_FILE = "state.safetensors";
/** Steps between saves of the resumable state, which is also saved at every measurement. */
const SAVE_EVERY = 500;
/** Steps between lines of the metrics log and progress reports. */
const LOG_EVERY = 20;

/** Trains to the last step, resuming from a saved state, and returns the best weights on the dev split. */
export async function train(request: TrainRequest): Promise<TrainReport> {
  const trainer = await Trainer.start(request);
  try {
    return await trainer.run();
  } finally {
    await trainer.close();
  }
}

/** Removes the files of a run in progress. Its weights must have been written. */
export async function removeRunState(workDirectory: string): Promise<void> {
  await removeBestWeights(workDirectory, new Set());
  await rm(join(workDirectory, STATE_FILE), { force: true });
}

class Trainer {
  private readonly request: TrainRequest;
  private readonly plan: ChunkPlan;
  private readonly order: BatchOrder;
  private readonly state: DeviceState;
  private readonly live: LiveWeights;
  private readonly steps: StepRunner;
  private readonly best: BestWeights;
  private readonly log: JsonLog;
  private progress: Omit<SavedProgress, "key" | "best">;
  /** The next step's batches, which are prepared while the previous step computes. */
  private ahead: Promise<readonly PreparedBatch[]> | undefined;

  private constructor(
    request: TrainRequest,
    plan: ChunkPlan,
    state: DeviceState,
    log: JsonLog,
    { best, ...progress }: Omit<SavedProgress, "key">,
  ) {
    const { lengths, rowSets, settings, workDirectory, config, dev, context } = request;
    this.request = request;
    this.plan = plan;
    const { buckets, batchSize } = settings;
    this.order = new BatchOrder({ lengths, more: rowSets, buckets, batchSize, seed: context.seed });
    this.state = state;
    this.live = new LiveWeights(request, plan, state);
    this.steps = new StepRunner(request, plan, this.order.buckets, state);
    this.best = new BestWeights(
      {
        directory: workDirectory,
        config,
        limit: settings.checkpointAveraging,
        ranking: dev.ranking,
      },
      best,
    );
    this.log = log;
    this.progress = { ...progress, recent: { ...progress.recent } };
  }

  static async start(request: TrainRequest): Promise<Trainer> {
    const { config, settings, objective, engine, workDirectory, key, context, groups } = request;
    const { modules, adapters } = resolveModules(config, settings, request.stage);
    const extra = { adapters, auxiliary: objective.auxiliary ?? [] };
    const plan = planRun(config, extra, modules, groups);
    await removeUnfinishedSaves(workDirectory);
    const saved = await openState(join(workDirectory, STATE_FILE), plan, settings, key);
    const specs = runSpecs(config, extra);
    // Saved weights are not initialized again, because large weights would need a second copy.
    const isSavedWhole = saved !== undefined && plan.frozen.length === 0;
    const initial = isSavedWhole ? new Map() : startingWeights(specs, request.initial, context.seed);
    const state = await closing(saved, () => uploadState(engine, plan, settings, initial, saved));
    const keepThroughStep = saved?.progress.step ?? 0;
    const log = await JsonLog.open(join(workDirectory, METRICS_FILE), { keepThroughStep });
    return new Trainer(request, plan, state, log, saved?.progress ?? FRESH_PROGRESS);
  }

  async run(): Promise<TrainReport> {
    const { settings, stage } = this.request;
    const { tokens, seconds } = await this.advance();
    const { step: steps, loss = Number.NaN, earlyStop } = this.progress;
    const [epochs = 0, ...furtherEpochs] = this.order.epochsAfter(steps * settings.gradientAccumulationSteps);
    const chosen = await this.chosenWeights();
    const diverged = divergenceOf(this.progress.course);
    rejectDiverged(diverged, chosen.metrics, { stage, learningRate: settings.learningRate });
    return {
      ...chosen,
      steps,
      earlyStop,
      epochs,
      furtherEpochs,
      seconds,
      tokensPerSecond: tokens / Math.max(seconds, Number.MIN_VALUE),
      loss,
      diverged,
    };
  }

  /** Steps to the end. */
  private async advance(): Promise<{ readonly tokens: number; readonly seconds: number }> {
    const { settings, stage, context } = this.request;
    const began = performance.now();
    let allTokens = 0;
    let loggedTokens = 0;
    let logged = began;
    if (!this.isDone()) this.prepareAhead(this.progress.step + 1);
    while (!this.isDone()) {
      const step = this.progress.step + 1;
      const batches = await this.takePrepared();
      // Compile first: the step must be queued before the next batch is prepared, even if its bucket is new to this process.
      const compiled = await this.steps.compile(batches);
      const running = this.steps.run(step, batches, compiled, this.progress);
      // The next batches are prepared while this step computes. Their work is queued after it, so they use the updated weights.
      if (step < this.lastStep) this.prepareAhead(step + 1);
      const { loss, terms, lossScaling } = await running;
      allTokens += batches.reduce((sum, { feeds }) => sum + feeds.tokens, 0);
      const { recent } = this.progress;
      this.progress = {
        ...this.progress,
        step,
        // Only in float16 can a step have no loss: it is skipped.
        recent: Number.isFinite(loss) ? { loss: recent.loss + loss, count: recent.count + 1 } : recent,
        course:
          step === 1 && Number.isFinite(loss)
            ? { first: loss, peak: loss, peakStep: 1 }
            : this.progress.course,
        ...(lossScaling === undefined ? {} : { lossScaling }),
      };
      const isLast = step === this.lastStep;
      if (step % LOG_EVERY === 0 || isLast) {
        const now = performance.now();
        const rate = (1000 * (allTokens - loggedTokens)) / (now - logged);
        [logged, loggedTokens] = [now, allTokens];
        await this.report(terms, rate);
      }
      const isMeasured = step % settings.evaluateEvery === 0 || isLast;
      if (isMeasured) {
        await this.measure();
        if (!isLast) await this.considerStopping();
        context.progress({ stage, step, total: this.lastStep, metrics: this.progress.metrics });
      }
      if (isMeasured || step % SAVE_EVERY === 0 || context.signal.aborted) await this.save();
      throwIfInterrupted(context.signal, stage);
    }
    return { tokens: allTokens, seconds: (performance.now() - began) / 1000 };
  }

  /** The last step: fewer than requested once the run has decided to stop early. */
  private get lastStep(): number {
    return this.progress.earlyStop?.endsAt ?? this.request.settings.steps;
  }

  /** Whether this was the last step. */
  private isDone(): boolean {
    return this.progress.step >= this.lastStep;
  }

  /** Decides after a measurement whether the run stops early. The decision is saved with the state, so a resumed run keeps it. */
  private async considerStopping(): Promise<void> {
    const { settings, stage, context } = this.request;
    const { step } = this.progress;
    const [best] = this.best.measurements;
    if (this.progress.earlyStop !== undefined || best === undefined) return;
    const earlyStop = earlyStopAfter(step, best, settings);
    if (earlyStop === undefined) return;
    this.progress = { ...this.progress, earlyStop };
    const message = earlyStopText(earlyStop, settings);
    await this.log.append({ step, wallTime: Date.now() / 1000, note: message });
    context.progress({ stage, message, isNote: true });
  }

  /** A line of the log and of progress: the mean loss since the previous line. */
  private async report(terms: Readonly<Record<string, number>>, rate: number): Promise<void> {
    const { settings, stage, context } = this.request;
    const { step, recent, lossScaling, earlyStop } = this.progress;
    if (recent.count === 0) return;
    const loss = recent.loss / recent.count;
    const before = this.progress.course;
    const course = before && followLoss(before, step, loss);
    this.progress = { ...this.progress, loss, course, recent: { loss: 0, count: 0 } };
    const diverged = divergenceOf(course);
    if (diverged !== undefined && divergenceOf(before) === undefined)
      context.progress({
        stage,
        message: `${divergenceText(diverged)}; ${divergenceAdvice(settings.learningRate)}`,
        isNote: true,
      });
    const learningRate = learningRateAt(step, settings, earlyStop);
    const scaling =
      lossScaling === undefined ? {} : { lossScale: lossScaling.scale, skippedSteps: lossScaling.skipped };
    await this.record({ loss, ...terms, learningRate, tokensPerSecond: rate, ...scaling });
    const metrics = { loss, ...this.progress.metrics, tokensPerSecond: rate };
    context.progress({ stage, step, total: this.lastStep, metrics });
  }

  /** One line of the metrics log. */
  private async record(values: Readonly<Record<string, number>>): Promise<void> {
    const { step } = this.progress;
    const wallTime = Date.now() / 1000;
    // A skipped step has a gradient norm that is not a number.
    const numbers = Object.fromEntries(Object.entries(values).filter(([, value]) => Number.isFinite(value)));
    await this.log.append({ step, wallTime, ...numbers });
  }

  private prepareAhead(step: number): void {
    this.ahead = this.prepare(step);
    // A failure is thrown when the batches are awaited; until then it must not count as an unhandled rejection.
    this.ahead.catch(() => undefined);
  }

  private async takePrepared(): Promise<readonly PreparedBatch[]> {
    if (this.ahead === undefined) throw new SlmError("UNEXPECTED", "training: no batch was prepared");
    const prepared = this.ahead;
    this.ahead = undefined;
    return prepared;
  }

  private async prepare(step: number): Promise<readonly PreparedBatch[]> {
    const { gradientAccumulationSteps } = this.request.settings;
    const live = await this.live.current();
    const prepared: PreparedBatch[] = [];
    const first = (step - 1) * gradientAccumulationSteps;
    for (let number = first + 1; number <= first + gradientAccumulationSteps; number++) {
      const batch = this.order.at(number);
      const bucket = this.order.buckets[batch.bucket]!;
      prepared.push({
        number,
        batch,
        feeds: await this.request.objective.feeds(batch, bucket, number, live),
      });
    }
    return prepared;
  }

  private async measure(): Promise<void> {
    const { dev } = this.request;
    const { step } = this.progress;
    const metrics = await this.live.measure(dev);
    await this.record(
      Object.fromEntries(Object.entries(metrics).map(([name, value]) => [`dev.${name}`, value])),
    );
    await this.showSamples();
    const tie = step === this.progress.earlyStop?.endsAt ? "later" : "earlier";
    await this.best.offer({ step, metrics: { ...metrics } }, (write) => this.live.store(write), tie);
    this.progress = { ...this.progress, metrics: { ...metrics } };
  }

  /** Answers to a few dev rows: printed now, and written to a file for the report. */
  private async showSamples(): Promise<void> {
    const { dev, stage, workDirectory, context } = this.request;
    const samples = dev.samples?.() ?? [];
    if (samples.length === 0) return;
    const { step } = this.progress;
    await writeTextAtomic(
      join(workDirectory, SAMPLES_FILE),
      samples.map((sample) => `${JSON.stringify({ ...sample, step })}\n`).join(""),
    );
    context.progress({
      stage,
      step,
      message: ["answers to dev rows:", ...sampleLines(samples)].join("\n"),
      isNote: true,
    });
  }

  private async save(): Promise<void> {
    const { engine, workDirectory, key } = this.request;
    const progress = { ...this.progress, key, best: [...this.best.measurements] };
    await saveState(join(workDirectory, STATE_FILE), engine, this.state, this.plan.frozen, progress);
    await this.best.prune();
  }

  /** The best weights, or the average of the best ones if it is not worse on the dev split. */
  private async chosenWeights(): Promise<
    Pick<TrainReport, "weights" | "metrics" | "bestStep" | "averagedSteps">
  > {
    const { dev } = this.request;
    const [best, ...others] = this.best.measurements;
    if (best === undefined) throw new SlmError("UNEXPECTED", "training: ended without a measurement");
    const single = { bestStep: best.step, averagedSteps: [best.step] };
    if (others.length > 0) {
      const weights = await this.best.average();
      const metrics = await this.live.measure(dev, weights);
      const averagedSteps = this.best.measurements.map(({ step }) => step);
      if (!this.best.isBetter(best.metrics, metrics))
        return { weights, metrics, bestStep: best.step, averagedSteps };
    }
    return { weights: await this.best.read(best), metrics: best.metrics, ...single };
  }

  async close(): Promise<void> {
    const unused = (await this.ahead?.catch(() => undefined)) ?? [];
    for (const { feeds } of unused)
      if (feeds.owned !== undefined) await this.request.engine.release(feeds.owned);
    await this.steps.close();
    await this.live.close();
    await this.request.engine.release(Object.values(this.state.feeds));
    await this.log.close();
  }
}

/** The given weights; missing ones are initialized from the seed. */
function startingWeights(specs: readonly ParameterSpec[], given: Weights | undefined, seed: number): Weights {
  const drawn = initializeParameters(specs, createRandom(seed).next);
  return given === undefined ? drawn : new Map([...drawn, ...given]);
}
