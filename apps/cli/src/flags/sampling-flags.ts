/** Flags for sampling, and for when an answer ends. */
import { Flags, type Interfaces } from "@oclif/core";
import { SlmError } from "@slm/core/errors";
import type { SamplingOptions } from "@slm/inference";
import { optionsOf } from "./options-of.js";

const GROUP = "SAMPLING";

/** A flag for a number in a range; `includesMin` says whether the range includes `min`. */
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

export const samplingFlags = {
  beams: Flags.integer({
    min: 1,
    helpValue: "<n>",
    helpGroup: GROUP,
    summary: "Search with n beams. Default: greedy decoding.",
    exclusive: ["temperature"],
  }),
  temperature: numberFlag("temperature", "Sample at this temperature. Default: 0 (greedy decoding).", {
    min: 0,
    includesMin: true,
    max: 100,
  })(),
  "top-k": Flags.integer({
    min: 1,
    helpValue: "<n>",
    helpGroup: GROUP,
    summary: "Sample from the n most probable tokens only.",
    dependsOn: ["temperature"],
  }),
  "top-p": numberFlag("top-p", "Sample from the most probable tokens whose probabilities add up to this.", {
    ...SHARE,
    includesMin: false,
  })({ dependsOn: ["temperature"] }),
  "min-p": numberFlag(
    "min-p",
    "Sample from tokens with at least this fraction of the highest probability.",
    SHARE,
  )({
    dependsOn: ["temperature"],
  }),
  seed: Flags.integer({
    min: 0,
    helpValue: "<n>",
    helpGroup: GROUP,
    summary: "Sample each prompt with this seed; same seed and prompt, same text. Default: 1.",
    dependsOn: ["temperature"],
  }),
  "repetition-penalty": numberFlag(
    "repetition-penalty",
    "Penalize repeated tokens, if above 1, as in Hugging Face's generate.",
    { min: 0, includesMin: false, max: 100 },
  )(),
  "presence-penalty": numberFlag(
    "presence-penalty",
    "Subtract this from the logit of every token of the answer so far, as in OpenAI's API.",
    PENALTY,
  )(),
  "frequency-penalty": numberFlag(
    "frequency-penalty",
    "Subtract this from a token's logit once per occurrence in the answer so far, as in OpenAI's API.",
    PENALTY,
  )(),
  "json-schema": Flags.string({
    helpValue: "<file>",
    helpGroup: GROUP,
    summary: "Constrain the answer to this JSON Schema.",
  }),
  stop: Flags.string({
    multiple: true,
    multipleNonGreedy: true,
    default: [],
    helpValue: "<text>",
    helpGroup: GROUP,
    summary: "End the answer before this text; repeatable.",
  }),
  "max-tokens": Flags.integer({
    min: 1,
    helpValue: "<n>",
    helpGroup: GROUP,
    summary: "Limit answers to this many tokens.",
  }),
  "max-time": numberFlag("max-time", "Stop a batch of answers after this time, at the end of a step [s].", {
    min: 0,
    includesMin: false,
    max: 86_400,
  })(),
};

type SamplingFlags = Interfaces.InferredFlags<typeof samplingFlags>;

/** The library's options for these flags. */
export function samplingOptions(flags: SamplingFlags): SamplingOptions {
  const names = Object.keys(samplingFlags) as (keyof SamplingFlags)[];
  const own = Object.fromEntries(names.map((name) => [name, flags[name]])) as SamplingFlags;
  const { maxTime: maxSeconds, ...options } = optionsOf(own);
  return { ...options, maxSeconds };
}
