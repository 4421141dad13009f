/** Dev metrics by real greedy decoding with the live weights. */
import { decode } from "@slm/decoding";
import { METRICS, type MetricName } from "@slm/metrics";
import { referencesOf, shuffledOrder, type Row } from "@slm/data";
import type { Tokenizer } from "@slm/tokenizer";
import { createLiveDecoder, type LiveDecoder } from "./live-decoder.js";
import type { DevMetric, LiveModel } from "./training-contract.js";

/** Rows decoded together. */
const ROWS = 128;

export interface DevMetricOptions {
  readonly rows: readonly Row[];
  readonly tokenizer: Tokenizer;
  /** Rows measured, drawn once by the seed. */
  readonly limit: number;
  readonly seed: number;
  /** Cache positions of one row: the longest target, and for a decoder-only model the source too. */
  readonly maxTarget: number;
  /** First is the one that chooses the best checkpoint. */
  readonly metrics: readonly [MetricName, ...MetricName[]];
}

/** A dev metric over a fixed sample of rows; rows longer than the limits count as wrong with an empty prediction. */
export function greedyDevMetric(options: DevMetricOptions): DevMetric {
  const { rows, tokenizer, limit, seed, metrics } = options;
  const chosen = Array.from(shuffledOrder(rows.length, seed, 0).slice(0, limit), (index) => rows[index]!);
  const sources = chosen.map((row) => Int32Array.from(tokenizer.encodeSource(row.source)));
  const order = sources.map((_, index) => index).sort((a, b) => sources[a]!.length - sources[b]!.length);
  const longest = Math.max(1, ...sources.map(({ length }) => length));
  let decoder: LiveDecoder | undefined;
  return {
    name: metrics[0],
    betterIs: METRICS[metrics[0]].betterIs,
    measure: async (live) => {
      decoder ??= await createLiveDecoder(live, shapeFor(live, longest, options));
      const predictions = new Array<string>(chosen.length).fill("");
      for (let begin = 0; begin < order.length; begin += decoder.shape.rows) {
        const batch = order.slice(begin, begin + decoder.shape.rows);
        const step = await decoder.start(batch.map((index) => sources[index]!));
        const { bos, eos, pad } = live.config.tokens;
        const results = await decode(step, {
          bos,
          eos,
          pad,
          maxTokens: options.maxTarget,
          strategy: { kind: "greedy" },
        });
        batch.forEach((index, row) => (predictions[index] = tokenizer.decode(results[row]!.tokens)));
      }
      const references = chosen.map(referencesOf);
      return Object.fromEntries(
        metrics.map((name) => [name, METRICS[name].compute(predictions, references)]),
      );
    },
  };
}

function shapeFor(live: LiveModel, longest: number, options: DevMetricOptions): LiveDecoder["shape"] {
  const capacity = options.maxTarget + 1 + (live.config.architecture === "decoder-only" ? longest : 0);
  return {
    rows: Math.min(ROWS, Math.max(1, Math.min(options.limit, options.rows.length))),
    source: longest,
    capacity,
  };
}
