/** A model in this process, ready to be timed. */
import { readDeviceModel } from "@slm/exported-model";
import { openModel } from "@slm/inference";
import { endlessRuntime } from "./endless-runtime.js";
import { peakMemoryBytes } from "./peak-memory.js";
import { importRuntime, type RuntimeModule } from "./runtime-module.js";
import { timeGeneration, type TimedModel } from "./timed-model.js";

export interface OpenOptions {
  readonly directory: string;
  readonly runtime: RuntimeModule;
  /** Suppress EOS. */
  readonly endless: boolean;
  /** Batch size: copies of a prompt that are decoded together. */
  readonly batch: number;
  /** Draft tokens of a run, as `openModel` takes them. */
  readonly draftTokens?: number | undefined;
}

/**
 * Makes the runtime, then loads the model on it. Its own memory and start are so told apart from the model's.
 *
 * @throws SlmError INPUT_MISSING, DATA_INVALID, DEVICE_UNAVAILABLE
 */
export async function openTimedModel({
  directory,
  runtime: module,
  endless,
  batch,
  draftTokens,
}: OpenOptions): Promise<TimedModel> {
  const { tokens } = await readDeviceModel(directory);
  const runtime = await importRuntime(module);
  const processRssBytes = await peakMemoryBytes();
  const start = performance.now();
  // No image cache, so that each run encodes its image.
  const generator = await openModel(directory, endless ? endlessRuntime(runtime, tokens.eos) : runtime, {
    keptImageBytes: 0,
    draftTokens,
    batchSize: batch,
  });
  const loadMs = performance.now() - start;
  const { device } = runtime;
  return {
    opened: {
      loadMs,
      processRssBytes,
      device: { ...device, fallbacks: [...device.fallbacks] },
      draftTokens: generator.drafts.tokens,
    },
    run: (prompt, maxTokens) => timeGeneration(generator, prompt, { batch, maxTokens }),
    peakRssBytes: peakMemoryBytes,
    close: async () => {
      await generator.close();
      await runtime.close();
    },
  };
}
