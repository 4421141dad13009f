/**
 * The training loop of every model: batches in a repeatable order, one program per bucket compiled when first needed,
 * state saved as it goes. A run killed at any moment and resumed ends with the same bits as one that was not.
 */
import { join } from "node:path";
import { JsonLog, throwIfInterrupted, writeBytesAtomic } from "@slm/artifact";
import { SlmError } from "@slm/error";
import {
  encodeSafetensors,
  initializeWeights,
  matchWeights,
  readSafetensors,
  type Weights,
} from "@slm/model";
import { createRandom } from "@slm/decoding";
import { createHostTensor, type DeviceTensor, type HostTensor } from "@slm/runtime";
import type { Program } from "@slm/tensor";
import { adamScalars } from "./adamw.js";
import { assignBuckets, epochBatches, planBuckets, type Batch, type Bucket } from "./buckets.js";
import { planChunks, valueInput } from "./parameter-layout.js";
import { learningRateAt } from "./schedule.js";
import { trainProgram } from "./train-program.js";
import type { BatchFeeds, LiveModel, TrainReport, TrainRequest } from "./training-contract.js";
import {
  downloadWeights,
  loadState,
  saveState,
  uploadState,
  type DeviceState,
  type SavedProgress,
} from "./training-state.js";

export const METRICS_FILE = "metrics.jsonl";
export const STATE_FILE = "state.safetensors";
export const BEST_FILE = "best.safetensors";
/** Steps between lines of the metrics log and progress reports. */
const LOG_EVERY = 20;

/** Trains to the last step, resuming from a saved state, and returns the weights that did best on the dev split. */
export async function train(request: TrainRequest): Promise<TrainReport> {
  const trainer = await Trainer.start(request);
  try {
    return await trainer.run();
  } finally {
    await trainer.close();
  }
}

/** Variant of objectives with a single loss definition. */
const DEFAULT_VARIANT = "default";

interface CompiledStep {
  readonly program: Program;
  /** Outputs that hold the loss's terms. */
  readonly terms: readonly string[];
}

interface PreparedStep {
  readonly batch: Batch;
  readonly feeds: BatchFeeds;
}

class Trainer {
  private readonly request: TrainRequest;
  private readonly buckets: readonly Bucket[];
  private readonly assignment: Int32Array;
  private readonly chunks;
  private readonly programs = new Map<string, CompiledStep>();
  private readonly state: DeviceState;
  private readonly log: JsonLog;
  private readonly firstStep: number;
  private best: SavedProgress["best"];
  private epoch: { index: number; batches: readonly Batch[]; firstStep: number } | undefined;
  private latest: Readonly<Record<string, number>>;
  /** Losses since the last line of the log. */
  private readonly recent: { loss: number; count: number };
  private lastLoss: number | undefined;
  /** The next batch, made while the step before it computes. */
  private ahead: Promise<PreparedStep> | undefined;

  private constructor(
    request: TrainRequest,
    state: DeviceState,
    log: JsonLog,
    saved: SavedProgress | undefined,
  ) {
    this.request = request;
    this.chunks = planChunks(request.config);
    this.buckets = planBuckets(request.lengths, request.settings.buckets);
    this.assignment = assignBuckets(request.lengths, this.buckets);
    this.state = state;
    this.log = log;
    this.firstStep = saved?.step ?? 0;
    this.best = saved?.best;
    this.latest = saved?.metrics ?? {};
    this.recent = saved === undefined ? { loss: 0, count: 0 } : { ...saved.recent };
    this.lastLoss = saved?.loss;
  }

  static async start(request: TrainRequest): Promise<Trainer> {
    const chunks = planChunks(request.config);
    const saved = await loadState(join(request.workDirectory, STATE_FILE), chunks, request.key);
    const initial =
      saved?.tensors ??
      request.initial ??
      initializeWeights(request.config, createRandom(request.context.seed).next);
    const state = await uploadState(request.engine, chunks, initial);
    const log = await JsonLog.open(join(request.workDirectory, METRICS_FILE), {
      keepThroughStep: saved?.progress.step ?? 0,
    });
    return new Trainer(request, state, log, saved?.progress);
  }

  private get live(): LiveModel {
    const weights = this.chunks.map(
      (chunk) => [valueInput(chunk), this.state.feeds[valueInput(chunk)]!] as const,
    );
    return { engine: this.request.engine, config: this.request.config, feeds: Object.fromEntries(weights) };
  }

  async run(): Promise<TrainReport> {
    const { settings, stage, context } = this.request;
    const began = performance.now();
    let allTokens = 0;
    let loggedTokens = 0;
    let logged = began;
    if (this.firstStep < settings.steps) this.prepareAhead(this.firstStep + 1);
    for (let step = this.firstStep + 1; step <= settings.steps; step++) {
      const { batch, feeds } = await this.takePrepared();
      // Compiled first: the step must be queued before the next batch is made, whichever bucket is new to this process.
      const compiled = await this.programFor(batch.bucket, feeds.variant ?? DEFAULT_VARIANT);
      const running = this.step(step, compiled, feeds);
      // The next batch is made while this step computes; it is queued behind it, so it sees the updated weights.
      if (step < settings.steps) this.prepareAhead(step + 1);
      const { loss, terms } = await running;
      allTokens += feeds.tokens;
      this.recent.loss += loss;
      this.recent.count += 1;
      const isLast = step === settings.steps;
      if (step % LOG_EVERY === 0 || isLast) {
        const now = performance.now();
        const rate = (1000 * (allTokens - loggedTokens)) / (now - logged);
        [logged, loggedTokens] = [now, allTokens];
        await this.report(step, terms, rate);
      }
      if (step % settings.evaluateEvery === 0 || isLast) {
        await this.measure(step);
        context.progress({ stage, step, total: settings.steps, metrics: this.latest });
      }
      if (step % settings.saveEvery === 0 || context.signal.aborted) await this.save(step);
      throwIfInterrupted(context.signal, stage);
    }
    const seconds = (performance.now() - began) / 1000;
    return {
      weights: await this.bestWeights(),
      steps: settings.steps,
      epochs: settings.steps / this.batchesOf(0).length,
      seconds,
      tokensPerSecond: allTokens / Math.max(seconds, Number.MIN_VALUE),
      loss: this.lastLoss ?? Number.NaN,
      metrics: this.latest,
      bestStep: this.best?.step ?? settings.steps,
    };
  }

  /** A line of the log and of progress: the mean loss since the line before. */
  private async report(step: number, terms: Readonly<Record<string, number>>, rate: number): Promise<void> {
    const { settings, stage, context } = this.request;
    const loss = this.recent.loss / this.recent.count;
    this.lastLoss = loss;
    Object.assign(this.recent, { loss: 0, count: 0 });
    const learningRate = learningRateAt(step, settings);
    await this.log.append({ step, loss, ...terms, learningRate, tokensPerSecond: rate });
    const metrics = { loss, ...this.latest, tokensPerSecond: rate };
    context.progress({ stage, step, total: settings.steps, metrics });
  }

  private prepareAhead(step: number): void {
    this.ahead = this.prepare(step);
    // A failure surfaces where the batch is taken; until then it must not count as unhandled.
    this.ahead.catch(() => undefined);
  }

  private async takePrepared(): Promise<PreparedStep> {
    if (this.ahead === undefined) throw new SlmError("UNEXPECTED", "training: no batch was prepared");
    const prepared = this.ahead;
    this.ahead = undefined;
    return prepared;
  }

  private async prepare(step: number): Promise<PreparedStep> {
    const batch = this.batchAt(step);
    const feeds = await this.request.objective.feeds(batch, this.buckets[batch.bucket]!, step, this.live);
    return { batch, feeds };
  }

  private async step(
    step: number,
    { program, terms }: CompiledStep,
    prepared: BatchFeeds,
  ): Promise<{ loss: number; terms: Record<string, number> }> {
    const { settings, engine, stage } = this.request;
    const scalars = {
      ...adamScalars(step, learningRateAt(step, settings), settings),
      clipNorm: settings.clipNorm,
    };
    const feeds: Record<string, HostTensor | DeviceTensor> = { ...this.state.feeds, ...prepared.feeds };
    for (const [name, value] of Object.entries(scalars))
      feeds[name] = createHostTensor("float32", [], Float32Array.of(value));
    const { fetched } = await program.run({
      feeds,
      fetch: ["loss", "gradientNorm", ...terms],
      into: this.state.into,
    });
    if (prepared.owned !== undefined) await engine.release(prepared.owned);
    const scalar = (name: string): number => Number(fetched[name]!.data[0]);
    const loss = scalar("loss");
    if (!Number.isFinite(loss) || !Number.isFinite(scalar("gradientNorm"))) {
      throw new SlmError(
        "GATE_FAILED",
        `${stage}: the loss is ${loss} at step ${step}; the last saved state is before it`,
        {
          suggestions: ["lower learningRate or clipNorm in the recipe"],
        },
      );
    }
    const logged = Object.fromEntries(terms.map((name) => [name.replace("term.", ""), scalar(name)]));
    return { loss, terms: { ...logged, gradientNorm: scalar("gradientNorm") } };
  }

  private async programFor(bucket: number, variant: string): Promise<CompiledStep> {
    const key = `${bucket} ${variant}`;
    const known = this.programs.get(key);
    if (known !== undefined) return known;
    const { engine, objective, settings, stage } = this.request;
    const { source, target } = this.buckets[bucket]!;
    const definition = objective.definition(this.buckets[bucket]!, variant);
    const program = await engine.compile(
      trainProgram(`${stage} step ${source}x${target} ${variant}`, this.chunks, definition, settings),
    );
    const compiled = { program, terms: definition.terms.map((term) => `term.${term}`) };
    this.programs.set(key, compiled);
    return compiled;
  }

  private batchesOf(epoch: number): readonly Batch[] {
    return epochBatches(this.assignment, this.request.settings.batchSize, this.request.context.seed, epoch);
  }

  /** The batch of a step, counted from 1; epochs are laid end to end. */
  private batchAt(step: number): Batch {
    let { epoch } = this;
    if (epoch === undefined || step < epoch.firstStep)
      epoch = { index: 0, batches: this.batchesOf(0), firstStep: 1 };
    while (step >= epoch.firstStep + epoch.batches.length) {
      epoch = {
        index: epoch.index + 1,
        firstStep: epoch.firstStep + epoch.batches.length,
        batches: this.batchesOf(epoch.index + 1),
      };
    }
    this.epoch = epoch;
    return epoch.batches[step - epoch.firstStep]!;
  }

  private async measure(step: number): Promise<void> {
    const { dev, engine, config, workDirectory } = this.request;
    this.latest = await dev.measure(this.live);
    const value = this.latest[dev.name]!;
    await this.log.append({
      step,
      ...Object.fromEntries(Object.entries(this.latest).map(([name, v]) => [`dev.${name}`, v])),
    });
    const isBest =
      this.best === undefined ||
      (dev.betterIs === "lower" ? value < this.best.value : value > this.best.value);
    if (!isBest) return;
    const weights = await downloadWeights(engine, config, this.chunks, this.state);
    await writeBytesAtomic(join(workDirectory, BEST_FILE), encodeSafetensors(weights));
    this.best = { step, value };
  }

  private async save(step: number): Promise<void> {
    const { engine, workDirectory, key } = this.request;
    const { best, recent, lastLoss: loss, latest: metrics } = this;
    const known = { ...(best === undefined ? {} : { best }), ...(loss === undefined ? {} : { loss }) };
    const progress = { step, key, recent: { ...recent }, metrics: { ...metrics }, ...known };
    await saveState(join(workDirectory, STATE_FILE), engine, this.state, progress);
  }

  private async bestWeights(): Promise<Weights> {
    const { engine, config, workDirectory } = this.request;
    if (this.best === undefined) return downloadWeights(engine, config, this.chunks, this.state);
    const file = join(workDirectory, BEST_FILE);
    return matchWeights(config, (await readSafetensors(file)).tensors, file);
  }

  async close(): Promise<void> {
    const unused = await this.ahead?.catch(() => undefined);
    if (unused?.feeds.owned !== undefined) await this.request.engine.release(unused.feeds.owned);
    for (const { program } of this.programs.values()) await program.release();
    await this.request.engine.release(Object.values(this.state.feeds));
    await this.log.close();
  }
}
