/** From the runs of one model to its figures. */
import type { DeviceModel } from "@slm/artifact";
import { SlmError } from "@slm/error";
import type { ModelFigures } from "./bench-result.js";
import { mean, quantile } from "./quantile.js";
import type { Opened, Sample } from "./timed-model.js";

export interface Measurement {
  readonly name: string;
  readonly model: DeviceModel;
  readonly opened: Opened;
  /** In the order they were run. */
  readonly samples: readonly Sample[];
  readonly peakRssBytes: number;
}

/**
 * Figures of one model.
 *
 * FLOPs per generated token: `decoderPerTargetToken` of model.json. With the source: plus S x (cost of reading one
 * source token) / T, where S and T are the mean lengths of source and answer; an encoder-decoder reads its source with
 * the encoder, a decoder-only model with the decoder.
 *
 * @throws SlmError DATA_INVALID if the model said nothing, or never a second token, so that there is no rate.
 */
export function summarize({ name, model, opened, samples, peakRssBytes }: Measurement): ModelFigures {
  const speaking = samples.filter(({ tokens }) => tokens > 0);
  const firstTokens = speaking.flatMap(({ firstTokenMs }) => firstTokenMs ?? []);
  const decodeRates = samples.flatMap(decodeRate);
  if (firstTokens.length === 0 || decodeRates.length === 0) {
    throw new SlmError(
      "DATA_INVALID",
      `bench: ${name} gave no answer of two tokens in ${samples.length} runs, so it has no rate`,
      { context: { model: name }, suggestions: ["--force-tokens 32", "use prompts like those it was trained on"] },
    );
  }
  const totals = samples.map(({ totalMs }) => totalMs);
  const sourceTokens = mean(samples.map((sample) => sample.sourceTokens));
  const generatedTokens = mean(samples.map(({ tokens }) => tokens));
  const { encoder, decoder } = model.graphs;
  const { encoderPerSourceToken, decoderPerTargetToken } = model.flops;
  const perSourceToken = model.architecture === "encoder-decoder" ? encoderPerSourceToken : decoderPerTargetToken;
  return {
    name,
    scheme: model.scheme,
    parameters: model.parameters,
    bytes: (encoder?.bytes ?? 0) + decoder.bytes,
    runs: samples.length,
    loadMs: opened.loadMs,
    firstTokenMs: latency(firstTokens),
    tokensPerSecond: rate(decodeRates),
    wordsPerSecond: rate(samples.map(({ words, totalMs }) => (1000 * words) / totalMs)),
    totalMs: latency(totals),
    sourceTokens,
    generatedTokens,
    peakRssBytes,
    processRssBytes: opened.processRssBytes,
    flopsPerToken: decoderPerTargetToken,
    flopsPerTokenWithSource: decoderPerTargetToken + (perSourceToken * sourceTokens) / generatedTokens,
    halvesDiffer: halvesDiffer(totals),
  };
}

/** Tokens per second after the first token: the steady rate, free of encoding. None for answers of one token. */
function decodeRate({ tokens, firstTokenMs, totalMs }: Sample): readonly number[] {
  if (firstTokenMs === null || tokens < 2 || totalMs <= firstTokenMs) return [];
  return [(1000 * (tokens - 1)) / (totalMs - firstTokenMs)];
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
