/** A model in this process, ready to be timed. */
import { readModule } from "@slm/c-export/portable";
import { readDeviceModel, type EngineName } from "@slm/exported-model";
import { openGraphModel, openPortableModel, type Model } from "@slm/inference";
import { endlessDecoder } from "./endless-decoder.js";
import { endlessRuntime } from "./endless-runtime.js";
import { peakMemoryBytes } from "./peak-memory.js";
import { importRuntime, type RuntimeModule } from "./runtime-module.js";
import { timeGeneration, type TimedModel } from "./timed-model.js";

export interface OpenOptions {
  readonly directory: string;
  readonly runtime: RuntimeModule;
  /** Suppress EOS. */
  readonly endless: boolean;
  /** What runs the model. Default: ONNX Runtime. */
  readonly engine?: EngineName | undefined;
  /** Batch size: copies of a prompt that are decoded together. */
  readonly batch: number;
}

/** A model that was opened, and what it runs on. */
interface Loaded {
  readonly model: Model;
  /** When its files began to be read, by `performance.now()` [ms]. */
  readonly started: number;
  readonly processRssBytes: number;
  readonly close: () => Promise<void>;
}

/**
 * Creates the runtime, if the engine has one, then loads the model, so that the runtime's memory and start are measured separately.
 *
 * @throws SlmError INPUT_MISSING, DATA_INVALID, DEVICE_UNAVAILABLE
 */
export async function openTimedModel(options: OpenOptions): Promise<TimedModel> {
  const { batch, engine } = options;
  const { model, started, processRssBytes, close } = await (engine === "wasm" ? openPortable : openGraphs)(
    options,
  );
  const loadMs = performance.now() - started;
  const { device } = model;
  return {
    opened: {
      loadMs,
      processRssBytes,
      device: { ...device, fallbacks: [...device.fallbacks] },
    },
    run: (prompt, maxTokens) => timeGeneration(model, prompt, { batch, maxTokens }),
    peakRssBytes: peakMemoryBytes,
    close,
  };
}

async function openGraphs(options: OpenOptions): Promise<Loaded> {
  const { directory, endless, batch } = options;
  const { tokens } = await readDeviceModel(directory);
  const runtime = await importRuntime(options.runtime);
  const processRssBytes = await peakMemoryBytes();
  const started = performance.now();
  // No image cache, so that each run encodes its image.
  const model = await openGraphModel(directory, endless ? endlessRuntime(runtime, tokens.eos) : runtime, {
    keptImageBytes: 0,
    batchSize: batch,
  });
  const close = async (): Promise<void> => {
    await model.close();
    await runtime.close();
  };
  return { model, started, processRssBytes, close };
}

async function openPortable(options: OpenOptions): Promise<Loaded> {
  const { directory, endless } = options;
  const { tokens } = await readDeviceModel(directory);
  const processRssBytes = await peakMemoryBytes();
  const started = performance.now();
  const model = await openPortableModel(directory, {
    module: await readModule(),
    watch: endless ? (decoder) => endlessDecoder(decoder, tokens.eos) : undefined,
  });
  return { model, started, processRssBytes, close: () => model.close() };
}
