import { logSumExp } from "./logits.js";
import {
  type DecodeOptions,
  type Decoded,
  type EndReason,
  checkInterrupted,
  isLate,
  stepRows,
} from "./options.js";
import type { StepDecoder } from "./step-decoder.js";

interface OpenRow {
  readonly tokens: number[];
  logProbability: number;
  reason: EndReason | undefined;
}

/** Every row on its own: its chooser picks the next token until it picks `eos`, the row is full or somebody ends it. */
export async function decodeTokenByToken(
  decoder: StepDecoder,
  options: DecodeOptions,
  chooserOf: (row: number) => (logits: Float32Array) => number,
): Promise<Decoded[]> {
  const { bos, eos, pad, maxTokens, onToken, stopsAfter, signal } = options;
  const rows = Array.from({ length: decoder.rows }, (_, at) => {
    const row: OpenRow = { tokens: [], logProbability: 0, reason: undefined };
    return { row, choose: chooserOf(at) };
  });
  const feed = new Int32Array(decoder.rows).fill(bos);
  let isLast = false;
  for (let length = 1; !isLast && rows.some(({ row }) => row.reason === undefined); length++) {
    checkInterrupted(signal);
    const logitsOf = await stepRows(decoder, feed);
    const late = isLate(options);
    isLast = late || length === maxTokens;
    feed.fill(pad);
    rows.forEach(({ row, choose }, at) => {
      if (row.reason !== undefined) return;
      const logits = logitsOf(at);
      const token = choose(logits);
      row.logProbability += logits[token]! - logSumExp(logits);
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
  return rows.map(({ row: { tokens, logProbability, reason = "length" } }) => {
    return { tokens, logProbability, finished: reason === "eos", reason };
  });
}
