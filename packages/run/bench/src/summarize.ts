/** From the runs of one model to its figures. */
import { graphBytes, type DeviceModel } from "@slm/artifact";
import { SlmError } from "@slm/error";
import type { ModelFigures } from "./bench-result.js";
import { mean, quantile } from "./quantile.js";
import type { Opened, Sample } from "./timed-model.js";

export interface Measurement {
  readonly name: string;
  readonly model: DeviceModel;
  /** Length of the source of each run [tokens]. */
  readonly sourceTokens: readonly number[];
  readonly opened: Opened;
  /** In the order they were run. */
  readonly samples: readonly Sample[];
  readonly peakRssBytes: number;
}

/**
 * Figures of one model.
 *
 * FLOPs per generated token: `decoderPerTargetToken` of model.json. With the source: plus S x (cost of reading one
 * source token) / T, where S and T are the mean numbers of source tokens and of decoder steps; an encoder-decoder reads
 * its source with the encoder, a decoder-only model with the decoder. Of a model that sees plus the cost of its image / T.
 *
 * @throws SlmError DATA_INVALID if every answer ended at its first step, so that there is no rate.
 */
export function summarize(measurement: Measurement): ModelFigures {
  const { name, model, opened, samples, peakRssBytes } = measurement;
  const rates = samples.flatMap(decodeRate);
  if (rates.length === 0) {
    throw new SlmError(
      "DATA_INVALID",
      `bench: ${name} ended every one of ${samples.length} answers at its first step, so it has no rate`,
      {
        context: { model: name },
        suggestions: ["set forceTokens", "use prompts like those it was trained on"],
      },
    );
  }
  const images = samples.flatMap(({ imageMs }) => imageMs ?? []);
  const totals = samples.map(({ totalMs }) => totalMs);
  const sourceTokens = mean(measurement.sourceTokens);
  const steps = mean(samples.map((sample) => sample.steps));
  const { encoderPerSourceToken, decoderPerTargetToken } = model.flops;
  const perSourceToken =
    model.architecture === "encoder-decoder" ? encoderPerSourceToken : decoderPerTargetToken;
  return {
    name,
    architecture: model.architecture,
    scheme: model.scheme,
    parameters: model.parameters,
    bytes: graphBytes(model),
    runs: samples.length,
    loadMs: opened.loadMs,
    firstTokenMs: latency(samples.map(({ firstTokenMs }) => firstTokenMs)),
    ...(images.length === 0 ? {} : { imageMs: latency(images) }),
    tokensPerSecond: rate(rates),
    wordsPerSecond: rate(samples.map(({ words, totalMs }) => (1000 * words) / totalMs)),
    totalMs: latency(totals),
    sourceTokens,
    generatedTokens: steps,
    peakRssBytes,
    processRssBytes: opened.processRssBytes,
    flopsPerToken: decoderPerTargetToken,
    flopsPerTokenWithSource:
      decoderPerTargetToken + (perSourceToken * sourceTokens + (model.vision?.flopsPerImage ?? 0)) / steps,
    halvesDiffer: halvesDiffer(totals),
  };
}

/** Steps per second after the first: the steady rate, free of encoding. None for an answer of one step. */
function decodeRate({ steps, decodeMs }: Sample): readonly number[] {
  return steps < 2 || decodeMs <= 0 ? [] : [(1000 * (steps - 1)) / decodeMs];
}

/** |median of the first half - median of the second| over the median of all: drift that averaging would hide. */
export function halvesDiffer(values: readonly number[]): number {
  const middle = Math.ceil(values.length / 2);
  const first = quantile(values.slice(0, middle), 0.5);
  const second = quantile(values.slice(-middle), 0.5);
  return Math.abs(first - second) / quantile(values, 0.5);
}

function latency(values: readonly number[]): ModelFigures["firstTokenMs"] {
  return { p50: quantile(values, 0.5), p95: quantile(values, 0.95) };
}

function rate(values: readonly number[]): ModelFigures["tokensPerSecond"] {
  return { p5: quantile(values, 0.05), ...latency(values) };
}
