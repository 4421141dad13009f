/** Computes the figures of a model from its runs. */
import { modelBytes, type DeviceModel } from "@slm/exported-model";
import { SlmError } from "@slm/core";
import type { ModelFigures } from "./bench-result.js";
import { medianInterval } from "../statistics/interval.js";
import type { MachineRates } from "../machine/rates.js";
import { mean, quantile } from "../statistics/quantile.js";
import type { Opened, Sample } from "../models/timed-model.js";

export interface Measurement {
  readonly name: string;
  readonly model: DeviceModel;
  /** Batch size of every run [rows]. */
  readonly batch: number;
  /** Length of the source of each run [tokens]. */
  readonly sourceTokens: readonly number[];
  readonly opened: Opened;
  /** Every load, including that of `opened`. */
  readonly loadsMs: readonly number[];
  /** In the order of the runs. */
  readonly samples: readonly Sample[];
  /** Energy of all runs; undefined without a counter. */
  readonly joules: number | undefined;
  readonly rates: MachineRates;
  readonly peakRssBytes: number;
}

/**
 * Figures of one model.
 *
 * FLOPs per generated token: `decoderPerTargetToken` of model.json. With the source: plus S x (cost of reading one
 * source token) / T, where S and T are the mean numbers of source tokens and of decoder steps; an encoder-decoder reads
 * its source with the encoder, a decoder-only model with the decoder. Of a vision-language model plus the cost of its image / T.
 *
 * @throws SlmError DATA_INVALID if every answer ended at its first step, because then there is no rate.
 */
export function summarize(measurement: Measurement): ModelFigures {
  const { name, model, batch, opened, loadsMs, samples, joules, rates: machine, peakRssBytes } = measurement;
  const stepRates = samples.flatMap(decodeRate);
  const rates = stepRates.map((stepsPerSecond) => batch * stepsPerSecond);
  if (rates.length === 0) {
    throw new SlmError(
      "DATA_INVALID",
      `bench: ${name} ended all ${samples.length} answers at the first step, so it has no decode rate`,
      {
        context: { model: name },
        suggestions: ["set forceTokens", "use prompts like the training data"],
      },
    );
  }
  const images = samples.flatMap(({ imageMs }) => imageMs ?? []);
  const totals = samples.map(({ totalMs }) => totalMs);
  const stepMs = stepRates.map((stepsPerSecond) => 1000 / stepsPerSecond);
  const tokensPerSecond = rate(rates);
  const sourceTokens = mean(measurement.sourceTokens);
  const steps = mean(samples.map((sample) => sample.steps));
  const { encoderPerSourceToken, decoderPerTargetToken } = model.flops;
  const bytesPerToken = decoderBytes(model) / batch + cacheBytes(model, sourceTokens, steps);
  const perSourceToken =
    model.architecture === "encoder-decoder" ? encoderPerSourceToken : decoderPerTargetToken;
  return {
    name,
    architecture: model.architecture,
    scheme: model.scheme,
    parameters: model.parameters,
    bytes: modelBytes(model),
    runs: samples.length,
    batch,
    loadMs: quantile(loadsMs, 0.5),
    loadsMs: [...loadsMs],
    firstTokenMs: latencyOfRuns(samples.map(({ firstTokenMs }) => firstTokenMs)),
    imageMs: images.length === 0 ? undefined : latency(images),
    interTokenMs: latency(samples.flatMap(({ gapsMs }) => gapsMs)),
    tokensPerSecond,
    wordsPerSecond: rate(samples.map(({ words, totalMs }) => (1000 * words) / totalMs)),
    totalMs: latencyOfRuns(totals),
    sourceTokens,
    generatedTokens: steps,
    joulesPerToken: joules === undefined ? null : joules / (batch * steps * samples.length),
    peakRssBytes,
    processRssBytes: opened.processRssBytes,
    flopsPerToken: decoderPerTargetToken,
    flopsPerTokenWithSource:
      decoderPerTargetToken + (perSourceToken * sourceTokens + (model.vision?.flopsPerImage ?? 0)) / steps,
    bytesPerToken,
    roofline: {
      product: (decoderPerTargetToken * tokensPerSecond.p50) / machine.productFlops,
      read: (bytesPerToken * tokensPerSecond.p50) / machine.readBytes,
    },
    halvesDiffer: halvesDiffer(totals),
    spread: (quantile(stepMs, 0.75) - quantile(stepMs, 0.25)) / quantile(stepMs, 0.5),
    samples: samples.map(({ firstTokenMs, decodeMs, steps: taken, words, totalMs }, run) => ({
      sourceTokens: measurement.sourceTokens[run]!,
      firstTokenMs,
      decodeMs,
      steps: taken,
      words,
      totalMs,
    })),
  };
}

/** Weights that a step reads [bytes]: the decoder's graph, or the decoder's share of a portable form, one byte per weight. */
const decoderBytes = ({ graphs, flops }: DeviceModel): number =>
  graphs.decoder?.bytes ?? flops.decoderPerTargetToken / 2;

/**
 * Keys and values that a step reads on average: those of the source and of half an answer. A decoder-only model keeps its source
 * in the same cache.
 */
function cacheBytes(
  { decoderLayers, kvHeads, headDim, precision }: DeviceModel,
  source: number,
  answer: number,
): number {
  const elementBytes = precision === undefined || precision === "float32" ? 4 : 2;
  return 2 * decoderLayers * kvHeads * headDim * elementBytes * (source + answer / 2);
}

/** Steps per second after the first; a step of all rows counts once. Empty for an answer of one step. */
export function decodeRate({ steps, decodeMs }: Pick<Sample, "steps" | "decodeMs">): readonly number[] {
  return steps < 2 || decodeMs <= 0 ? [] : [(1000 * (steps - 1)) / decodeMs];
}

/** |median of the first half - median of the second| divided by the median of all: drift that averaging would hide. */
export function halvesDiffer(values: readonly number[]): number {
  const middle = Math.ceil(values.length / 2);
  const first = quantile(values.slice(0, middle), 0.5);
  const second = quantile(values.slice(-middle), 0.5);
  return Math.abs(first - second) / quantile(values, 0.5);
}

function latency(values: readonly number[]): ModelFigures["interTokenMs"] {
  const at = (fraction: number): number => quantile(values, fraction);
  return { p50: at(0.5), p90: at(0.9), p95: at(0.95), p99: at(0.99) };
}

function latencyOfRuns(values: readonly number[]): ModelFigures["firstTokenMs"] {
  return { ...latency(values), interval: medianInterval(values) };
}

function rate(values: readonly number[]): ModelFigures["tokensPerSecond"] {
  const at = (fraction: number): number => quantile(values, fraction);
  const tail = { p1: at(0.01), p5: at(0.05), p10: at(0.1) };
  return { ...tail, p50: at(0.5), p95: at(0.95), interval: medianInterval(values) };
}
