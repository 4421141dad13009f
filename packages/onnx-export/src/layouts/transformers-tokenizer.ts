/**
 * A tokenizer in the words of transformers.js: tokens around sources stand in the post-processor of tokenizer.json, and models of many
 * languages have the class that puts a language's token there.
 *
 * Source: @huggingface/transformers 4.3.1 (tokenization_utils.js, models/*\/tokenization_*.js, pipelines/translation.js).
 */
import { SlmError } from "@slm/core";
import { tokenTexts, type TokenizerFiles } from "@slm/tokenizer";

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

/**
 * What the library reads of a tokenizer.
 *
 * @throws SlmError OP_UNSUPPORTED where targets have a vocabulary of their own: the library decodes with that of sources
 */
export function transformersTokenizer(files: TokenizerFiles): TransformersTokenizer {
  const { tokenizer, config } = files;
  if (config.target?.vocab !== undefined)
    throw new SlmError(
      "OP_UNSUPPORTED",
      "export: targets have a vocabulary of their own, and transformers.js decodes with that of sources",
      { suggestions: ["--target web", "slm deploy MODEL --to web"] },
    );
  const isLowercase = config.source.lowercase && (tokenizer.normalizer ?? null) === null;
  const ids = new Map(
    tokenTexts(files).flatMap((text, id) => (text === undefined ? [] : [[text, id] as const])),
  );
  const around = tokensAround(config);
  return {
    tokenizer: {
      ...tokenizer,
      ...(isLowercase ? { normalizer: { type: "Lowercase" } } : {}),
      ...(around === undefined ? {} : { post_processor: template(around, ids) }),
    },
    tokenizerClass: classOf(config.languages),
  };
}

interface Around {
  readonly before: readonly string[];
  readonly after: readonly string[];
}

/** Tokens before and after every source, that of a default language outermost; undefined where tokenizer.json says it all. */
function tokensAround({ source, languages }: TokenizerFiles["config"]): Around | undefined {
  const { prefix = [], suffix = [] } = source;
  const code = languages?.begins === "source" ? languages.target : languages?.source;
  const token = code === undefined ? undefined : languages?.tokens[code];
  const [before, after] = [
    token !== undefined && languages?.place === "before" ? [token, ...prefix] : prefix,
    token !== undefined && languages?.place === "after" ? [...suffix, token] : suffix,
  ];
  return before.length + after.length === 0 ? undefined : { before, after };
}

function template({ before, after }: Around, ids: ReadonlyMap<string, number>): object {
  const special = (id: string): object => ({ SpecialToken: { id, type_id: 0 } });
  const sequence = (id: "A" | "B"): object => ({ Sequence: { id, type_id: 0 } });
  const front = before.map(special);
  const end = after.map(special);
  const tokens = [...new Set([...before, ...after])];
  return {
    type: "TemplateProcessing",
    single: [...front, sequence("A"), ...end],
    pair: [...front, sequence("A"), sequence("B"), ...end],
    special_tokens: Object.fromEntries(tokens.map((id) => [id, { id, ids: [ids.get(id)!], tokens: [id] }])),
  };
}

function classOf(languages: Languages | undefined): string {
  const tokens = Object.values(languages?.tokens ?? {});
  if (tokens.length === 0) return "T5Tokenizer";
  const known = CLASSES_WITH_LANGUAGES.find(([form]) => tokens.every((token) => form.test(token)));
  return known?.[1] ?? "T5Tokenizer";
}
