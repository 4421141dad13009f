/** The optimizer's state: on the device while training, in one file between runs. */
import { stat } from "node:fs/promises";
import { z } from "zod";
import { writeBytesAtomic } from "@slm/artifact";
import { SlmError } from "@slm/error";
import { encodeSafetensors, readSafetensors, type ModelConfig, type Weights } from "@slm/model";
import { createHostTensor, type DeviceTensor, type HostTensor } from "@slm/runtime";
import type { Engine } from "@slm/tensor";
import { packWeights, unpackWeights, type Chunk } from "./parameter-layout.js";
import { STATE_PARTS, stateInput, stateOutput } from "./train-program.js";

/** Weights and moments on the device, by program input. */
export interface DeviceState {
  readonly feeds: Readonly<Record<string, DeviceTensor>>;
  /** The same tensors by the output that overwrites them. */
  readonly into: Readonly<Record<string, DeviceTensor>>;
}

/** Uploads weights with moments of zero, or the saved tensors of an interrupted run. */
export async function uploadState(
  engine: Engine,
  chunks: readonly Chunk[],
  initial: Weights | ReadonlyMap<string, HostTensor>,
): Promise<DeviceState> {
  const feeds: Record<string, DeviceTensor> = {};
  const into: Record<string, DeviceTensor> = {};
  for (const chunk of chunks) {
    for (const part of STATE_PARTS) {
      const input = stateInput(chunk, part);
      const saved = initial.get(input);
      const fresh =
        part === "value"
          ? () => packWeights(chunk, initial)
          : () => createHostTensor("float32", [chunk.size]);
      const tensor = await engine.upload(saved ?? fresh());
      feeds[input] = tensor;
      into[stateOutput(chunk, part)] = tensor;
    }
  }
  return { feeds, into };
}

/** The weights as they are now. */
export async function downloadWeights(
  engine: Engine,
  config: ModelConfig,
  chunks: readonly Chunk[],
  state: DeviceState,
): Promise<Weights> {
  const values: HostTensor[] = [];
  for (const chunk of chunks) values.push(await engine.download(state.feeds[stateInput(chunk, "value")]!));
  return unpackWeights(config, chunks, values);
}

const savedProgress = z.strictObject({
  /** Steps done. */
  step: z.int().nonnegative(),
  /** Identifies data and settings: a state of another run is refused. */
  key: z.string(),
  /** Best dev value so far and the step it was measured at; absent before the first measurement. */
  best: z.strictObject({ step: z.int(), value: z.number() }).optional(),
  /** Losses since the last line of the metrics log: their sum and how many. */
  recent: z.strictObject({ loss: z.number(), count: z.int() }).default({ loss: 0, count: 0 }),
  /** Loss of the last line of the metrics log. */
  loss: z.number().optional(),
  /** The last dev metrics. */
  metrics: z.record(z.string(), z.number()).default({}),
});

/** What a resumed run needs besides tensors. */
export type SavedProgress = Readonly<z.infer<typeof savedProgress>>;

/** Writes the whole state as one file that appears at once. */
export async function saveState(
  file: string,
  engine: Engine,
  state: DeviceState,
  progress: SavedProgress,
): Promise<void> {
  const tensors = new Map<string, HostTensor>();
  for (const [name, tensor] of Object.entries(state.feeds)) tensors.set(name, await engine.download(tensor));
  await writeBytesAtomic(file, encodeSafetensors(tensors, { progress: JSON.stringify(progress) }));
}

/**
 * Reads a saved state; undefined when there is none.
 *
 * @throws SlmError DATA_INVALID if the file is damaged or belongs to a run with other data or settings.
 */
export async function loadState(
  file: string,
  chunks: readonly Chunk[],
  key: string,
): Promise<{ tensors: ReadonlyMap<string, HostTensor>; progress: SavedProgress } | undefined> {
  const exists = await stat(file).then(
    () => true,
    () => false,
  );
  if (!exists) return undefined;
  const { tensors, metadata } = await readSafetensors(file);
  const progress = parseProgress(metadata["progress"] ?? "", file);
  if (progress.key !== key) {
    throw new SlmError(
      "DATA_INVALID",
      `${file}: the saved state belongs to a run with other data or settings`,
      {
        suggestions: ["train without --resume to start over"],
      },
    );
  }
  for (const chunk of chunks) {
    for (const part of STATE_PARTS) {
      const size = tensors.get(stateInput(chunk, part))?.shape[0];
      if (size === chunk.size) continue;
      throw new SlmError(
        "DATA_INVALID",
        `${file}: '${stateInput(chunk, part)}' should hold ${chunk.size} numbers, got ${size ?? 0}`,
      );
    }
  }
  return { tensors, progress };
}

function parseProgress(text: string, file: string): SavedProgress {
  try {
    return savedProgress.parse(JSON.parse(text));
  } catch (cause) {
    throw new SlmError("DATA_INVALID", `${file}: not the state of a training run`, { cause });
  }
}
