/**
 * Threads and place of ONNX Runtime for a model on this machine, chosen by measuring and kept for later commands. Small models run
 * several times as fast on one thread of the caller as on two of a worker; large ones need all there are, beside a free event loop.
 */
import { mkdir } from "node:fs/promises";
import { availableParallelism, cpus, homedir } from "node:os";
import { join } from "node:path";
import { hashJson, readJsonFile, writeJsonAtomic, type Progress } from "@slm/core";
import { readDeviceModel, type DeviceModel } from "@slm/exported-model";
import { SlmError } from "@slm/core/errors";
import type { Generation } from "@slm/inference";
import { z } from "zod";
import type { RuntimeOptions } from "./devices.js";

const choice = z.strictObject({
  threads: z.int().positive().describe("Threads one operator may use."),
  inThread: z
    .boolean()
    .describe("Whether graphs run in the calling thread: for runs too short to hold it up."),
  spins: z.boolean().describe("Whether idle threads wait by turning in circles."),
});
export type CpuTuning = z.infer<typeof choice>;

const tuningCache = z.strictObject({
  choice,
  measured: z.array(
    z.strictObject({
      choice,
      totalMs: z.number().positive().describe("Time of the fastest text [ms]."),
      longestRunMs: z
        .number()
        .positive()
        .describe("Longest time for which a run held its thread, reading as much as the model reads [ms]."),
    }),
  ),
});
export type TuningCache = z.infer<typeof tuningCache>;
export type MeasuredTuning = TuningCache["measured"][number];

/** What is tried on a machine of so many processors. */
export function candidates(cores: number): readonly CpuTuning[] {
  const counts = [...new Set([1, Math.ceil(cores / 2), cores])];
  return counts.flatMap((threads) =>
    [false, true].flatMap((inThread) =>
      // One thread waits for nobody.
      (threads === 1 ? [true] : [true, false]).map((spins) => ({ threads, inThread, spins })),
    ),
  );
}

/** Half of what a program that answers others may be held up for [ms]. */
const LONGEST_IN_THREAD_MS = 10;

/** The fastest choice; in the calling thread only where no run holds it up. @throws RangeError for none */
export function fastest(measured: readonly MeasuredTuning[]): CpuTuning {
  const allowed = measured.filter(
    ({ choice: { inThread }, longestRunMs }) => !inThread || longestRunMs <= LONGEST_IN_THREAD_MS,
  );
  const [first, ...others] = allowed;
  if (first === undefined) throw new RangeError("no choice that leaves the event loop free was measured");
  return others.reduce((best, one) => (one.totalMs < best.totalMs ? one : best), first).choice;
}

/** Source: onnxruntime_session_options_config_keys.h. */
const NO_SPINNING = { "session.intra_op.allow_spinning": "0" };

/** What a runtime is opened with. */
export function optionsOf({ threads, inThread, spins }: CpuTuning): RuntimeOptions {
  return { threads, inThread, ...(spins ? {} : { settings: NO_SPINNING }) };
}

/** The file of a model on this machine: another CPU, another file. */
async function fileOf(directory: string): Promise<string> {
  const model = await readDeviceModel(directory);
  const machine = { cpu: cpus()[0]?.model ?? "", cores: availableParallelism(), node: process.version };
  const root = process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache");
  return join(root, "slm", "settings", `${hashJson({ model, machine })}.json`);
}

/** What was kept for a model on this machine; undefined if nothing was. @throws SlmError DATA_INVALID for a corrupt file */
export async function readTuning(directory: string): Promise<TuningCache | undefined> {
  try {
    return await readJsonFile(await fileOf(directory), tuningCache);
  } catch (error) {
    if (error instanceof SlmError && error.code === "INPUT_MISSING") return undefined;
    throw error;
  }
}

export interface TuneOptions {
  readonly directory: string;
  readonly progress: Progress;
  /** Measures one choice. Default: by generating. */
  readonly measure?: (directory: string, choice: CpuTuning) => Promise<MeasuredTuning>;
}

/** Measures every candidate, keeps the fastest and returns it. @throws SlmError as loading and generating do, OUTPUT_FAILED */
export async function tune({
  directory,
  progress,
  measure = measureTuning,
}: TuneOptions): Promise<TuningCache> {
  const measured: MeasuredTuning[] = [];
  const tried = candidates(availableParallelism());
  for (const [at, one] of tried.entries()) {
    progress({ stage: "tune", step: at + 1, total: tried.length });
    measured.push(await measure(directory, one));
  }
  const kept = { choice: fastest(measured), measured };
  const file = await fileOf(directory);
  await mkdir(join(file, ".."), { recursive: true });
  await writeJsonAtomic(file, kept);
  return kept;
}

/** Texts that are timed. */
const TEXTS = 8;
/** How often one as long as the model reads tells how long a run can last. */
const LONG_TEXTS = 3;

/** Places left for tokens that a tokenizer adds. */
const SPARE_TOKENS = 2;

/** A text of as many characters as the model reads tokens: a character is a token at most. */
function longest(text: string, { maxSource }: DeviceModel): string {
  const room = Math.max(1, maxSource - SPARE_TOKENS);
  return text.repeat(Math.ceil(room / text.length)).slice(0, room);
}

/** @throws SlmError OP_UNSUPPORTED for a vision-language model: its images decide how long a run takes */
async function measureTuning(directory: string, one: CpuTuning): Promise<MeasuredTuning> {
  const { loadGenerator } = await import("@slm/inference");
  const { createCpuRuntime } = await import("@slm/runtime-node");
  const { choosePrompts } = await import("../models/bench-prompts.js");
  const model = await readDeviceModel(directory);
  if (model.vision !== undefined)
    throw new SlmError("OP_UNSUPPORTED", "--tune measures models that read text only", {
      suggestions: ["--threads N"],
    });
  const { prompts } = await choosePrompts({ prompt: [], model: directory, count: TEXTS, seed: 1 });
  const texts = prompts.filter((prompt) => typeof prompt === "string");
  const runtime = await createCpuRuntime(optionsOf(one));
  try {
    const generator = await loadGenerator(directory, runtime);
    await generator.warmUp();
    const once = async (text: string): Promise<Generation> => (await generator.generate([text]))[0]!;
    const totals: number[] = [];
    for (const text of texts) totals.push((await once(text)).totalMs);
    const longestRuns: number[] = [];
    for (let at = 0; at < LONG_TEXTS; at += 1) {
      const { stepsMs } = await once(longest(texts[0]!, model));
      longestRuns.push(Math.max(...stepsMs.map((step, index) => step - (stepsMs[index - 1] ?? 0))));
    }
    await generator.close();
    // What else runs on a machine only adds to either.
    return { choice: one, totalMs: Math.min(...totals), longestRunMs: Math.min(...longestRuns) };
  } finally {
    await runtime.close();
  }
}
