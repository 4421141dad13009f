/** Makes the decoder-only baseline of a benchmark: as many parameters as the student, in the same weight formats. */
import { removePath, SILENT, type StageContext } from "@slm/core";
import { readDeviceModel, type DeviceModel } from "@slm/exported-model";
import { SlmError } from "@slm/core/errors";
import { CONFIG_FILE, readModelConfig } from "@slm/checkpoints";
import { SCHEME_NAMES } from "@slm/devices";
import { encoderDecoderConfig, parameterCount, type EncoderDecoderConfig } from "@slm/model";
import { exportRandomBaseline } from "@slm/onnx-export";
import { quantizeDirectory } from "@slm/quantization";
import { existsSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface BaselineRequest {
  /** Directory of the encoder-decoder to compare with. */
  readonly like: string;
  /** An empty directory for the baseline. */
  readonly outputDirectory: string;
  readonly context: StageContext;
}

/**
 * Makes a decoder-only model with random weights and the size, tokenizer and quantization scheme and blocks of `like`. Random
 * weights do not affect the speed.
 *
 * @throws SlmError USAGE if `like` is decoder-only itself, and from exporting and quantizing
 */
export async function makeBaseline({ like, outputDirectory, context }: BaselineRequest): Promise<void> {
  const model = await readDeviceModel(like);
  if (model.vision !== undefined) {
    throw new SlmError(
      "OP_UNSUPPORTED",
      `bench: ${like} is a vision-language model; a decoder-only baseline cannot be made for it`,
      {
        suggestions: ["leave --baseline out", "--set bench.baseline=null"],
      },
    );
  }
  const config = await shapeOf(like, model);
  const { seed, signal } = context;
  const exportTo = (directory: string): Promise<unknown> =>
    exportRandomBaseline({
      config,
      tokenizerDirectory: like,
      outputDirectory: directory,
      target: "cpu",
      seed: seed % 2 ** 32, // The exporter needs float32 checkpoints.
      progress: SILENT,
      signal,
    });
  const scheme = SCHEME_NAMES.find((name) => name === model.scheme);
  if (scheme === undefined) {
    await exportTo(outputDirectory);
    return;
  }
  const float32 = await mkdtemp(join(tmpdir(), "slm-baseline-float32-"));
  try {
    await exportTo(float32);
    await quantizeDirectory({
      modelDirectory: float32,
      outputDirectory,
      scheme,
      weights: model.blocks,
      signal,
    });
  } finally {
    await removePath(float32);
  }
}

/** The shape in config.json. A bundle has no config.json; it gets a shape of typical proportions with the same number of parameters. */
async function shapeOf(directory: string, model: DeviceModel): Promise<EncoderDecoderConfig> {
  const config = existsSync(join(directory, CONFIG_FILE)) ? await readModelConfig(directory) : undefined;
  if (model.architecture === "decoder-only" || config?.architecture === "decoder-only") {
    throw new SlmError(
      "USAGE",
      `bench: ${directory} is decoder-only; a baseline needs an encoder-decoder to copy the size of`,
      {
        suggestions: ["name an encoder-decoder first", "leave --baseline out"],
      },
    );
  }
  return config ?? usualShape(model);
}

/** Parameters over width² and decoder layers: two encoder layers of 12 width² for a decoder layer of 16. */
const BODY_FACTOR = 40;

/** An encoder-decoder of typical proportions (two encoder layers per decoder layer, a feed-forward of about four
 * widths) with the parameters, heads and lengths of `model`.
 */
export function usualShape(model: DeviceModel): EncoderDecoderConfig {
  const { parameters, vocabularySize, headDim, kvHeads, decoderLayers, maxSource, maxTarget, tokens } = model;
  const square = BODY_FACTOR * decoderLayers;
  const exact = (Math.sqrt(vocabularySize ** 2 + 4 * square * parameters) - vocabularySize) / (2 * square);
  const shaped = (groups: number, feedForward: number): EncoderDecoderConfig =>
    encoderDecoderConfig.parse({
      vocabularySize,
      tokens,
      width: groups * kvHeads * headDim,
      heads: groups * kvHeads,
      kvHeads,
      headDim,
      feedForward,
      maxSource,
      maxTarget,
      encoderLayers: 2 * decoderLayers,
      decoderLayers,
      bias: false,
    });
  const nearest = Math.max(1, Math.round(exact / (headDim * kvHeads)));
  // If even the narrowest feed-forward is too large, the width is one step too wide.
  const groups = nearest > 1 && parameterCount(shaped(nearest, 1)) > parameters ? nearest - 1 : nearest;
  const least = parameterCount(shaped(groups, 1));
  const perUnit = parameterCount(shaped(groups, 2)) - least;
  return shaped(groups, Math.max(1, 1 + Math.round((parameters - least) / perUnit)));
}
