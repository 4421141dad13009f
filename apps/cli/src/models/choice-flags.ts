/** Flags that say how tokens are chosen and when a text ends, and the options they mean. */
import { Flags } from "@oclif/core";
import type { Strategy, TokenRules } from "@slm/decoding";
import { SlmError } from "@slm/core/errors";
import type { GenerateOptions } from "@slm/inference";

const GROUP = "CHOICE OF TOKENS";

/** A number that an option takes; `min` itself only where `includesMin`. */
function numberFlag(name: string, summary: string, range: Range) {
  return Flags.custom<number>({
    helpValue: "<x>",
    helpGroup: GROUP,
    summary,
    parse: (text) => Promise.resolve(parseNumber(name, text, range)),
  });
}

interface Range {
  readonly min: number;
  readonly includesMin: boolean;
  readonly max: number;
}

function parseNumber(name: string, text: string, { min, includesMin, max }: Range): number {
  const value = text.trim() === "" ? Number.NaN : Number(text);
  if (value <= max && (includesMin ? value >= min : value > min)) return value;
  const expected = `${includesMin ? "from" : "above"} ${min} to ${max}`;
  throw new SlmError("USAGE", `--${name}: expected a number ${expected}, got ${text}`);
}

const SHARE = { min: 0, includesMin: true, max: 1 };
const PENALTY = { min: -2, includesMin: true, max: 2 };

/** Flags that change the scores tokens are chosen by. */
export const PENALTIES = ["repetition-penalty", "presence-penalty", "frequency-penalty"] as const;

export const choiceFlags = {
  beams: Flags.integer({
    min: 1,
    helpValue: "<n>",
    helpGroup: GROUP,
    summary: "Beam search with n beams. Default: greedy.",
    exclusive: ["temperature"],
  }),
  temperature: numberFlag(
    "temperature",
    "Draw tokens at this temperature; 0 takes the likeliest, the default.",
    {
      min: 0,
      includesMin: true,
      max: 100,
    },
  )(),
  "top-k": Flags.integer({
    min: 1,
    helpValue: "<n>",
    helpGroup: GROUP,
    summary: "Draw among the n likeliest tokens.",
    dependsOn: ["temperature"],
  }),
  "top-p": numberFlag("top-p", "Draw among the fewest tokens whose probabilities reach this sum.", {
    ...SHARE,
    includesMin: false,
  })({ dependsOn: ["temperature"] }),
  "min-p": numberFlag(
    "min-p",
    "Draw among tokens at least this many times as probable as the likeliest.",
    SHARE,
  )({
    dependsOn: ["temperature"],
  }),
  seed: Flags.integer({
    min: 0,
    helpValue: "<n>",
    helpGroup: GROUP,
    summary: "Draws repeat with the same seed, prompt by prompt. Default: 1.",
    dependsOn: ["temperature"],
  }),
  "repetition-penalty": numberFlag(
    "repetition-penalty",
    "Above 1 discourages tokens that were seen, as in Hugging Face's generate.",
    { min: 0, includesMin: false, max: 100 },
  )(),
  "presence-penalty": numberFlag(
    "presence-penalty",
    "Taken off the score of every token of the answer so far, as in OpenAI's API.",
    PENALTY,
  )(),
  "frequency-penalty": numberFlag(
    "frequency-penalty",
    "Taken off a token's score as often as it stands in the answer so far, as in OpenAI's API.",
    PENALTY,
  )(),
  "json-schema": Flags.string({
    helpValue: "<file>",
    helpGroup: GROUP,
    summary: "Answer with JSON that this JSON Schema allows.",
  }),
  stop: Flags.string({
    multiple: true,
    multipleNonGreedy: true,
    default: [],
    helpValue: "<text>",
    helpGroup: GROUP,
    summary: "End an answer before this text; may be repeated.",
  }),
  "max-tokens": Flags.integer({
    min: 1,
    helpValue: "<n>",
    helpGroup: GROUP,
    summary: "Most tokens of an answer.",
  }),
  "max-time": numberFlag(
    "max-time",
    "Longest time for a batch of answers [s]; the step in progress is the last.",
    {
      min: 0,
      includesMin: false,
      max: 86_400,
    },
  )(),
};

export interface ChoiceFlags {
  readonly beams?: number | undefined;
  readonly temperature?: number | undefined;
  readonly "top-k"?: number | undefined;
  readonly "top-p"?: number | undefined;
  readonly "min-p"?: number | undefined;
  readonly seed?: number | undefined;
  readonly "repetition-penalty"?: number | undefined;
  readonly "presence-penalty"?: number | undefined;
  readonly "frequency-penalty"?: number | undefined;
  readonly stop: readonly string[];
  readonly "max-tokens"?: number | undefined;
  readonly "max-time"?: number | undefined;
}

/** Seed of draws when none is given: answers repeat unless asked not to. */
const DEFAULT_SEED = 1;

/** What generation is asked by the flags. */
export function choiceOptions(flags: ChoiceFlags): GenerateOptions {
  const { stop, "max-tokens": maxTokens, "max-time": maxSeconds } = flags;
  const strategy = strategyOf(flags);
  return {
    strategy,
    rules: rulesOf(flags),
    stop,
    ...(strategy.kind === "sample" ? { seed: flags.seed ?? DEFAULT_SEED } : {}),
    ...(maxTokens === undefined ? {} : { maxTokens }),
    ...(maxSeconds === undefined ? {} : { maxTimeMs: maxSeconds * 1000 }),
  };
}

/** Beams are ranked by mean log-probability, so that long answers are not at a disadvantage. */
const LENGTH_PENALTY = 1;

export const beamSearch = (beams: number): Strategy => ({
  kind: "beam",
  beams,
  lengthPenalty: LENGTH_PENALTY,
});

function strategyOf({ beams, temperature = 0, ...flags }: ChoiceFlags): Strategy {
  if (beams !== undefined) return beamSearch(beams);
  if (temperature === 0) return { kind: "greedy" };
  const { "top-k": topK, "top-p": topP, "min-p": minP } = flags;
  return {
    kind: "sample",
    temperature,
    ...(topK === undefined ? {} : { topK }),
    ...(topP === undefined ? {} : { topP }),
    ...(minP === undefined ? {} : { minP }),
  };
}

function rulesOf(flags: ChoiceFlags): TokenRules {
  const {
    "repetition-penalty": repetitionPenalty = 1,
    "presence-penalty": presencePenalty = 0,
    "frequency-penalty": frequencyPenalty = 0,
  } = flags;
  return { repetitionPenalty, presencePenalty, frequencyPenalty };
}
