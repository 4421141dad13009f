/**
 * A tokenizer in the words of transformers.js: tokens around sources stand in the post-processor of tokenizer.json, and models of many
 * languages have the class that puts a language's token there.
 *
 * Source: @huggingface/transformers 4.3.1 (tokenization_utils.js, models/*\/tokenization_*.js, pipelines/translation.js).
 */
import { SlmError } from "@slm/core";
import { sourceLookup, tokensAroundSource, type TokenizerFiles } from "@slm/tokenizer";

type Languages = NonNullable<TokenizerFiles["config"]["languages"]>;

/** Classes that know how the token of a language is written; the library tells languages from other special tokens by their form. */
const CLASSES_WITH_LANGUAGES: readonly (readonly [form: RegExp, name: string])[] = [
  [/^[a-z]{3}_[A-Z][a-z]{3}$/u, "NllbTokenizer"],
  [/^[a-z]{2}_[A-Z]{2}$/u, "MBart50Tokenizer"],
  [/^__[a-z]{2,3}__$/u, "M2M100Tokenizer"],
];

/** Only sources are encoded in that library, so tokenizer.json says what slm does to sources. */
export interface TransformersTokenizer {
  readonly tokenizer: object;
  readonly tokenizerClass: string;
}

/** @throws SlmError OP_UNSUPPORTED where targets have a vocabulary of their own: the library decodes with that of sources */
export function rejectOwnTargets({ config }: TokenizerFiles): void {
  if (config.target?.vocab === undefined) return;
  throw new SlmError(
    "OP_UNSUPPORTED",
    "export: targets have a vocabulary of their own, and transformers.js decodes with that of sources",
    { suggestions: ["--target web", "slm deploy MODEL --to web"] },
  );
}

/**
 * What the library reads of a tokenizer.
 *
 * @throws SlmError DATA_INVALID for a token that the vocabulary lacks
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
