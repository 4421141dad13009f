/**
 * Draws next tokens where the logits are: `sampleToken` of `@slm/generation` as a graph, in float32.
 *
 * The host draws one number per row and step, so that a seed yields the same tokens on a device as on the host. The order of the candidates is exact
 * (by logit, ties by the lowest id; in id order if no filter is set). So is the number of tokens that top-k keeps, and a token with probability zero
 * is never drawn. Cumulative probabilities are rounded to about 1e-5 of their sum. The drawn token can differ from the host's if the random number,
 * or the bound of top-p, is closer than that to the border between two tokens. Min-p compares logits, not their exponentials, because float32 rounds
 * those to 1 for every token at a high temperature.
 */
import type { SamplingOptions } from "@slm/generation";
import { GRAPH_IO } from "@slm/exported-model";
import { GraphBuilder, int, type Graph } from "@slm/onnx";
import { prefixSums } from "./prefix-sums.js";
import {
  countOf,
  intOutput,
  isTrue,
  largest,
  LOGITS,
  places,
  rowFacts,
  ROWS,
  valueAt,
  type RowFacts,
} from "./row-facts.js";

/** Inputs besides the logits: float32 `[rows, 1]` in [0, 1), and the numbers of {@link samplingNumbers}. */
export const UNIFORM = "uniform";
export const SAMPLING = "sampling";

/** The properties that determine a graph. Other settings are inputs. */
export interface SamplingShape {
  readonly vocabularySize: number;
  /** Number of sorted candidates. Absent: no filter is set, and nothing is sorted. */
  readonly candidates: number | undefined;
}

/** The shape for these options. The number of candidates for top-k is a power of two, so that a few graphs serve all values. */
export function samplingShape(
  vocabularySize: number,
  { topK, topP = 1, minP = 0 }: SamplingOptions,
): SamplingShape {
  const most = Math.min(topK ?? vocabularySize, vocabularySize);
  if (most === vocabularySize && topP === 1 && minP === 0) return { vocabularySize, candidates: undefined };
  return { vocabularySize, candidates: Math.min(2 ** Math.ceil(Math.log2(most)), vocabularySize) };
}

/** Lowest temperature that float32 can divide by. Below it, the most probable token is just as certain. */
const LOWEST_TEMPERATURE = 1e-30;

/** The input {@link SAMPLING}: float32 `[4]`, one value for each of {@link SETTINGS}. */
export const samplingNumbers = (
  vocabularySize: number,
  { temperature, topK = vocabularySize, topP = 1, minP = 0 }: SamplingOptions,
): Float32Array =>
  Float32Array.of(
    Math.max(temperature, LOWEST_TEMPERATURE),
    Math.min(topK, vocabularySize),
    topP,
    Math.log(minP),
  );

/** The first 24 bits of a number in [0, 1): the largest float32 that is not above it, and below 1. */
export const uniform24 = (number: number): number => Math.floor(number * 2 ** 24) / 2 ** 24;

/**
 * The graph of a shape.
 *
 * ```
 * logits ─ (TopK) ─ less the largest ─ ÷ temperature ─ Exp ─ prefix sums ─┬─ how many are kept, and their sum
 * uniform · sum of the kept ──────────────────────────────────────────────┴─ how many sums are not above it = place of the token
 * ```
 *
 * Outputs: `best_ids` int32 `[rows, 1]`, the drawn token, and `best_log_probabilities` float32 `[rows, 1]`, under the unmodified model.
 */
export function samplingGraph({ vocabularySize, candidates }: SamplingShape): Graph {
  const builder = new GraphBuilder("sampling");
  builder.input(LOGITS, "float32", [ROWS, vocabularySize]);
  builder.input(UNIFORM, "float32", [ROWS, 1]);
  builder.input(SAMPLING, "float32", [4]);
  const facts = rowFacts(builder);
  const drawn =
    candidates === undefined
      ? drawnOfAll(builder, facts, vocabularySize)
      : drawnOfSorted(builder, facts, { of: vocabularySize, count: candidates });
  intOutput(builder, GRAPH_IO.bestIds, drawn.id, 1);
  const logProbability = builder.op("Sub", [drawn.shifted, facts.logSum]);
  builder.output(GRAPH_IO.bestLogProbabilities, logProbability, "float32", [ROWS, 1]);
  return builder.build();
}

/** A drawn token of each row, and its logit minus the largest; both float32 `[rows, 1]`. */
interface Drawn {
  readonly id: string;
  readonly shifted: string;
}

function drawnOfAll(builder: GraphBuilder, { shifted }: RowFacts, vocabularySize: number): Drawn {
  const { sums, length } = prefixSums(
    builder,
    builder.op("Exp", [tempered(builder, shifted)]),
    vocabularySize,
  );
  const total = column(builder, sums, length - 1);
  const last = builder.constant("float32", [], [vocabularySize - 1]);
  const id = placeOf(builder, sums, { total, last });
  return { id, shifted: valueAt(builder, shifted, { place: id, count: vocabularySize }) };
}

function drawnOfSorted(
  builder: GraphBuilder,
  { highest }: RowFacts,
  { of, count }: { readonly of: number; readonly count: number },
): Drawn {
  // Differences are rounded, and could tie although the logits differ.
  const sorted = largest(builder, LOGITS, count).values;
  const one = builder.constant("float32", [], [1]);
  const isTop = builder.op("Less", [places(builder, count), setting(builder, "topK")]);
  const scaled = tempered(builder, builder.op("Sub", [sorted, highest]));
  const kept = builder.op("Where", [
    isTop,
    builder.op("Exp", [scaled]),
    builder.constant("float32", [], [0]),
  ]);
  const { sums, length } = prefixSums(builder, kept, count);
  const enough = builder.op("Mul", [column(builder, sums, length - 1), setting(builder, "topP")]);
  const nucleus = builder.op("Add", [countOf(builder, builder.op("Less", [sums, enough])), one]);
  // The most probable token has the weight 1, whose logarithm is 0.
  const probable = countOf(builder, builder.op("GreaterOrEqual", [scaled, setting(builder, "logMinP")]));
  const last = builder.op("Sub", [
    builder.op("Min", [builder.op("Min", [nucleus, probable]), builder.constant("float32", [], [count])]),
    one,
  ]);
  const total = valueAt(builder, sums, { place: last, count: length });
  const place = placeOf(builder, sums, { total, last });
  const logit = valueAt(builder, sorted, { place, count });
  return { id: idOf(builder, { place, logit, of }), shifted: builder.op("Sub", [logit, highest]) };
}

/**
 * The id at a position of the sorted logits, found by its logit and its rank among equal logits. Providers order equal logits in `TopK` differently
 * (CUDA's kernel for a few hundred candidates uses any order).
 */
function idOf(
  builder: GraphBuilder,
  { place, logit, of }: { readonly place: string; readonly logit: string; readonly of: number },
): string {
  const above = countOf(builder, builder.op("Greater", [LOGITS, logit]));
  const rank = builder.op("Sub", [place, above]);
  const { sums } = prefixSums(builder, isTrue(builder, builder.op("Equal", [LOGITS, logit])), of);
  const before = countOf(builder, builder.op("LessOrEqual", [sums, rank]));
  return builder.op("Min", [before, builder.constant("float32", [], [of - 1])]);
}

/** x / temperature: the logarithm of a token's weight. */
const tempered = (builder: GraphBuilder, x: string): string =>
  builder.op("Div", [x, setting(builder, "temperature")]);

/** The first position with a sum above the row's random part of the total. Never after the last position, even if a product is rounded up. */
function placeOf(
  builder: GraphBuilder,
  sums: string,
  { total, last }: { readonly total: string; readonly last: string },
): string {
  const target = builder.op("Mul", [UNIFORM, total]);
  return builder.op("Min", [countOf(builder, builder.op("LessOrEqual", [sums, target])), last]);
}

const SETTINGS = ["temperature", "topK", "topP", "logMinP"] as const;

/** One of {@link samplingNumbers}: float32 `[1]`. */
const setting = (builder: GraphBuilder, name: (typeof SETTINGS)[number]): string =>
  builder.op("Gather", [SAMPLING, builder.ints([SETTINGS.indexOf(name)])], { attributes: { axis: int(0) } });

/** One position of every row: float32 `[rows, 1]`. */
const column = (builder: GraphBuilder, x: string, place: number): string =>
  builder.op("Gather", [x, builder.ints([place])], { attributes: { axis: int(1) } });
