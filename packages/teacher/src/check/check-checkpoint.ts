/** Checks a checkpoint: computes the hidden states of a whole text, then logits for a few positions at a time. */
import { SlmError } from "@slm/core";
import {
  decode,
  headWeight,
  outputHead,
  parameterCount,
  parameterSpecs,
  toFloat32,
  type DecoderOnlyConfig,
} from "@slm/model";
import { openWeights, readModelConfig } from "@slm/checkpoints";
import { createHostTensor, type DeviceTensor } from "@slm/runtime";
import { math, type Engine, type Program, type TensorSpec } from "@slm/tensor";
import type { CheckSubject } from "./check-subject.js";

/** Number of positions with logits on the host at a time. */
const POSITIONS = 64;

/** @throws SlmError INPUT_MISSING, DATA_INVALID, SHAPE_MISMATCH naming the file; CONFIG_INVALID for a model that is not decoder-only */
export async function checkpointSubject(directory: string, engine: Engine): Promise<CheckSubject> {
  const config = await decoderOnly(directory);
  return {
    vocabularySize: config.vocabularySize,
    parameters: parameterCount(config),
    open: async (length) => {
      const weights = await uploadWeights(config, directory, engine);
      const programs = await compile(config, length, engine);
      return {
        logits: (ids) => logitsOf({ config, weights, programs, engine, length }, ids),
        close: async () => {
          await programs.hidden.release();
          await programs.head.release();
          await engine.release(Object.values(weights));
        },
      };
    },
  };
}

interface Opened {
  readonly config: DecoderOnlyConfig;
  readonly weights: DeviceWeights;
  readonly programs: { readonly hidden: Program; readonly head: Program };
  readonly engine: Engine;
  readonly length: number;
}

async function* logitsOf(
  { config, weights, programs, engine, length }: Opened,
  text: Int32Array,
): AsyncGenerator<{ readonly from: number; readonly logits: Float32Array }> {
  const ids = new Int32Array(length).fill(config.tokens.pad);
  ids.set(text);
  const feeds = { ...weights, ids: createHostTensor("int32", [1, length], ids) };
  const { kept } = await programs.hidden.run({ feeds, keep: ["hidden"] });
  const hidden = kept["hidden"]!;
  try {
    for (let from = 0; from < text.length; from += POSITIONS) {
      const logits = await logitsFrom(programs.head, { ...headFeeds(config, weights), hidden }, from, length);
      yield { from, logits };
    }
  } finally {
    await engine.release([hidden]);
  }
}

async function decoderOnly(directory: string): Promise<DecoderOnlyConfig> {
  const config = await readModelConfig(directory);
  if (config.architecture === "decoder-only") return config;
  throw new SlmError(
    "CONFIG_INVALID",
    `${directory}: expected a decoder-only model, got ${config.architecture}`,
    {
      suggestions: ["slm model check --reference DIR"],
    },
  );
}

type DeviceWeights = Readonly<Record<string, DeviceTensor>>;

/** Weights are loaded through the host one at a time. */
async function uploadWeights(
  config: DecoderOnlyConfig,
  directory: string,
  engine: Engine,
): Promise<DeviceWeights> {
  const file = await openWeights(directory);
  const weights: Record<string, DeviceTensor> = {};
  try {
    for (const { name, shape } of parameterSpecs(config)) {
      const entry = file.entries.get(name);
      if (entry?.shape.join() !== shape.join()) {
        const got = entry === undefined ? "none" : `[${entry.shape.join(", ")}]`;
        throw new SlmError(
          "SHAPE_MISMATCH",
          `${file.where}: tensor '${name}' should be [${shape.join(", ")}], got ${got}`,
        );
      }
      weights[name] = await engine.upload(toFloat32(await file.read(name), name));
    }
    return weights;
  } catch (error) {
    await engine.release(Object.values(weights));
    throw error;
  } finally {
    await file.close();
  }
}

const headFeeds = (config: DecoderOnlyConfig, weights: DeviceWeights): DeviceWeights => {
  const name = headWeight(config);
  return { [name]: weights[name]! };
};

async function compile(
  config: DecoderOnlyConfig,
  length: number,
  engine: Engine,
): Promise<{ readonly hidden: Program; readonly head: Program }> {
  const specs = parameterSpecs(config).map(({ name, shape }): [string, TensorSpec] => [
    name,
    { dtype: "float32", shape },
  ]);
  const weights = Object.fromEntries(specs);
  const name = headWeight(config);
  const hidden = await engine.compile({
    name: `check states ${length}`,
    forwardOnly: true,
    inputs: { ...weights, ids: { dtype: "int32", shape: [1, length] } },
    build: (x) => ({ hidden: math.reshape(decode(config, x, x["ids"]!), [length, config.width]) }),
  });
  const head = await engine.compile({
    name: `check logits ${length}`,
    forwardOnly: true,
    inputs: {
      [name]: weights[name]!,
      hidden: { dtype: "float32", shape: [length, config.width] },
      positions: { dtype: "int32", shape: [POSITIONS] },
    },
    build: (x) => ({ logits: outputHead(config, x, math.gatherRows(x["hidden"]!, x["positions"]!)) }),
  });
  return { hidden, head };
}

async function logitsFrom(
  head: Program,
  feeds: DeviceWeights,
  from: number,
  length: number,
): Promise<Float32Array> {
  const positions = Int32Array.from({ length: POSITIONS }, (_, index) => Math.min(from + index, length - 1));
  const { fetched } = await head.run({
    feeds: { ...feeds, positions: createHostTensor("int32", [POSITIONS], positions) },
    fetch: ["logits"],
  });
  return fetched["logits"]!.data as Float32Array;
}
