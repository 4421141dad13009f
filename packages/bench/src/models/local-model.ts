/** A model in this process, ready to be timed. */
import { readDeviceModel } from "@slm/exported-model";
import { ahead, type Speculation } from "@slm/generation";
import { openModel } from "@slm/inference";
import { endlessRuntime } from "./endless-runtime.js";
import { peakMemoryBytes } from "./peak-memory.js";
import { importRuntime, type RuntimeModule } from "./runtime-module.js";
import { timeGeneration, type TimedModel } from "./timed-model.js";

export interface OpenOptions extends Speculation {
  readonly directory: string;
  readonly runtime: RuntimeModule;
  /** Suppress EOS. */
  readonly endless: boolean;
  /** Batch size: copies of a prompt that are decoded together. */
  readonly batch: number;
}

/**
 * Creates the runtime, then loads the model, so that the runtime's memory and start are measured separately.
 *
 * @throws SlmError INPUT_MISSING, DATA_INVALID, DEVICE_UNAVAILABLE
 */
export async function openTimedModel({
  directory,
  runtime: module,
  endless,
  batch,
  ...speculation
}: OpenOptions): Promise<TimedModel> {
  const { tokens } = await readDeviceModel(directory);
  const runtime = await importRuntime(module);
  const processRssBytes = await peakMemoryBytes();
  const start = performance.now();
  // No image cache, so that each run encodes its image.
  const generator = await openModel(directory, endless ? endlessRuntime(runtime, tokens.eos) : runtime, {
    keptImageBytes: 0,
    ...speculation,
    batchSize: batch,
  });
  const loadMs = performance.now() - start;
  const { device } = runtime;
  return {
    opened: {
      loadMs,
      processRssBytes,
      device: { ...device, fallbacks: [...device.fallbacks] },
      ...ahead(generator.speculation.tokens),
    },
    run: (prompt, maxTokens) => timeGeneration(generator, prompt, { batch, maxTokens }),
    peakRssBytes: peakMemoryBytes,
    close: async () => {
      await generator.close();
      await runtime.close();
    },
  };
}
