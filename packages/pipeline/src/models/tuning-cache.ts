/**
 * The tuning cache: the fastest thread settings of ONNX Runtime for a model on this machine, measured once and stored for later commands. A
 * small model runs several times as fast on one thread in the calling thread as on two threads in a worker. A large model needs all
 * threads, and a worker so that the event loop stays free.
 */
import { mkdir } from "node:fs/promises";
import { availableParallelism, cpus } from "node:os";
import { join } from "node:path";
import { hashJson, readJsonFile, userCacheFolder, writeJsonAtomic, type Progress } from "@slm/core";
import { readDeviceModel, type DeviceModel } from "@slm/exported-model";
import { SlmError } from "@slm/core/errors";
import type { Generation } from "@slm/inference";
import { z } from "zod";
import type { RuntimeOptions } from "../compute/devices.js";

const choice = z.strictObject({
  threads: z.int().positive().describe("Intra-op threads."),
  inThread: z
    .boolean()
    .describe(
      "Whether graphs run in the calling thread. Only for runs that are too short to block it noticeably.",
    ),
  spins: z.boolean().describe("Intra-op thread spinning: whether idle threads busy-wait."),
});
export type CpuTuning = z.infer<typeof choice>;

const tuningCache = z.strictObject({
  choice,
  measured: z.array(
    z.strictObject({
      choice,
      totalMs: z.number().positive().describe("Shortest time to answer a text [ms]."),
      longestRunMs: z
        .number()
        .positive()
        .describe("Longest time that one run blocked its thread, with a source of the largest length [ms]."),
    }),
  ),
});
export type TuningCache = z.infer<typeof tuningCache>;
export type MeasuredTuning = TuningCache["measured"][number];

/** The settings to try on a machine with this many CPU cores. */
export function candidates(cores: number): readonly CpuTuning[] {
  const counts = [...new Set([1, Math.ceil(cores / 2), cores])];
  return counts.flatMap((threads) =>
    [false, true].flatMap((inThread) =>
      // With one thread, no thread waits for another.
      (threads === 1 ? [true] : [true, false]).map((spins) => ({ threads, inThread, spins })),
    ),
  );
}

/** Longest acceptable block of the event loop [ms]: half the limit of a server. */
const LONGEST_IN_THREAD_MS = 10;

/** The fastest settings. The calling thread is chosen only if no run blocks it too long. @throws RangeError if there are no settings */
export function fastest(measured: readonly MeasuredTuning[]): CpuTuning {
  const allowed = measured.filter(
    ({ choice: { inThread }, longestRunMs }) => !inThread || longestRunMs <= LONGEST_IN_THREAD_MS,
  );
  const [first, ...others] = allowed;
  if (first === undefined) throw new RangeError("all measured settings block the event loop too long");
  return others.reduce((best, one) => (one.totalMs < best.totalMs ? one : best), first).choice;
}

/** Source: onnxruntime_session_options_config_keys.h. */
const NO_SPINNING = { "session.intra_op.allow_spinning": "0" };

/** Options for opening the runtime. */
export function optionsOf({ threads, inThread, spins }: CpuTuning): RuntimeOptions {
  return { threads, inThread, ...(spins ? {} : { settings: NO_SPINNING }) };
}

/** The cache file of a model on this machine. Each CPU model has its own file. */
async function fileOf(directory: string): Promise<string> {
  const model = await readDeviceModel(directory);
  const machine = { cpu: cpus()[0]?.model ?? "", cores: availableParallelism(), node: process.version };
  return join(userCacheFolder(), "settings", `${hashJson({ model, machine })}.json`);
}

/** The cached settings of a model on this machine; undefined if there are none. @throws SlmError DATA_INVALID for a corrupt file */
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
  /** Measures one candidate. Default: by generating texts. */
  readonly measure?: (directory: string, choice: CpuTuning) => Promise<MeasuredTuning>;
}

/** Measures every candidate, stores the fastest and returns it. @throws SlmError as loading and generating, OUTPUT_FAILED */
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

/** The number of texts to time. */
const TEXTS = 8;
/** Repetitions of the run with the longest source, which blocks the thread longest. */
const LONG_TEXTS = 3;

/** Positions left free for tokens that a tokenizer adds. */
const SPARE_TOKENS = 2;

/** A text with as many characters as the model's source limit has tokens: each character is at most one token. */
function longest(text: string, { maxSource }: DeviceModel): string {
  const room = Math.max(1, maxSource - SPARE_TOKENS);
  return text.repeat(Math.ceil(room / text.length)).slice(0, room);
}

/** @throws SlmError OP_UNSUPPORTED for a vision-language model, because the time of a run depends on its images */
async function measureTuning(directory: string, one: CpuTuning): Promise<MeasuredTuning> {
  const { openModel } = await import("@slm/inference");
  const { createCpuRuntime } = await import("@slm/runtime-node");
  const { choosePrompts } = await import("./bench-prompts.js");
  const model = await readDeviceModel(directory);
  if (model.vision !== undefined)
    throw new SlmError("OP_UNSUPPORTED", "--tune supports only models that read text", {
      suggestions: ["--threads N"],
    });
  const { prompts } = await choosePrompts({ prompt: [], models: [directory], count: TEXTS, seed: 1 });
  const texts = prompts.filter((prompt) => typeof prompt === "string");
  const runtime = await createCpuRuntime(optionsOf(one));
  try {
    const generator = await openModel(directory, runtime);
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
    // Other load on the machine only makes runs slower, so the minimum is the best estimate.
    return { choice: one, totalMs: Math.min(...totals), longestRunMs: Math.min(...longestRuns) };
  } finally {
    await runtime.close();
  }
}
