/**
 * Writes a tokenizer for transformers.js: tokens around sources go into the post-processor of tokenizer.json, and multilingual models get
 * the class that inserts the language's token.
 *
 * Source: @huggingface/transformers 4.3.1 (tokenization_utils.js, models/*\/tokenization_*.js, pipelines/translation.js).
 */
import { SlmError } from "@slm/core";
import { sourceLookup, tokensAroundSource, type TokenizerFiles } from "@slm/tokenizer";

type Languages = NonNullable<TokenizerFiles["config"]["languages"]>;

/** Classes that know how language tokens are spelled. The library recognizes language tokens by their spelling. */
const CLASSES_WITH_LANGUAGES: readonly (readonly [form: RegExp, name: string])[] = [
  [/^[a-z]{3}_[A-Z][a-z]{3}$/u, "NllbTokenizer"],
  [/^[a-z]{2}_[A-Z]{2}$/u, "MBart50Tokenizer"],
  [/^__[a-z]{2,3}__$/u, "M2M100Tokenizer"],
];

/** That library encodes only sources, so tokenizer.json describes how slm encodes sources. */
export interface TransformersTokenizer {
  readonly tokenizer: object;
  readonly tokenizerClass: string;
}

/** @throws SlmError OP_UNSUPPORTED if targets have a separate vocabulary: the library decodes with the vocabulary of sources */
export function rejectOwnTargets({ config }: TokenizerFiles): void {
  if (config.target?.vocab === undefined) return;
  throw new SlmError(
    "OP_UNSUPPORTED",
    "export: the targets have a separate vocabulary, but transformers.js decodes with the vocabulary of the sources",
    { suggestions: ["--target web", "slm deploy MODEL --to web"] },
  );
}

/**
 * Returns the tokenizer files that the library reads.
 *
 * @throws SlmError DATA_INVALID for a token that is not in the vocabulary
 */
export function transformersTokenizer(files: TokenizerFiles): TransformersTokenizer {
  const { tokenizer, config } = files;
  const isLowercase = config.source.lowercase && (tokenizer.normalizer ?? null) === null;
  const { before, after } = tokensAroundSource(config);
  const isBare = before.length + after.length === 0;
  return {
    tokenizer: {
      ...tokenizer,
      ...(isLowercase ? { normalizer: { type: "Lowercase" } } : {}),
      ...(isBare ? {} : { post_processor: template(before, after, sourceLookup(files)) }),
    },
    tokenizerClass: classOf(config.languages),
  };
}

function template(
  before: readonly string[],
  after: readonly string[],
  idOf: (token: string) => number,
): object {
  const special = (id: string): object => ({ SpecialToken: { id, type_id: 0 } });
  const sequence = (id: "A" | "B"): object => ({ Sequence: { id, type_id: 0 } });
  const front = before.map(special);
  const end = after.map(special);
  const tokens = [...new Set([...before, ...after])];
  return {
    type: "TemplateProcessing",
    single: [...front, sequence("A"), ...end],
    pair: [...front, sequence("A"), sequence("B"), ...end],
    special_tokens: Object.fromEntries(tokens.map((id) => [id, { id, ids: [idOf(id)], tokens: [id] }])),
  };
}

function classOf(languages: Languages | undefined): string {
  const tokens = Object.values(languages?.tokens ?? {});
  if (tokens.length === 0) return "T5Tokenizer";
  const known = CLASSES_WITH_LANGUAGES.find(([form]) => tokens.every((token) => form.test(token)));
  return known?.[1] ?? "T5Tokenizer";
}
