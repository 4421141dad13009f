/** The state of a run: on the device while training, in one file between runs. */
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import type { DeferredTensor } from "@slm/checkpoints";
import { isThere, isTemporaryPath, SlmError } from "@slm/core";
import { openSealedTensors, writeSealedTensors } from "./sealed-tensors.js";
import { type Weights } from "@slm/model";
import { createHostTensor, type DeviceTensor, type HostTensor } from "@slm/runtime";
import type { Engine } from "@slm/tensor";
import { earlyStop } from "../optimizer/early-stop.js";
import { lossScaling } from "../program/loss-scaling.js";
import { packWeights, valueInput, type Chunk } from "../parameters/parameter-layout.js";
import {
  partsOf,
  stateInput,
  stateOutput,
  type ChunkPlan,
  type StatePart,
  type StateSettings,
} from "../program/state-layout.js";

/** A run's tensors on the device, by program input. */
export interface DeviceState {
  readonly feeds: Readonly<Record<string, DeviceTensor>>;
  /** The trained tensors, by the output that overwrites them. */
  readonly into: Readonly<Record<string, DeviceTensor>>;
}

/** Tensors of a state: frozen weights, and all state tensors of trained chunks. */
function entriesOf(
  plan: ChunkPlan,
  settings: StateSettings,
): { chunk: Chunk; part: StatePart; trained: boolean }[] {
  return [
    ...plan.frozen.map((chunk) => ({ chunk, part: "value" as const, trained: false })),
    ...plan.trained.flatMap((chunk) =>
      partsOf(chunk, settings).map((part) => ({ chunk, part, trained: true })),
    ),
  ];
}

/**
 * Uploads the initial weights (averages start equal to them, moments at zero), or the saved tensors of an interrupted run, one by one.
 *
 * @param initial all parameters if nothing is saved, otherwise at least those of frozen chunks
 */
export async function uploadState(
  engine: Engine,
  plan: ChunkPlan,
  settings: StateSettings,
  initial: Weights,
  saved?: Pick<SavedState, "read">,
): Promise<DeviceState> {
  const feeds: Record<string, DeviceTensor> = {};
  const into: Record<string, DeviceTensor> = {};
  for (const { chunk, part, trained } of entriesOf(plan, settings)) {
    const input = stateInput(chunk, part);
    const startsAsValue = part === "value" || part === "average";
    const fresh = (): HostTensor =>
      startsAsValue ? packWeights(chunk, initial) : createHostTensor("float32", [chunk.size]);
    const tensor = await engine.upload(trained && saved !== undefined ? await saved.read(input) : fresh());
    feeds[input] = tensor;
    if (trained) into[stateOutput(chunk, part)] = tensor;
  }
  return { feeds, into };
}

/** Weights of some chunks on the device, under the names of program inputs: the current ones or their average. */
export function weightFeeds(
  chunks: readonly Chunk[],
  state: DeviceState,
  part: "value" | "average",
): Record<string, DeviceTensor> {
  return Object.fromEntries(
    chunks.map((chunk) => [
      valueInput(chunk),
      // A frozen chunk does not change, so it has no average.
      state.feeds[stateInput(chunk, part)] ?? state.feeds[valueInput(chunk)]!,
    ]),
  );
}

const measurement = z.object({
  step: z.int(),
  metrics: z.record(z.string(), z.number()),
});

/** One measurement on the dev split whose weights are kept. */
export type Measurement = Readonly<z.infer<typeof measurement>>;

const savedProgress = z.strictObject({
  /** Steps done. */
  step: z.int().nonnegative(),
  /** Identifies data and settings; the state of another run is rejected. */
  key: z.string(),
  /** Best measurements so far, the best first. */
  best: z.array(measurement),
  /** Sum and number of losses since the last line of the metrics log. */
  recent: z.strictObject({ loss: z.number(), count: z.int() }),
  /** Loss of the last line of the metrics log. */
  loss: z.number().optional(),
  /** The loss curve since the first step; absent in states of earlier versions. */
  course: z.strictObject({ first: z.number(), peak: z.number(), peakStep: z.int() }).optional(),
  /** In float16: the factor on the loss. */
  lossScaling: lossScaling.optional(),
  /** The decision to stop early; absent before it. */
  earlyStop: earlyStop.optional(),
  /** The last dev metrics. */
  metrics: z.record(z.string(), z.number()),
});

/** The state of a run, apart from tensors. */
export type SavedProgress = Readonly<z.infer<typeof savedProgress>>;

export const FRESH_PROGRESS: Omit<SavedProgress, "key"> = {
  step: 0,
  best: [],
  recent: { loss: 0, count: 0 },
  metrics: {},
};

/**
 * Writes the trained part of a state atomically to one file, with one tensor in host memory at a time. Frozen weights are not saved, because
 * they equal the initial weights.
 */
export async function saveState(
  file: string,
  engine: Pick<Engine, "download">,
  state: Pick<DeviceState, "feeds">,
  frozen: readonly Chunk[],
  progress: SavedProgress,
): Promise<void> {
  const unchanged = new Set(frozen.map(valueInput));
  const tensors = Object.entries(state.feeds).flatMap(([name, tensor]): [string, DeferredTensor][] => {
    const { dtype, shape } = tensor;
    return unchanged.has(name) ? [] : [[name, { dtype, shape, read: () => engine.download(tensor) }]];
  });
  await writeSealedTensors(file, new Map(tensors), { progress: JSON.stringify(progress) });
}

/** Removes temporary files of killed saves, each as large as a state. Nothing else writes next to the files of a run. */
export async function removeUnfinishedSaves(directory: string): Promise<void> {
  const names = await readdir(directory).catch(() => []);
  for (const name of names.filter(isTemporaryPath)) await rm(join(directory, name), { force: true });
}

/** A saved state with tensors that are read one by one. */
export interface SavedState {
  readonly progress: SavedProgress;
  readonly read: (input: string) => Promise<HostTensor>;
  readonly close: () => Promise<void>;
}

/**
 * Opens a saved state, which the caller closes; undefined if there is none.
 *
 * @throws SlmError DATA_INVALID if a byte of the file changed since it was written, or it belongs to a run with other data or settings.
 */
export async function openState(
  file: string,
  plan: ChunkPlan,
  settings: StateSettings,
  key: string,
): Promise<SavedState | undefined> {
  const exists = await isThere(file);
  if (!exists) return undefined;
  const { entries, metadata, read, close } = await openSealedTensors(file);
  try {
    const progress = savedProgressOf(metadata, file);
    if (progress.key !== key) {
      throw new SlmError(
        "DATA_INVALID",
        `${file}: the saved state belongs to a run with other data or settings`,
        { suggestions: ["train without --resume to start over"] },
      );
    }
    for (const { chunk, part, trained } of entriesOf(plan, settings)) {
      if (!trained) continue;
      const size = entries.get(stateInput(chunk, part))?.shape[0];
      if (size === chunk.size) continue;
      throw new SlmError(
        "DATA_INVALID",
        `${file}: '${stateInput(chunk, part)}' should contain ${chunk.size} numbers, got ${size ?? 0}`,
      );
    }
    return { progress, read, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** The progress in a state's metadata. @throws SlmError DATA_INVALID if it is invalid */
const savedProgressOf = (metadata: Readonly<Record<string, string>>, file: string): SavedProgress =>
  parseProgress(metadata["progress"] ?? "", file);

function parseProgress(text: string, file: string): SavedProgress {
  try {
    return savedProgress.parse(JSON.parse(text));
  } catch (cause) {
    throw new SlmError("DATA_INVALID", `${file}: not the state of a training run`, { cause });
  }
}
