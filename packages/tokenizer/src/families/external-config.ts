/** `tokenizer_config.json` of published encoder-decoders. */
import { z } from "zod";

/** A token: its text, or an `AddedToken` object. */
const name = z
  .union([z.string().min(1), z.looseObject({ content: z.string().min(1) })])
  .transform((value) => (typeof value === "string" ? value : value.content));

const addedToken = z.looseObject({
  content: z.string().min(1),
  lstrip: z.boolean().optional(),
  rstrip: z.boolean().optional(),
  normalized: z.boolean().optional(),
  special: z.boolean().optional(),
});

/** Most sentinels, and most ids before the vocabulary. */
const MAX_EXTRA = 10_000;

export const familyConfigSchema = z.looseObject({
  tokenizer_class: z.string().nullish(),
  pad_token: name.nullish(),
  bos_token: name.nullish(),
  eos_token: name.nullish(),
  unk_token: name.nullish(),
  mask_token: name.nullish(),
  mask_token_sent: name.nullish(),
  additional_special_tokens: z.array(name).nullish(),
  added_tokens_decoder: z.record(z.string().regex(/^\d{1,7}$/u), addedToken).nullish(),
  src_lang: z.string().nullish(),
  tgt_lang: z.string().nullish(),
  /** T5. */
  extra_ids: z.int().min(0).max(MAX_EXTRA).nullish(),
  legacy: z.boolean().nullish(),
  /** Pegasus. */
  offset: z.int().min(0).max(MAX_EXTRA).nullish(),
  /** M2M100. */
  language_codes: z.string().nullish(),
  /** NLLB. */
  legacy_behaviour: z.boolean().nullish(),
  /** Marian. */
  separate_vocabs: z.boolean().nullish(),
  /** Gemma. */
  add_bos_token: z.boolean().nullish(),
  add_eos_token: z.boolean().nullish(),
});

export type FamilyConfig = z.infer<typeof familyConfigSchema>;
