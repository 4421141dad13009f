/** Runs the batches of one step: compiles their programs when first needed, fills in scalars and masks, checks the loss. */
import { join } from "node:path";
import { writeBytesAtomic, SlmError } from "@slm/core";
import { encodeSafetensors } from "@slm/checkpoints";
import { createHostTensor, type DeviceTensor, type HostTensor } from "@slm/runtime";
import type { Program } from "@slm/tensor";
import type { Batch, Bucket } from "../data/buckets.js";
import { createDropoutMasks, dropoutKey, type DropoutMasks } from "../program/dropout-masks.js";
import { FIRST_SCALING, nextScaling, SMALLEST_SCALE, type LossScaling } from "../program/loss-scaling.js";
import type { EarlyStop } from "../optimizer/early-stop.js";
import type { StepTiming } from "../optimizer/optimizer.js";
import { scalarsAt } from "../optimizer/rate-groups.js";
import type { ChunkPlan } from "../program/state-layout.js";
import {
  BATCH_SHARE,
  DROPOUT_KEY,
  dropoutSpecs,
  LOSS_SCALE,
  scalesLoss,
  trainProgram,
  type LossDefinition,
  type StepMode,
} from "../program/train-program.js";
import type { BatchFeeds, TrainRequest } from "../contract/training-contract.js";
import type { DeviceState } from "../state/training-state.js";

/** File with the inputs of a failed step, for debugging. */
export const FAILED_STEP_FILE = "failed-step.safetensors";

/** Variant of objectives with a single loss definition. */
const DEFAULT_VARIANT = "default";

export interface PreparedBatch {
  /** Counted from 1 over the whole run. */
  readonly number: number;
  readonly batch: Batch;
  readonly feeds: BatchFeeds;
}

export interface StepResult {
  readonly loss: number;
  /** The loss's terms and the gradient's norm before clipping. */
  readonly terms: Readonly<Record<string, number>>;
}

/** The part of a run's state that affects its next step. */
export interface StepProgress {
  /** In float16; absent before the first step. */
  readonly lossScaling?: LossScaling | undefined;
  /** The decision to stop early, which changes the learning rate. */
  readonly earlyStop?: EarlyStop | undefined;
}

/** A step's result, and the loss scaling of the next step. */
export interface StepOutcome extends StepResult {
  readonly lossScaling?: LossScaling | undefined;
  /** Whether the gradients overflowed, so that the weights did not change. */
  readonly isSkipped: boolean;
}

interface CompiledBatch {
  readonly program: Program;
  readonly definition: LossDefinition;
  /** Input names of the program. */
  readonly inputs: readonly string[];
  /** State tensors that it overwrites. */
  readonly written: readonly string[];
}

/** The part of a training request that steps need. */
type StepRequest = Pick<
  TrainRequest,
  "stage" | "engine" | "settings" | "objective" | "groups" | "workDirectory" | "context"
>;

export class StepRunner {
  private readonly request: StepRequest;
  private readonly plan: ChunkPlan;
  private readonly buckets: readonly Bucket[];
  private readonly state: DeviceState;
  private readonly masks: DropoutMasks;
  private readonly programs = new Map<string, CompiledBatch>();

  constructor(request: StepRequest, plan: ChunkPlan, buckets: readonly Bucket[], state: DeviceState) {
    this.request = request;
    this.plan = plan;
    this.buckets = buckets;
    this.state = state;
    this.masks = createDropoutMasks(request.settings.dropout, request.context.seed);
  }

  /** Compiles the programs of a step, so that its batches can be queued without a pause. */
  async compile(batches: readonly PreparedBatch[]): Promise<readonly CompiledBatch[]> {
    const compiled: CompiledBatch[] = [];
    for (const [index, { batch, feeds }] of batches.entries())
      compiled.push(
        await this.programFor(batch.bucket, feeds.variant ?? DEFAULT_VARIANT, modeOf(index, batches)),
      );
    return compiled;
  }

  /**
   * Queues the batches of one step and waits for them. All batches except the last accumulate gradients; the last one updates the weights.
   *
   * @throws SlmError GATE_FAILED if the loss or the gradient is not a number (in float16 only with the smallest loss scale); saves the inputs
   * first.
   */
  async run(
    step: number,
    batches: readonly PreparedBatch[],
    compiled: readonly CompiledBatch[],
    { lossScaling, earlyStop: stop }: StepProgress,
  ): Promise<StepOutcome> {
    const scaling = scalesLoss(this.request.settings) ? (lossScaling ?? FIRST_SCALING) : undefined;
    const scalars: Readonly<Record<string, number>> =
      scaling === undefined ? {} : { [LOSS_SCALE]: scaling.scale };
    const all = batches.reduce((sum, { feeds }) => sum + feeds.lossTokens, 0);
    const results = await Promise.all(
      batches.map((prepared, index) => {
        const share = all === 0 ? 1 / batches.length : prepared.feeds.lossTokens / all;
        const timing = { updates: step - (scaling?.skipped ?? 0), stop };
        const mode = modeOf(index, batches);
        return this.runBatch(step, prepared, compiled[index]!, mode, { share, scalars, timing });
      }),
    );
    const failed = results.findIndex(isNotFinite);
    if (failed !== -1 && (scaling === undefined || scaling.scale <= SMALLEST_SCALE))
      await this.fail(step, batches[failed]!, results[failed]!);
    for (const { feeds } of batches)
      if (feeds.owned !== undefined) await this.request.engine.release(feeds.owned);
    const isSkipped = failed !== -1;
    return {
      ...combine(results),
      isSkipped,
      lossScaling: scaling && nextScaling(scaling, !isSkipped),
    };
  }

  private async runBatch(
    step: number,
    { feeds, number }: PreparedBatch,
    { program, definition, inputs, written }: CompiledBatch,
    mode: StepMode,
    {
      share,
      scalars: given,
      timing,
    }: {
      readonly share: number;
      readonly scalars: Readonly<Record<string, number>>;
      readonly timing: Omit<StepTiming, "factor">;
    },
  ): Promise<StepResult & { share: number }> {
    const { settings } = this.request;
    const scalars: Record<string, number> = {
      ...given,
      ...(settings.gradientAccumulationSteps > 1 ? { [BATCH_SHARE]: share } : {}),
      ...(mode === "update" ? scalarsAt(step, settings, this.plan.trained, this.request.groups, timing) : {}),
    };
    const feedable: Record<string, HostTensor | DeviceTensor> = {
      ...this.state.feeds,
      ...feeds.feeds,
      ...this.dropoutFeeds(definition, number),
    };
    for (const [name, value] of Object.entries(scalars))
      feedable[name] = createHostTensor("float32", [], Float32Array.of(value));
    const { fetched } = await program.run({
      feeds: Object.fromEntries(inputs.map((name) => [name, feedable[name]!])),
      fetch: ["loss", ...(mode === "update" ? ["gradientNorm"] : []), ...definition.terms.map(termOutput)],
      into: Object.fromEntries(written.map((output) => [output, this.state.into[output]!])),
    });
    const read = (name: string): number => Number(fetched[name]!.data[0]);
    const terms = Object.fromEntries(definition.terms.map((term) => [term, read(termOutput(term))]));
    return {
      share,
      loss: read("loss"),
      terms: mode === "update" ? { ...terms, gradientNorm: read("gradientNorm") } : terms,
    };
  }

  private dropoutFeeds(definition: LossDefinition, number: number): Record<string, HostTensor> {
    const { settings, engine, context } = this.request;
    return engine.masks === "program"
      ? { [DROPOUT_KEY]: dropoutKey(context.seed, number) }
      : this.masks.for(dropoutSpecs(definition, settings), number);
  }

  /** Saves the inputs of a batch without a finite loss, then throws. */
  private async fail(step: number, batch: PreparedBatch, result: StepResult): Promise<never> {
    const { stage, engine, workDirectory } = this.request;
    const file = join(workDirectory, FAILED_STEP_FILE);
    const tensors = new Map<string, HostTensor>();
    for (const [name, tensor] of Object.entries(batch.feeds.feeds))
      tensors.set(name, "data" in tensor ? tensor : await engine.download(tensor));
    await writeBytesAtomic(file, encodeSafetensors(tensors, { stage, step: String(step) }));
    const { loss, terms } = result;
    throw new SlmError(
      "GATE_FAILED",
      `${stage}: the loss is ${loss} at step ${step}: training diverged; the last saved state is before it`,
      {
        context: { step, loss, gradientNorm: terms["gradientNorm"], inputs: file },
        suggestions: ["lower learningRate in the recipe", `inspect the step's inputs in ${file}`],
      },
    );
  }

  private async programFor(bucket: number, variant: string, mode: StepMode): Promise<CompiledBatch> {
    const key = `${bucket} ${variant} ${mode}`;
    const known = this.programs.get(key);
    if (known !== undefined) return known;
    const { engine, objective, settings, stage } = this.request;
    const { source, target } = this.buckets[bucket]!;
    const definition = objective.definition(this.buckets[bucket]!, variant);
    const name = `${stage} ${mode} ${source}x${target} ${variant}`;
    const wanted = trainProgram(name, this.plan, definition, settings, mode, engine.masks);
    const compiled = {
      program: await engine.compile(wanted),
      definition,
      inputs: Object.keys(wanted.inputs),
      written: Object.keys(wanted.inPlace ?? {}),
    };
    this.programs.set(key, compiled);
    return compiled;
  }

  async close(): Promise<void> {
    for (const { program } of this.programs.values()) await program.release();
  }
}

const isNotFinite = ({ loss, terms }: StepResult): boolean =>
  !Number.isFinite(loss) || !Number.isFinite(terms["gradientNorm"] ?? 0);

const termOutput = (term: string): string => `term.${term}`;

const modeOf = (index: number, batches: readonly unknown[]): StepMode =>
  index === batches.length - 1 ? "update" : "accumulate";

/** Means weighted by the batches' shares; the gradient's norm is that of the whole step. */
function combine(results: readonly (StepResult & { share: number })[]): StepResult {
  const last = results.at(-1)!;
  if (results.length === 1) return last;
  const mean = (of: (result: StepResult) => number): number =>
    results.reduce((sum, result) => sum + result.share * of(result), 0);
  const names = Object.keys(last.terms).filter((name) => name !== "gradientNorm");
  const terms = Object.fromEntries(names.map((name) => [name, mean(({ terms: all }) => all[name] ?? 0)]));
  return { loss: mean(({ loss }) => loss), terms: { ...terms, gradientNorm: last.terms["gradientNorm"]! } };
}
