/** Dev metrics by real greedy decoding with the current weights. */
import { referencesOf, shuffledOrder, type Row } from "@slm/data";
import { SlmError } from "@slm/core";
import { METRICS, type MetricName } from "@slm/metrics";
import type { Tokenizer } from "@slm/tokenizer";
import { GreedyPredictor, type SeenText } from "./greedy-predictor.js";
import type { DevMetric, RankedMetric } from "../contract/training-contract.js";

/** Number of rows with answers that are kept as samples. */
const SAMPLE_ROWS = 20;

/** A row with the samples of its image, for a vision-language model. */
export type DevRow = Row & Pick<SeenText, "samples">;

interface DevMetricOptions {
  readonly rows: readonly DevRow[];
  readonly tokenizer: Tokenizer;
  /** Number of rows to measure, drawn once from the seed. */
  readonly limit: number;
  readonly seed: number;
  /** Largest number of tokens of a prediction, including EOS. */
  readonly maxTarget: number;
  /** The first metric chooses the best checkpoint; on ties the next one. */
  readonly metrics: readonly [MetricName, ...MetricName[]];
}

const ranked = (name: MetricName): RankedMetric => ({ name, higherIsBetter: METRICS[name].higherIsBetter });

/** A dev metric that owns programs and caches until it is closed. */
interface GreedyDevMetric extends DevMetric {
  close(): Promise<void>;
}

/**
 * A dev metric over a fixed sample of rows, for models of both architectures. A prediction that reaches `maxTarget` without EOS is measured as
 * it is.
 *
 * @throws SlmError DATA_INVALID for a row that the tokenizer rejects.
 */
export function greedyDevMetric(options: DevMetricOptions): GreedyDevMetric {
  const { tokenizer, maxTarget, metrics } = options;
  const chosen = drawRows(options.rows, options.limit, options.seed);
  const references = chosen.map(referencesOf);
  const predictor = new GreedyPredictor(chosen, tokenizer, maxTarget);
  let last: readonly string[] = [];
  return {
    ranking: [ranked(metrics[0]), ...metrics.slice(1).map(ranked)],
    measure: async (live) => {
      const predictions = await predictor.predict(live);
      last = predictions;
      return Object.fromEntries(
        metrics.map((name) => [name, METRICS[name].compute(predictions, references)]),
      );
    },
    samples: () =>
      last.slice(0, SAMPLE_ROWS).map((prediction, index) => {
        const { source, target, references: accepted, image } = chosen[index]!;
        return { source, image, target, references: accepted && [...accepted], prediction };
      }),
    close: () => predictor.close(),
  };
}

/** At most `limit` rows, always the same for the same seed. */
export function drawRows<T extends Row>(rows: readonly T[], limit: number, seed: number): readonly T[] {
  return Array.from(shuffledOrder(rows.length, seed, 0).slice(0, limit), (index) => rows[index]!);
}

/**
 * Like {@link drawRows} for a stream that is read twice. Only the drawn rows are kept in memory.
 *
 * @throws SlmError DATA_INVALID without rows.
 */
export async function drawStreamedRows(
  open: () => AsyncIterable<Row>,
  limit: number,
  seed: number,
): Promise<readonly Row[]> {
  const count = await countOf(open());
  if (count === 0) throw new SlmError("DATA_INVALID", "dev split: expected at least one row, got none");
  const places = new Map(
    Array.from(shuffledOrder(count, seed, 0).slice(0, limit), (row, place) => [row, place]),
  );
  const drawn: Row[] = [];
  let index = 0;
  for await (const row of open()) {
    const place = places.get(index++);
    if (place !== undefined) drawn[place] = row;
  }
  return drawn;
}

async function countOf(rows: AsyncIterable<Row>): Promise<number> {
  const iterator = rows[Symbol.asyncIterator]();
  let count = 0;
  while ((await iterator.next()).done !== true) count += 1;
  return count;
}
