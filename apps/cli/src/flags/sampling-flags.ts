/** Sampling flags, and flags that end a text. */
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

/** Flags that change token scores. */
export const PENALTIES = ["repetition-penalty", "presence-penalty", "frequency-penalty"] as const;

export const samplingFlags = {
  beams: Flags.integer({
    min: 1,
    helpValue: "<n>",
    helpGroup: GROUP,
    summary: "Beam search with n beams. Default: greedy.",
    exclusive: ["temperature"],
  }),
  temperature: numberFlag("temperature", "Sample at this temperature. Default: 0, greedy.", {
    min: 0,
    includesMin: true,
    max: 100,
  })(),
  "top-k": Flags.integer({
    min: 1,
    helpValue: "<n>",
    helpGroup: GROUP,
    summary: "Top-k: sample from the n most probable tokens.",
    dependsOn: ["temperature"],
  }),
  "top-p": numberFlag("top-p", "Top-p: sample from the fewest tokens whose probabilities reach this sum.", {
    ...SHARE,
    includesMin: false,
  })({ dependsOn: ["temperature"] }),
  "min-p": numberFlag(
    "min-p",
    "Min-p: sample from tokens with at least this fraction of the top-1 probability.",
    SHARE,
  )({
    dependsOn: ["temperature"],
  }),
  seed: Flags.integer({
    min: 0,
    helpValue: "<n>",
    helpGroup: GROUP,
    summary: "Seed of sampling, per prompt: the same seed and prompt give the same text. Default: 1.",
    dependsOn: ["temperature"],
  }),
  "repetition-penalty": numberFlag(
    "repetition-penalty",
    "Repetition penalty, as in Hugging Face's generate: above 1 discourages tokens that occurred.",
    { min: 0, includesMin: false, max: 100 },
  )(),
  "presence-penalty": numberFlag(
    "presence-penalty",
    "Presence penalty, as in OpenAI's API: subtracted from the logit of every token of the answer so far.",
    PENALTY,
  )(),
  "frequency-penalty": numberFlag(
    "frequency-penalty",
    "Frequency penalty, as in OpenAI's API: subtracted once per occurrence in the answer so far.",
    PENALTY,
  )(),
  "json-schema": Flags.string({
    helpValue: "<file>",
    helpGroup: GROUP,
    summary: "JSON Schema that constrains the answer.",
  }),
  stop: Flags.string({
    multiple: true,
    multipleNonGreedy: true,
    default: [],
    helpValue: "<text>",
    helpGroup: GROUP,
    summary: "Stop text: the answer ends before it; may be repeated.",
  }),
  "max-tokens": Flags.integer({
    min: 1,
    helpValue: "<n>",
    helpGroup: GROUP,
    summary: "Largest number of tokens of an answer.",
  }),
  "max-time": numberFlag(
    "max-time",
    "Time limit for a batch of answers [s]; the step in progress is finished.",
    {
      min: 0,
      includesMin: false,
      max: 86_400,
    },
  )(),
};

/** The flags as parsed by oclif. */
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

/** The flags under the library's names. */
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
