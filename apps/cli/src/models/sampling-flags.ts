/** Flags that say how tokens are chosen and when a text ends. */
import { Flags } from "@oclif/core";
import { SlmError } from "@slm/core/errors";
import type { SamplingOptions } from "@slm/inference";

const GROUP = "SAMPLING";

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

export const samplingFlags = {
  beams: Flags.integer({
    min: 1,
    helpValue: "<n>",
    helpGroup: GROUP,
    summary: "Beam search with n beams. Default: greedy.",
    exclusive: ["temperature"],
  }),
  temperature: numberFlag(
    "temperature",
    "Draw tokens at this temperature; 0 takes the most probable, the default.",
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
    summary: "Draw among the n most probable tokens.",
    dependsOn: ["temperature"],
  }),
  "top-p": numberFlag("top-p", "Draw among the fewest tokens whose probabilities reach this sum.", {
    ...SHARE,
    includesMin: false,
  })({ dependsOn: ["temperature"] }),
  "min-p": numberFlag(
    "min-p",
    "Draw among tokens at least this many times as probable as the most probable.",
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

/** What oclif makes of the flags. */
export interface SamplingFlags extends Pick<SamplingOptions, "beams" | "temperature" | "seed" | "stop"> {
  readonly "top-k"?: number | undefined;
  readonly "top-p"?: number | undefined;
  readonly "min-p"?: number | undefined;
  readonly "repetition-penalty"?: number | undefined;
  readonly "presence-penalty"?: number | undefined;
  readonly "frequency-penalty"?: number | undefined;
  readonly "max-tokens"?: number | undefined;
  readonly "max-time"?: number | undefined;
}

/** The flags by the names of the library. */
export function samplingOptions({
  beams,
  temperature,
  seed,
  stop,
  ...flags
}: SamplingFlags): SamplingOptions {
  return {
    beams,
    temperature,
    seed,
    stop,
    topK: flags["top-k"],
    topP: flags["top-p"],
    minP: flags["min-p"],
    repetitionPenalty: flags["repetition-penalty"],
    presencePenalty: flags["presence-penalty"],
    frequencyPenalty: flags["frequency-penalty"],
    maxTokens: flags["max-tokens"],
    maxSeconds: flags["max-time"],
  };
}
