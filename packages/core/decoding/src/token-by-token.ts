import { logSumExp, notFinite } from "./logits.js";
import {
  type DecodeOptions,
  type Decoded,
  type EndReason,
  checkInterrupted,
  isLate,
  stepRows,
} from "./options.js";
import type { StepDecoder } from "./step-decoder.js";

export interface ChosenToken {
  readonly token: number;
  /** Under the model itself [nats]. */
  readonly logProbability: number;
}

/** Feeds one token per row; tells a row's next token when asked, once per row that still runs. */
export type RowChoice = (feed: Int32Array) => Promise<(row: number) => ChosenToken>;

/** Logits leave the decoder, and each row's chooser picks from them. */
export function chooseFromLogits(
  decoder: StepDecoder,
  chooserOf: (row: number) => (logits: Float32Array) => number,
): RowChoice {
  const choosers = Array.from({ length: decoder.rows }, (_, row) => chooserOf(row));
  return async (feed) => {
    const logitsOf = await stepRows(decoder, feed);
    return (row) => {
      const logits = logitsOf(row);
      const token = choosers[row]!(logits);
      return { token, logProbability: logits[token]! - logSumExp(logits) };
    };
  };
}

/** The decoder picks the likeliest token itself. */
export function chooseInDecoder(stepBest: NonNullable<StepDecoder["stepBest"]>): RowChoice {
  return async (feed) => {
    const { ids, logProbabilities } = await stepBest(feed);
    return (row) => {
      const logProbability = logProbabilities[row]!;
      if (!Number.isFinite(logProbability)) throw notFinite();
      return { token: ids[row]!, logProbability };
    };
  };
}

interface OpenRow {
  readonly tokens: number[];
  logProbability: number;
  reason: EndReason | undefined;
}

/** Every row on its own, until it comes to `eos`, is full or somebody ends it. */
export async function decodeTokenByToken(
  decoder: StepDecoder,
  options: DecodeOptions,
  choose: RowChoice,
): Promise<Decoded[]> {
  const { bos, eos, pad, maxTokens, onToken, stopsAfter, signal } = options;
  const rows = Array.from({ length: decoder.rows }, (): OpenRow => {
    return { tokens: [], logProbability: 0, reason: undefined };
  });
  const feed = new Int32Array(decoder.rows).fill(bos);
  let isLast = false;
  for (let length = 1; !isLast && rows.some(({ reason }) => reason === undefined); length++) {
    checkInterrupted(signal);
    const chosen = await choose(feed);
    const late = isLate(options);
    isLast = late || length === maxTokens;
    feed.fill(pad);
    rows.forEach((row, at) => {
      if (row.reason !== undefined) return;
      const { token, logProbability } = chosen(at);
      row.logProbability += logProbability;
      if (token === eos) {
        row.reason = "eos";
        return;
      }
      row.tokens.push(token);
      feed[at] = token;
      onToken?.(at, token);
      if (stopsAfter?.(at, row.tokens) === true) row.reason = "stop";
      else if (isLast) row.reason = late ? "time" : "length";
    });
  }
  return rows.map(({ tokens, logProbability, reason = "length" }) => {
    return { tokens, logProbability, finished: reason === "eos", reason };
  });
}
