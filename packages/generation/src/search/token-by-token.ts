import { SlmError } from "@slm/core";
import { logSumExp, notFinite } from "../sampling/logits.js";
import {
  type DecodeOptions,
  type Decoded,
  type EndReason,
  checkInterrupted,
  isLate,
  startOf,
  stepRows,
} from "./options.js";
import type { SamplingOptions } from "../sampling/sampling.js";
import type { TopTokens, StepDecoder } from "./step-decoder.js";
import { isEnd } from "../rules/token-rules.js";

interface ChosenToken {
  readonly token: number;
  /** Under the unmodified model [nats]. */
  readonly logProbability: number;
}

export interface RowChoice {
  /**
   * Feeds one token per row of the decoder; returns a function that gives the next token of a row of the decoder, called once for every
   * unfinished one.
   *
   * @param places the unfinished result that each row of the decoder belongs to
   */
  readonly step: (
    feed: Int32Array,
    places: readonly (number | undefined)[],
  ) => Promise<(row: number) => ChosenToken>;
  /** See `StepDecoder`. */
  readonly keepRows?: StepDecoder["keepRows"] | undefined;
  /** Called if no step follows. */
  readonly end?: (() => Promise<void>) | undefined;
}

/** Tokens are chosen here: the decoder returns logits, and each row's selector picks a token. */
export function selectToken(
  decoder: StepDecoder,
  selectorOf: (row: number) => (logits: Float32Array) => number,
): RowChoice {
  const selectors = Array.from({ length: decoder.rows }, (_, row) => selectorOf(row));
  return {
    step: async (feed, places) => {
      const logitsOf = await stepRows(decoder, feed);
      return (row) => {
        const logits = logitsOf(row);
        const token = selectors[places[row]!]!(logits);
        return { token, logProbability: logits[token]! - logSumExp(logits) };
      };
    },
    keepRows: decoder.keepRows?.bind(decoder),
  };
}

/**
 * Nothing is chosen: rows are fed given tokens. All rows stay until the last one ends, because in some weight formats the input of one row affects the
 * others.
 *
 * @throws SlmError DATA_INVALID if the model gives one of the tokens probability zero
 */
export function feedGiven(decoder: StepDecoder, given: NonNullable<DecodeOptions["given"]>): RowChoice {
  let steps = 0;
  return {
    step: async (feed, places) => {
      const logitsOf = await stepRows(decoder, feed);
      const at = steps++;
      return (row) => {
        const logits = logitsOf(row);
        const token = given(places[row]!)[at]!;
        const logProbability = logits[token]! - logSumExp(logits);
        if (Number.isFinite(logProbability)) return { token, logProbability };
        throw new SlmError(
          "DATA_INVALID",
          `decoding: expected a finite likelihood of token ${token}, got ${logProbability}`,
          { context: { token }, suggestions: ["slm export CHECKPOINT --target cpu"] },
        );
      };
    },
  };
}

/** Tokens are chosen in the decoder, one step at a time, by argmax. */
export function selectTop(
  topStep: NonNullable<StepDecoder["topStep"]>,
  keepRows: StepDecoder["keepRows"],
): RowChoice {
  return {
    step: async (feed) => {
      const top = await topStep(feed);
      return (row) => tokenAt(top, row);
    },
    keepRows,
  };
}

/** Tokens are drawn in the decoder, one step at a time, with the random numbers that would be used here. */
export function selectSampled(
  sampleStep: NonNullable<StepDecoder["sampleStep"]>,
  {
    strategy: sampling,
    random,
    keepRows,
  }: {
    readonly strategy: SamplingOptions;
    readonly random: (row: number) => number;
    readonly keepRows: StepDecoder["keepRows"];
  },
): RowChoice {
  return {
    step: async (feed, places) => {
      const numbers = Float64Array.from(places, (place) => (place === undefined ? 0 : random(place)));
      const drawn = await sampleStep(feed, { sampling, random: numbers });
      return (row) => tokenAt(drawn, row);
    },
    keepRows,
  };
}

/** Tokens are chosen in the decoder, which feeds its argmax back itself. It reads only the first tokens from here. */
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
        throw new SlmError("UNEXPECTED", "decoding: the decoder stopped before its rows had ended");
      }
      const top = next.value;
      return (row) => tokenAt(top, row);
    },
    end: async () => {
      await steps?.return?.();
    },
  };
}

/** @throws SlmError DATA_INVALID if the logits were not finite */
function tokenAt({ ids, logProbabilities }: TopTokens, row: number): ChosenToken {
  const logProbability = logProbabilities[row]!;
  if (!Number.isFinite(logProbability)) throw notFinite();
  return { token: ids[row]!, logProbability };
}

interface OpenRow {
  readonly tokens: number[];
  logProbability: number;
  reason: EndReason | undefined;
  end: number | undefined;
}

/** Decodes every row independently until it reaches `eos`, `maxTokens` or `stopsAfter`. */
export async function decodeTokenByToken(
  decoder: StepDecoder,
  options: DecodeOptions,
  choice: RowChoice,
): Promise<Decoded[]> {
  const rows = Array.from({ length: decoder.rows }, (): OpenRow => {
    return { tokens: [], logProbability: 0, reason: undefined, end: undefined };
  });
  try {
    await fillRows(rows, options, choice);
  } finally {
    await choice.end?.();
  }
  return rows.map(({ tokens, logProbability, reason = "length", end }) => {
    return { tokens, logProbability, finished: reason === "eos", end, reason };
  });
}

async function fillRows(
  rows: readonly OpenRow[],
  options: DecodeOptions,
  { step, keepRows }: RowChoice,
): Promise<void> {
  const { pad, maxTokens, onToken, stopsAfter, signal } = options;
  let feed = Int32Array.from(rows, (_, row) => startOf(options, row));
  /** The result that each row of the decoder belongs to; undefined for padding rows. */
  let places: readonly (number | undefined)[] = rows.map((_, place) => place);
  let isLast = false;
  for (let length = 1; !isLast && rows.some(({ reason }) => reason === undefined); length++) {
    checkInterrupted(signal);
    const unfinished = places.map((place) => (isOpen(rows, place) ? place : undefined));
    const chosen = await step(feed, unfinished);
    const late = isLate(options);
    isLast = late || length === maxTokens;
    feed.fill(pad);
    for (let at = 0; at < places.length; at++) {
      const place = places[at];
      const row = place === undefined ? undefined : rows[place];
      if (place === undefined || row === undefined || row.reason !== undefined) continue;
      const { token, logProbability } = chosen(at);
      row.logProbability += logProbability;
      if (isEnd(options, token)) {
        row.reason = "eos";
        row.end = token;
        continue;
      }
      row.tokens.push(token);
      feed[at] = token;
      onToken?.(place, token);
      if (stopsAfter?.(place, row.tokens) === true) row.reason = "stop";
      else if (isLast) row.reason = late ? "time" : "length";
    }
    if (keepRows === undefined) continue;
    const open = [...places.keys()].filter((at) => isOpen(rows, places[at]));
    const kept = open.length === 0 ? undefined : await keepRows(open);
    if (kept === undefined) continue;
    feed = Int32Array.from(kept, (at) => feed[at]!);
    places = kept.map((at, row) => (kept.indexOf(at) === row ? places[at] : undefined));
  }
}

const isOpen = (rows: readonly OpenRow[], place: number | undefined): boolean =>
  place !== undefined && rows[place]!.reason === undefined;
