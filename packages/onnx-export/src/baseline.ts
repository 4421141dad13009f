/**
 * The baseline of a fair speed comparison: a decoder-only model with as many weights as the encoder-decoder. Its weights are random, so
 * only its speed and size are meaningful.
 */
import { createRandom } from "@slm/generation";
import { SlmError } from "@slm/core";
import {
  initializeWeights,
  parameterCount,
  sharedOptions,
  type DecoderOnlyConfig,
  type EncoderDecoderConfig,
} from "@slm/model";
import { exportWeights, type ExportReport, type ExportSettings } from "./export-checkpoint.js";

/** Largest relative difference of the parameter counts. */
const TOLERANCE = 0.02;

/** The inner width is a multiple of the first of these that meets the tolerance. Multiples fill vectors and quantization blocks. */
const WIDTH_STEPS = [64, 32, 8, 1] as const;

/**
 * Configures a decoder-only model with the same parameter count, within 2 %. Width, heads, vocabulary and lengths stay the same. The number
 * of layers is the closest match; the feed-forward width makes up the difference.
 *
 * @throws SlmError CONFIG_INVALID if no feed-forward width is within the tolerance, as with very few parameters; OP_UNSUPPORTED for a
 * vision-language model, because the baseline has no tower.
 */
export function baselineConfig(config: EncoderDecoderConfig): DecoderOnlyConfig {
  if (config.vision !== undefined) {
    throw new SlmError(
      "OP_UNSUPPORTED",
      "export: decoder-only models read text; there is no vision-language baseline",
    );
  }
  const shared = sharedOptions(config);
  const wanted = parameterCount(config);
  const withSize = (decoderLayers: number, feedForward: number): DecoderOnlyConfig => {
    return { ...shared, architecture: "decoder-only", decoderLayers, feedForward };
  };
  const count = (layers: number, feedForward: number): number =>
    parameterCount(withSize(layers, feedForward));

  const one = count(1, shared.feedForward);
  const perLayer = count(2, shared.feedForward) - one;
  const layers = 1 + Math.max(0, Math.round((wanted - one) / perLayer));
  const perUnit = count(layers, shared.feedForward + 1) - count(layers, shared.feedForward);
  const exact = shared.feedForward + (wanted - count(layers, shared.feedForward)) / perUnit;
  for (const step of WIDTH_STEPS) {
    const feedForward = step * Math.max(1, Math.round(exact / step));
    if (Math.abs(count(layers, feedForward) / wanted - 1) <= TOLERANCE) return withSize(layers, feedForward);
  }
  throw new SlmError(
    "CONFIG_INVALID",
    `export: no decoder-only model of width ${shared.width} has ${wanted} parameters within ${TOLERANCE * 100} % ` +
      `(${config.encoderLayers} encoder and ${shared.decoderLayers} decoder layers)`,
  );
}

export interface BaselineOptions extends ExportSettings {
  /** The model to compare with. */
  readonly config: EncoderDecoderConfig;
  /** Contains tokenizer.json and tokenizer_config.json. */
  readonly tokenizerDirectory: string;
  /** Seed of the random weights: an integer in [0, 2^32). */
  readonly seed: number;
}

/** Name of the exported baseline. It tells readers of a report that the weights are random. */
export const BASELINE_NAME = "decoder-only baseline, random weights";

/**
 * Exports a decoder-only model of `config`'s size with random weights, in the same way as a trained one. The model's name and `weights:
 * random` in the ONNX metadata say that the weights are random.
 *
 * @throws SlmError as `baselineConfig` and `exportCheckpoint` do; USAGE for an invalid seed.
 */
export async function exportRandomBaseline(options: BaselineOptions): Promise<ExportReport> {
  const { config, tokenizerDirectory, seed, ...settings } = options;
  const baseline = baselineConfig(config);
  return exportWeights(
    {
      config: baseline,
      weights: initializeWeights(baseline, createRandom(seed).next),
      name: BASELINE_NAME,
      tokenizerDirectory,
      metadata: { weights: "random", seed: String(seed) },
    },
    settings,
  );
}
