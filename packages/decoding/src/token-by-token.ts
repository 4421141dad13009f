import { SlmError } from "@slm/core";
import { logSumExp, notFinite } from "./logits.js";
import {
  type DecodeOptions,
  type Decoded,
  type EndReason,
  checkInterrupted,
  isLate,
  stepRows,
} from "./options.js";
import type { TopTokens, StepDecoder } from "./step-decoder.js";

interface ChosenToken {
  readonly token: number;
  /** Under the unmodified model [nats]. */
  readonly logProbability: number;
}

export interface RowChoice {
  /** Feeds one token per row; returns a function that gives a row's next token, called once for every unfinished row. */
  readonly step: (feed: Int32Array) => Promise<(row: number) => ChosenToken>;
  /** Called when no step follows. */
  readonly end?: (() => Promise<void>) | undefined;
}

/** Tokens are chosen here: the decoder returns logits and each row's selector picks from them. */
export function selectToken(
  decoder: StepDecoder,
  selectorOf: (row: number) => (logits: Float32Array) => number,
): RowChoice {
  const selectors = Array.from({ length: decoder.rows }, (_, row) => selectorOf(row));
  return {
    step: async (feed) => {
      const logitsOf = await stepRows(decoder, feed);
      return (row) => {
        const logits = logitsOf(row);
        const token = selectors[row]!(logits);
        return { token, logProbability: logits[token]! - logSumExp(logits) };
      };
    },
  };
}

/** Tokens are chosen in the decoder: it picks the argmax and feeds it back itself. It reads only the first tokens given here. */
export function selectInDecoder(
  greedySteps: NonNullable<StepDecoder["greedySteps"]>,
  { eos, pad, maxTokens, signal }: DecodeOptions,
): RowChoice {
  const options = { eos, pad, steps: maxTokens, signal };
  let steps: AsyncIterator<TopTokens, unknown> | undefined;
  return {
    step: async (feed) => {
      steps ??= greedySteps(feed.slice(), options)[Symbol.asyncIterator]();
      const next = await steps.next();
      if (next.done === true) {
        checkInterrupted(signal);
        throw new SlmError("UNEXPECTED", "decoding: the decoder ended before its rows");
      }
      const { ids, logProbabilities } = next.value;
      return (row) => {
        const logProbability = logProbabilities[row]!;
        if (!Number.isFinite(logProbability)) throw notFinite();
        return { token: ids[row]!, logProbability };
      };
    },
    end: async () => {
      await steps?.return?.();
    },
  };
}

interface OpenRow {
  readonly tokens: number[];
  logProbability: number;
  reason: EndReason | undefined;
}

/** Decodes every row independently until it reaches `eos`, `maxTokens` or `stopsAfter`. */
export async function decodeTokenByToken(
  decoder: StepDecoder,
  options: DecodeOptions,
  choice: RowChoice,
): Promise<Decoded[]> {
  const rows = Array.from({ length: decoder.rows }, (): OpenRow => {
    return { tokens: [], logProbability: 0, reason: undefined };
  });
  try {
    await fillRows(rows, options, choice);
  } finally {
    await choice.end?.();
  }
  return rows.map(({ tokens, logProbability, reason = "length" }) => {
    return { tokens, logProbability, finished: reason === "eos", reason };
  });
}

async function fillRows(
  rows: readonly OpenRow[],
  options: DecodeOptions,
  { step }: RowChoice,
): Promise<void> {
  const { bos, eos, pad, maxTokens, onToken, stopsAfter, signal } = options;
  const feed = new Int32Array(rows.length).fill(bos);
  let isLast = false;
  for (let length = 1; !isLast && rows.some(({ reason }) => reason === undefined); length++) {
    checkInterrupted(signal);
    const chosen = await step(feed);
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
}
