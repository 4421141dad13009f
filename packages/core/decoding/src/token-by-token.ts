import { logSumExp } from "./logits.js";
import { type DecodeOptions, type Decoded, checkInterrupted, stepRows } from "./options.js";
import type { StepDecoder } from "./step-decoder.js";

/** Every row on its own: `choose` picks its next token until it picks `eos` or the row is full. */
export async function decodeTokenByToken(
  decoder: StepDecoder,
  options: DecodeOptions,
  choose: (logits: Float32Array) => number,
): Promise<Decoded[]> {
  const { bos, eos, pad, maxTokens, onToken, signal } = options;
  const rows = Array.from({ length: decoder.rows }, () => ({
    tokens: [] as number[],
    logProbability: 0,
    finished: false,
  }));
  const feed = new Int32Array(decoder.rows).fill(bos);
  for (let length = 0; length < maxTokens && rows.some(({ finished }) => !finished); length++) {
    checkInterrupted(signal);
    const logitsOf = await stepRows(decoder, feed);
    feed.fill(pad);
    rows.forEach((row, at) => {
      if (row.finished) return;
      const logits = logitsOf(at);
      const token = choose(logits);
      row.logProbability += logits[token]! - logSumExp(logits);
      row.finished = token === eos;
      if (row.finished) return;
      row.tokens.push(token);
      feed[at] = token;
      onToken?.(at, token);
    });
  }
  return rows;
}
