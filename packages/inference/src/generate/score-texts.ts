/** Log-likelihoods of given answers, from which perplexity is computed. */
import { SlmError } from "@slm/core";
import { planBatches } from "../options/batches.js";
import { checkedBatchSize, encodeSources, languagesFor } from "../options/model-limits.js";
import type { Likelihood, ScoredPair, ScoreOptions } from "../options/types.js";
import { isBlank } from "../evaluate/references.js";
import type { Decoding } from "../load/decoding.js";

/** One likelihood per pair, in order. @throws SlmError as `Model.score` */
export async function scoreTexts(
  decoding: Decoding,
  pairs: readonly ScoredPair[],
  { batchSize, languages, signal }: ScoreOptions,
): Promise<readonly Likelihood[]> {
  const { model, tokenizer, together } = decoding;
  const sources = pairs.map(({ source }) => source);
  const encoded = encodeSources(sources, tokenizer, { model, languages, asks: "score" }).map((source) => ({
    ...source,
    target: answerIds(decoding, pairs[source.row]!, source, languages),
  }));
  encoded.sort((x, y) => x.target.length - y.target.length);
  // Of sources that are decoded in turn, each has room for its own answer.
  const size = together === "none" ? 1 : checkedBatchSize(batchSize);
  const likelihoods = new Array<Likelihood>(pairs.length);
  for (const batch of planBatches(encoded, size, together === "equal-lengths")) {
    const decoded = await decoding.decode(batch, {
      strategy: { kind: "greedy" },
      given: (at) => batch[at]!.target,
      maxTokens: Math.max(...batch.map(({ target }) => target.length)),
      signal,
    });
    batch.forEach(({ row, target }, at) => {
      likelihoods[row] = { nats: -decoded[at]!.logProbability, tokens: target.length };
    });
  }
  return likelihoods;
}

/** Ids of the answer and the EOS token. @throws SlmError DATA_INVALID if they do not fit */
function answerIds(
  { model, tokenizer }: Decoding,
  { source, answer }: ScoredPair,
  { row, ids }: { readonly row: number; readonly ids: readonly number[] },
  languages: ScoreOptions["languages"],
): readonly number[] {
  const { architecture, maxTarget, tokens } = model;
  const answered = isBlank(answer) ? [] : tokenizer.encodeTarget(answer, languagesFor(source, languages));
  const target = [...answered, tokens.eos];
  // A decoder-only model keeps the source in the same cache.
  const room = architecture === "decoder-only" ? maxTarget - ids.length : maxTarget;
  if (target.length <= room) return target;
  throw new SlmError(
    "DATA_INVALID",
    `score: answer ${row + 1} has ${target.length} tokens including EOS, the model has room for ${room}`,
  );
}
