/** Runs a decoder-only checkpoint over a reference's texts and compares what it expects next. */
import { join } from "node:path";
import type { StageContext } from "@slm/artifact";
import { throwIfInterrupted } from "@slm/artifact";
import { SlmError } from "@slm/error";
import {
  decode,
  headWeight,
  openSafetensors,
  outputHead,
  parameterCount,
  parameterSpecs,
  readModelConfig,
  toFloat32,
  WEIGHTS_FILE,
  type DecoderOnlyConfig,
} from "@slm/model";
import { createHostTensor, type DeviceTensor } from "@slm/runtime";
import { math, type Engine, type Program, type TensorSpec } from "@slm/tensor";
import { AgreementSum, type Agreement } from "./compare-positions.js";
import { readReference } from "./reference-file.js";

export interface TeacherCheckOptions {
  readonly engine: Engine;
  readonly context: Pick<StageContext, "progress" | "signal">;
}

export interface TeacherCheckReport extends Agreement {
  readonly parameters: number;
  readonly vocab: number;
  readonly rows: number;
}

/** Positions whose logits are on the host at a time. */
const POSITIONS = 64;

/**
 * Compares a checkpoint with a reference.
 *
 * @throws SlmError INPUT_MISSING, CONFIG_INVALID, DATA_INVALID or SHAPE_MISMATCH, naming the file; INTERRUPTED.
 */
export async function checkTeacher(
  directory: string,
  referenceFile: string,
  { engine, context }: TeacherCheckOptions,
): Promise<TeacherCheckReport> {
  const config = await decoderOnly(directory);
  const { rows, length } = await readReference(referenceFile, config.vocabularySize);
  const weights = await uploadWeights(config, join(directory, WEIGHTS_FILE), engine);
  const programs = await compile(config, length, engine);
  const sum = new AgreementSum();
  try {
    for (const [index, row] of rows.entries()) {
      throwIfInterrupted(context.signal, "teacher check");
      const ids = new Int32Array(length).fill(config.tokens.pad);
      ids.set(row.ids);
      const feeds = { ...weights, ids: createHostTensor("int32", [1, length], ids) };
      const { kept } = await programs.hidden.run({ feeds, keep: ["hidden"] });
      const hidden = kept["hidden"]!;
      try {
        for (let from = 0; from < row.ids.length; from += POSITIONS) {
          const logits = await logitsFrom(
            programs.head,
            { ...headFeeds(config, weights), hidden },
            from,
            length,
          );
          for (let at = from; at < Math.min(from + POSITIONS, row.ids.length); at++) {
            const start = (at - from) * config.vocabularySize;
            sum.add(logits.subarray(start, start + config.vocabularySize), row.position(at));
          }
        }
      } finally {
        await engine.release([hidden]);
      }
      context.progress({ stage: "check", message: `${index + 1} of ${rows.length} rows` });
    }
  } finally {
    await programs.hidden.release();
    await programs.head.release();
    await engine.release(Object.values(weights));
  }
  const { result } = sum;
  return { parameters: parameterCount(config), vocab: config.vocabularySize, rows: rows.length, ...result };
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

/** Weights pass through the host one at a time. */
async function uploadWeights(
  config: DecoderOnlyConfig,
  path: string,
  engine: Engine,
): Promise<DeviceWeights> {
  const file = await openSafetensors(path);
  const weights: Record<string, DeviceTensor> = {};
  try {
    for (const { name, shape } of parameterSpecs(config)) {
      const entry = file.entries.get(name);
      if (entry?.shape.join() !== shape.join()) {
        const got = entry === undefined ? "none" : `[${entry.shape.join(", ")}]`;
        throw new SlmError(
          "SHAPE_MISMATCH",
          `${path}: tensor '${name}' should be [${shape.join(", ")}], got ${got}`,
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
