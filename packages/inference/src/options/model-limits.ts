/** Checks a request against the model's limits before anything runs. */
import type { DeviceModel } from "@slm/exported-model";
import type { Strategy } from "@slm/generation";
import { SlmError } from "@slm/core";
import { answerOpening, type LanguagePair, type Tokenizer } from "@slm/tokenizer";
import type { IndexedSource } from "./batches.js";
import type { Source } from "./types.js";

export const DEFAULT_BATCH = 16;

/** Number of decoder rows per source. */
export function rowsPerSource(strategy: Strategy): number {
  return strategy.kind === "beam" ? strategy.beams : 1;
}

/** @throws SlmError USAGE if the batch size is not a positive integer. */
export function checkedBatchSize(batchSize = DEFAULT_BATCH): number {
  if (!Number.isInteger(batchSize) || batchSize < 1) {
    throw new SlmError("USAGE", `generate: batchSize must be a positive integer, got ${batchSize}`);
  }
  return batchSize;
}

/** Limits of stop sequences, because every piece of text is compared with all of them. */
const MOST_STOPS = 64;
const LONGEST_STOP = 1024;

/** @throws SlmError USAGE for a sequence that is empty or too long, or too many of them. */
export function checkStops(stop: readonly string[] = []): void {
  const bad = stop.find((text) => text === "" || text.length > LONGEST_STOP);
  if (bad === undefined && stop.length <= MOST_STOPS) return;
  const got = bad === undefined ? `${stop.length} of them` : `one of ${bad.length}`;
  throw new SlmError(
    "USAGE",
    `generate: expected at most ${MOST_STOPS} stop sequences of 1 to ${LONGEST_STOP} characters, got ${got}`,
  );
}

/** @throws SlmError USAGE if the time is not a positive number. */
export function checkTime(maxTimeMs: number | undefined): void {
  if (maxTimeMs === undefined || (maxTimeMs > 0 && maxTimeMs < Infinity)) return;
  throw new SlmError("USAGE", `generate: maxTimeMs must be above 0, got ${maxTimeMs}`);
}

/** Tokenizes sources.
 *
 * @param asks names the caller in errors
 * @param languages default for sources without languages
 * @throws SlmError DATA_INVALID if a source is too long, is empty, contains an unknown symbol, has an image that a text-only model cannot read, or
 * lacks an image that the model needs; USAGE as `answerOpening`.
 */
export function encodeSources(
  sources: readonly Source[],
  tokenizer: Tokenizer,
  {
    model,
    languages,
    asks,
  }: {
    readonly model: DeviceModel;
    readonly languages?: LanguagePair | undefined;
    readonly asks: "generate" | "score";
  },
): readonly IndexedSource[] {
  return sources.map((source, row) => {
    const question = typeof source === "string" ? { text: source } : source;
    const where = `${asks}: source ${row + 1}`;
    const text = resolvePrompt(question, model, where);
    const pair = languagesFor(source, languages);
    const opening = answerOpening(tokenizer, pair, where);
    const ids = tokenizer.encodeSource(text, pair);
    checkLength(ids.length, model, where);
    return { row, text, ids, image: question.image, opening };
  });
}

/** Languages of a source: its own, otherwise `given`. */
export function languagesFor(source: Source, given: LanguagePair = {}): LanguagePair {
  const own = typeof source === "string" ? {} : (source.languages ?? {});
  return { source: own.source ?? given.source, target: own.target ?? given.target };
}

/** The prompt for an image, or for text alone.
 *
 * @param where names the source in errors
 * @throws SlmError DATA_INVALID for an image that a text-only model cannot read, for a missing image, or for a missing text.
 */
export function resolvePrompt(
  { text, image }: { readonly text?: string | undefined; readonly image?: unknown },
  { vision }: DeviceModel,
  where: string,
): string {
  const reject = (problem: string, ...suggestions: string[]): SlmError =>
    new SlmError("DATA_INVALID", `${where} ${problem}`, { suggestions });
  if (image !== undefined && vision === undefined)
    throw reject("has an image, but the model reads only text");
  if (image === undefined && vision !== undefined)
    throw reject("has no image, but the model needs one", "--image FILE");
  const asked = text ?? vision?.prompt;
  if (asked === undefined) throw reject("has no text, and the model has no default prompt", "--prompt TEXT");
  return asked;
}

/** @throws SlmError DATA_INVALID for a text with more `tokens` than the model's limit, including image tokens. */
export function checkLength(tokens: number, { maxSource, vision }: DeviceModel, where: string): void {
  const room = maxSource - (vision?.tokens ?? 0);
  if (tokens <= room) return;
  throw new SlmError(
    "DATA_INVALID",
    `${where} has ${tokens} tokens, the model reads at most ${room}${vision === undefined ? "" : " in addition to an image"}`,
    { context: { tokens, maxSource: room } },
  );
}

/**
 * Maximum number of tokens to generate after `prefix` tokens in the cache. Default: all that fit.
 *
 * @throws SlmError USAGE if `requested` does not fit, DATA_INVALID if the prefix alone leaves no room.
 */
export function roomForTokens(model: DeviceModel, prefix: number, requested: number | undefined): number {
  const room = model.maxTarget - prefix;
  if (room < 1) {
    throw new SlmError(
      "DATA_INVALID",
      `generate: a source of ${prefix} tokens fills the cache of ${model.maxTarget} tokens and leaves no room for an answer`,
    );
  }
  const wanted = requested ?? room;
  if (!Number.isInteger(wanted) || wanted < 1 || wanted > room) {
    const behind = prefix === 0 ? "" : ` after a source of ${prefix} tokens`;
    throw new SlmError("USAGE", `generate: maxTokens must be from 1 to ${room}${behind}, got ${wanted}`);
  }
  return wanted;
}
