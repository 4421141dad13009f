/**
 *
 * Reads a model's own generation settings from Hugging Face's `generation_config.json`.
 *
 * Source: transformers 4.57, generation/configuration_utils.py.
 */
import { SlmError } from "@slm/core";
import { z } from "zod";
import type { Strategy } from "./search/options.js";
import type { TokenRules } from "./rules/token-rules.js";

export const GENERATION_FILE = "generation_config.json";

const id = z.int().nonnegative();
const count = z.int().nonnegative();
const idOrIds = z.union([id, z.array(id).min(1)]);

/** Keys may be absent or null; both mean the default. */
const schema = z.looseObject({
  bos_token_id: id.nullish(),
  pad_token_id: id.nullish(),
  eos_token_id: idOrIds.nullish(),
  decoder_start_token_id: idOrIds.nullish(),
  forced_bos_token_id: id.nullish(),
  forced_eos_token_id: idOrIds.nullish(),
  num_beams: z.int().positive().max(1024).nullish(),
  length_penalty: z.number().nullish(),
  early_stopping: z.union([z.boolean(), z.literal("never")]).nullish(),
  no_repeat_ngram_size: count.nullish(),
  encoder_no_repeat_ngram_size: count.nullish(),
  repetition_penalty: z.number().positive().nullish(),
  encoder_repetition_penalty: z.number().positive().nullish(),
  suppress_tokens: z.array(id).nullish(),
  begin_suppress_tokens: z.array(id).nullish(),
  bad_words_ids: z.array(z.array(id).min(1)).nullish(),
  min_length: count.nullish(),
  min_new_tokens: count.nullish(),
  max_length: count.nullish(),
  max_new_tokens: count.nullish(),
});

type Raw = z.infer<typeof schema>;

/** Settings that would change the output, with the neutral values that are accepted. */
const NEUTRAL: Readonly<Record<string, readonly unknown[]>> = {
  num_beam_groups: [1],
  diversity_penalty: [0],
  penalty_alpha: [0],
  guidance_scale: [1],
  sequence_bias: [],
  exponential_decay_length_penalty: [],
  constraints: [],
  force_words_ids: [],
};

export interface GenerationSettings {
  /** The token that the decoder is fed first. */
  readonly start?: number | undefined;
  readonly pad?: number | undefined;
  readonly eos?: number | undefined;
  /** Changes of scores. */
  readonly rules: TokenRules;
  /** Beam search, if it is the model's default. */
  readonly strategy?: Extract<Strategy, { kind: "beam" }> | undefined;
  /** Maximum number of tokens of an answer, including EOS. */
  readonly maxTokens?: number | undefined;
}

/**
 * Reads generation settings.
 *
 * @param where named in errors, usually the file
 * @throws SlmError CONFIG_INVALID for an invalid value, or an unsupported setting that would change the output
 */
export function parseGenerationSettings(value: unknown, where: string): GenerationSettings {
  // As in `parseJsonText`: compiling the schema would take longer than the check.
  const parsed = schema.safeParse(value, { jitless: true });
  if (!parsed.success) throw new SlmError("CONFIG_INVALID", `${where}: ${z.prettifyError(parsed.error)}`);
  const settings = parsed.data;
  for (const [key, neutral] of Object.entries(NEUTRAL)) {
    const actual = settings[key] ?? null;
    if (actual === null || neutral.includes(actual)) continue;
    throw new SlmError(
      "CONFIG_INVALID",
      `${where}: ${key} is ${JSON.stringify(actual).slice(0, 80)}, which is not supported`,
      { context: { key } },
    );
  }
  const { max_length: longest, max_new_tokens: newTokens } = settings;
  return {
    start: first(settings.decoder_start_token_id) ?? settings.bos_token_id ?? undefined,
    pad: settings.pad_token_id ?? undefined,
    eos: first(settings.eos_token_id),
    rules: rulesOf(settings),
    strategy: strategyOf(settings),
    // A maximum length includes the start token.
    maxTokens: newTokens ?? (longest == null || longest < 2 ? undefined : longest - 1),
  };
}

const first = (ids: Raw["eos_token_id"]): number | undefined =>
  Array.isArray(ids) ? ids[0] : (ids ?? undefined);

function rulesOf(settings: Raw): TokenRules {
  return {
    repetitionPenalty: settings.repetition_penalty ?? undefined,
    sourcePreference: settings.encoder_repetition_penalty ?? undefined,
    furtherEnds: furtherEnds(settings),
    forcedFirst: settings.forced_bos_token_id ?? undefined,
    forcedLast: first(settings.forced_eos_token_id),
    suppressed: settings.suppress_tokens ?? undefined,
    suppressedFirst: settings.begin_suppress_tokens ?? undefined,
    badWords: badWords(settings),
    noRepeatNgram: settings.no_repeat_ngram_size ?? undefined,
    noSourceNgram: settings.encoder_no_repeat_ngram_size ?? undefined,
    minTokens: Math.max((settings.min_length ?? 1) - 1, settings.min_new_tokens ?? 0, 0) || undefined,
  };
}

/** All end tokens except the first, which is EOS here. */
function furtherEnds({ eos_token_id: ends }: Raw): TokenRules["furtherEnds"] {
  const [, ...further] = [ends ?? []].flat();
  return further.length === 0 ? undefined : further;
}

/** As in transformers, EOS alone is not a bad word. */
function badWords({ bad_words_ids: words, eos_token_id: ends }: Raw): TokenRules["badWords"] {
  const eos = [ends ?? []].flat();
  return words?.filter((word) => word.length !== 1 || !eos.includes(word[0]!));
}

function strategyOf(settings: Raw): GenerationSettings["strategy"] {
  const beams = settings.num_beams ?? 1;
  if (beams === 1) return undefined;
  const { length_penalty: lengthPenalty, early_stopping: earlyStopping } = settings;
  return {
    kind: "beam",
    beams,
    lengthPenalty: lengthPenalty ?? 1,
    earlyStopping: earlyStopping ?? undefined,
  };
}
