/** Measures and compares models on this machine. */
import { setTimeout as sleep } from "node:timers/promises";
import { SILENT, throwIfInterrupted, type Progress, SlmError } from "@slm/core";
import type { DeviceModel, EngineName } from "@slm/exported-model";
import { describeModel } from "@slm/inference";
import { answerRoom, tokensOfAnswer } from "./answer-tokens.js";
import type { BenchConfig } from "./bench-config.js";
import type { BenchDevice, BenchResult } from "./results/bench-result.js";
import { compareModels } from "./results/compare.js";
import { forkModel } from "./models/fork-model.js";
import type { OpenOptions } from "./models/local-model.js";
import { openEnergyMeter, type EnergyMeter } from "./machine/energy.js";
import { forkRates } from "./models/fork-rates.js";
import { processorTicks, stolenShare, clockGovernor, systemFile } from "./machine/processor.js";
import type { MachineRates } from "./machine/rates.js";
import { noticeProblems } from "./results/notes.js";
import type { RuntimeModule } from "./models/runtime-module.js";
import { interleave } from "./schedule.js";
import { summarize } from "./results/summarize.js";
import {
  countWords,
  promptText,
  type BenchPrompt,
  type Sample,
  type TimedModel,
  type Opened,
} from "./models/timed-model.js";
import { availableParallelism, cpus, loadavg, totalmem } from "node:os";
import { cpuFeatures } from "@slm/runtime";

// The machine.

/** The machine before anything runs. */
type Machine = Pick<
  BenchDevice,
  "cpu" | "cpuFeatures" | "governor" | "cores" | "memoryBytes" | "platform" | "node" | "loadAverage"
>;

/** This machine as it is now. Call it before measuring, so that the load average does not include the benchmark. */
function describeMachine(): Machine {
  return {
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    cpuFeatures: cpuFeatures(systemFile("/proc/cpuinfo")),
    governor: clockGovernor(),
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    platform: `${process.platform}-${process.arch}`,
    node: process.version,
    loadAverage: loadavg()[0] ?? 0,
  };
}

/** Facts about the machine that are known after the models ran. */
interface Surroundings {
  readonly engine: string;
  readonly stolenShare: number | null;
  readonly energy: string;
  readonly ratesBefore: MachineRates;
  readonly ratesAfter: MachineRates;
}

/** The machine, with the device that the model's process reports. */
function describeDevice(
  machine: Machine,
  { provider, threads, description, simulated, fallbacks, int8 }: Opened["device"],
  { engine, stolenShare, energy, ratesBefore, ratesAfter }: Surroundings,
): BenchDevice {
  return {
    ...machine,
    threads,
    provider,
    description,
    simulated,
    fallbacks,
    int8,
    engine,
    stolenShare,
    energy,
    rates: fasterRates(ratesBefore, ratesAfter),
    ratesDiffer: Math.max(
      difference(ratesBefore.productFlops, ratesAfter.productFlops),
      difference(ratesBefore.readBytes, ratesAfter.readBytes),
    ),
  };
}

/** The roofline uses the faster of two measurements, because a slowdown of one is not a limit of the machine. */
function fasterRates(one: MachineRates, other: MachineRates): MachineRates {
  return {
    productFlops: Math.max(one.productFlops, other.productFlops),
    readBytes: Math.max(one.readBytes, other.readBytes),
  };
}

function difference(one: number, other: number): number {
  return Math.abs(one - other) / Math.max(one, other);
}

/** A model to measure. */
export interface BenchModel {
  readonly name: string;
  /** What runs the model. Default: ONNX Runtime. */
  readonly engine?: EngineName | undefined;
  readonly directory: string;
}

export interface BenchInput {
  /** Exported, quantized or bundled models. Their names must differ. */
  readonly models: readonly BenchModel[];
  /** Name of the model to compare the others with. */
  readonly baseline?: string | undefined;
  readonly prompts: readonly BenchPrompt[];
  /**
   * Reference answer of each prompt, in order. A generation then has as many tokens as its prompt's answer in the model's own
   * tokenizer, EOS included: EOS is suppressed before, and an answer longer than the model can write is cut. `forceTokens` overrides this.
   */
  readonly answers?: readonly string[] | undefined;
  readonly runtime: RuntimeModule;
  /** Name and version of the runtime: "onnxruntime-node 1.30.0". */
  readonly engine: string;
  readonly config: BenchConfig;
  /** Seed of the order in which models take turns. */
  readonly seed: number;
  readonly progress?: Progress | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Opens a model for timing. Default: in a process of its own. */
  readonly open?: ((options: OpenOptions) => Promise<TimedModel>) | undefined;
  /** Measures the machine. Default: on the runtime, in a process of its own. */
  readonly rates?: (() => Promise<MachineRates>) | undefined;
  /** Default: the counters of the CPU. */
  readonly energy?: EnergyMeter | undefined;
}

/** An opened model and its runs so far. */
interface TimedEntry {
  readonly name: string;
  readonly model: DeviceModel;
  readonly timed: TimedModel;
  /** Length of each prompt, its image included [tokens]. */
  readonly promptTokens: readonly number[];
  /** Most tokens to generate for each prompt; exactly as many where EOS is suppressed. Undefined: as many as fit. */
  readonly answerTokens: readonly (number | undefined)[];
  readonly loadsMs: readonly number[];
  readonly samples: Sample[];
  readonly sourceTokens: number[];
  /** Energy of the measured runs; undefined without a counter [J]. */
  joules: number | undefined;
}

/**
 * Greedy generation for one prompt at a time, or for copies of it at once. Each model has a process, so its memory can be
 * measured. The processes take turns in an order drawn from the seed, one at a time, so that drift of the machine affects all equally.
 *
 * @throws SlmError USAGE for no models, two of one name, no prompts or an unknown baseline; INPUT_MISSING or DATA_INVALID
 * for a model or a prompt that does not fit; DEVICE_UNAVAILABLE; INTERRUPTED.
 */
export async function benchModels(input: BenchInput): Promise<BenchResult> {
  checkInput(input);
  const { rates = () => forkRates(input.runtime), energy = openEnergyMeter(), engine, seed } = input;
  const machine = describeMachine();
  const entries: TimedEntry[] = [];
  try {
    input.progress?.({ stage: "bench", message: "measuring the machine" });
    const ratesBefore = await rates();
    for (const model of input.models) {
      input.progress?.({ stage: "bench", message: `loading ${model.name}` });
      entries.push(await enter(input, model));
    }
    await warmUp(input, entries);
    const ticks = processorTicks();
    await takeTurns(input, entries, energy);
    const stolen = stolenShare(ticks, processorTicks());
    const ratesAfter = await rates();
    // Wait for all replies before a summary may throw: a process answers one request at a time, and closing it is a request.
    const peaks = await Promise.all(entries.map(({ timed }) => timed.peakRssBytes()));
    const models = entries.map((entry, place) =>
      summarize({
        ...entry,
        batch: input.config.batch,
        opened: entry.timed.opened,
        rates: fasterRates(ratesBefore, ratesAfter),
        peakRssBytes: peaks[place]!,
      }),
    );
    const surroundings = { engine, stolenShare: stolen, energy: energy.source, ratesBefore, ratesAfter };
    const device = describeDevice(machine, entries[0]!.timed.opened.device, surroundings);
    const baseline = models.find(({ name }) => name === input.baseline);
    const comparisons = models.flatMap((model) =>
      baseline === undefined || model === baseline ? [] : [compareModels(model, baseline, seed)],
    );
    return {
      device,
      models,
      comparisons,
      notes: [...noticeProblems(device, models, input.config.noiseLimit)],
    };
  } finally {
    await Promise.allSettled(entries.map(({ timed }) => timed.close()));
  }
}

async function enter(input: BenchInput, entry: BenchModel): Promise<TimedEntry> {
  const { open = forkModel, runtime, config, prompts, answers, signal } = input;
  const { name, directory, engine } = entry;
  const { model, tokenizer } = await describeModel(directory);
  const imageTokens = model.vision?.tokens ?? 0;
  const promptTokens = prompts.map(
    (prompt) => imageTokens + tokenizer.encodeSource(promptText(prompt)).length,
  );
  const { batch, forceTokens, maxTokens } = config;
  const answerTokens = promptTokens.map((prefix, prompt) => {
    const answer = answers?.[prompt];
    if (forceTokens !== undefined || answer === undefined) return forceTokens ?? maxTokens;
    return Math.min(tokensOfAnswer(answer, tokenizer), answerRoom(model, prefix));
  });
  const endless = forceTokens !== undefined || answers !== undefined;
  const options = { directory, runtime, engine, endless, batch };
  const loadsMs: number[] = [];
  for (let load = 1; load < config.loads; load += 1) {
    if (signal !== undefined) throwIfInterrupted(signal, "bench");
    const loaded = await open(options);
    loadsMs.push(loaded.opened.loadMs);
    await loaded.close();
  }
  const timed = await open(options);
  loadsMs.push(timed.opened.loadMs);
  const measured = { samples: [], sourceTokens: [], joules: undefined };
  return { name, model, timed, promptTokens, answerTokens, loadsMs, ...measured };
}

async function warmUp(
  { prompts, config, signal }: BenchInput,
  entries: readonly TimedEntry[],
): Promise<void> {
  for (const { timed, answerTokens } of entries) {
    for (let run = 0; run < config.warmup; run += 1) {
      if (signal !== undefined) throwIfInterrupted(signal, "bench");
      const prompt = run % prompts.length;
      await timed.run(prompts[prompt]!, answerTokens[prompt]);
    }
  }
}

async function takeTurns(
  input: BenchInput,
  entries: readonly TimedEntry[],
  energy: EnergyMeter,
): Promise<void> {
  const { prompts, answers, config, seed, progress = SILENT, signal } = input;
  const turns = interleave(entries.length, prompts.length, config.runs, seed);
  for (const [done, { model, prompt }] of turns.entries()) {
    if (signal !== undefined) throwIfInterrupted(signal, "bench");
    const entry = entries[model]!;
    const { timed, samples, sourceTokens, promptTokens, answerTokens } = entry;
    await sleep(config.settleMs);
    energy.take();
    const sample = await timed.run(prompts[prompt]!, answerTokens[prompt]);
    const joules = energy.take();
    const answer = answers?.[prompt];
    // A model with random weights writes no words, so words per second mean nothing.
    samples.push(answer === undefined ? sample : { ...sample, words: config.batch * countWords(answer) });
    if (joules !== undefined) entry.joules = (entry.joules ?? 0) + joules;
    sourceTokens.push(promptTokens[prompt]!);
    progress({ stage: "bench", step: done + 1, total: turns.length });
  }
}

function checkInput({ models, prompts, answers, baseline }: BenchInput): void {
  const names = models.map(({ name }) => name);
  const reject = (problem: string): never => {
    throw new SlmError("USAGE", `bench: ${problem}`, { context: { models: names } });
  };
  if (models.length === 0) reject("expected at least one model, got none");
  if (new Set(names).size < names.length) reject(`models need different names, got ${names.join(", ")}`);
  if (prompts.length === 0) reject("expected at least one prompt, got none");
  if (answers !== undefined && answers.length !== prompts.length)
    reject(`expected an answer per prompt, got ${answers.length} for ${prompts.length} prompts`);
  if (baseline !== undefined && !names.includes(baseline))
    reject(`the baseline must be one of ${names.join(", ")}, got ${baseline}`);
}
