/** Adds the tokens of a published model around texts: prefix, suffix, and language token. */
import { SlmError } from "@slm/core";
import { missingLanguage } from "./answer-opening.js";
import { tokenTexts } from "../library/token-texts.js";
import type { LanguagePair, Tokenizer, TokenizerLanguages } from "../interface/tokenizer.js";
import type { TokenizerConfigJson, TokenizerFiles } from "../files/tokenizer-files.js";

type Languages = NonNullable<TokenizerConfigJson["languages"]>;

/**
 * Adds the tokens around texts from `tokenizer_config.json` to the tokenizer `bare`; returns `bare` itself if there are none.
 *
 * @throws SlmError DATA_INVALID for a token that the vocabulary lacks.
 */
export function withTokensAround(bare: Tokenizer, files: TokenizerFiles): Tokenizer {
  const { source, target, languages } = files.config;
  if ([source.prefix, source.suffix, target, languages].every((part) => part === undefined)) return bare;
  const sourceIds = sourceLookup(files);
  const targetIds = targetLookup(files, sourceIds);
  // Rejects missing tokens now, not at the first text.
  for (const token of [...(source.prefix ?? []), ...(source.suffix ?? [])]) sourceIds(token);
  const opening = (target?.prefix ?? []).map(targetIds);
  const spoken = languages === undefined ? undefined : languagesOf(languages, targetIds);
  const start = target?.start === undefined ? bare.tokens.bos : targetIds(target.start);

  return {
    ...bare,
    tokens: { ...bare.tokens, bos: start },
    languages: spoken,
    encodeSource(text, pair) {
      const { before, after } = tokensAroundSource(files.config, pair);
      return [...before.map(sourceIds), ...bare.encodeSource(text), ...after.map(sourceIds)];
    },
    encodeTarget(text, pair) {
      const language = pair?.target ?? languages?.target;
      const front =
        beginsTarget(languages) && language !== undefined
          ? [languageToken(languages, targetIds, language)]
          : opening;
      return [...front, ...bare.encodeTarget(text)];
    },
  };
}

/** Whether targets start with their language. If languages come after texts (NLLB's `legacy_behaviour`), they come after targets, too. */
function beginsTarget(languages: Languages | undefined): languages is Languages {
  return languages?.begins === "forced_bos" && languages.place === "before";
}

/**
 * Tokens before and after a source: prefix, suffix, and outermost the language token, if there is a language.
 *
 * @throws SlmError CONFIG_INVALID for a language that the model lacks
 */
export function tokensAroundSource(
  { source, languages }: TokenizerConfigJson,
  pair?: LanguagePair,
): { readonly before: readonly string[]; readonly after: readonly string[] } {
  const { prefix: before = [], suffix: after = [] } = source;
  const code = languages === undefined ? undefined : languageOfSource(languages, pair);
  if (languages === undefined || code === undefined) return { before, after };
  const token = tokenOfLanguage(languages, code);
  return languages.place === "before"
    ? { before: [token, ...before], after }
    : { before, after: [...after, token] };
}

/** The language of the token around a source. */
function languageOfSource(languages: Languages, pair: LanguagePair | undefined): string | undefined {
  return languages.begins === "source"
    ? (pair?.target ?? languages.target)
    : (pair?.source ?? languages.source);
}

type Lookup = (token: string) => number;

function languagesOf(languages: Languages, idOf: Lookup): TokenizerLanguages {
  return {
    codes: Object.keys(languages.tokens),
    source: languages.source,
    target: languages.target,
    begins: languages.begins,
    tokenOf: (code) => languageToken(languages, idOf, code),
  };
}

const languageToken = (languages: Languages, idOf: Lookup, code: string): number =>
  idOf(tokenOfLanguage(languages, code));

function tokenOfLanguage({ tokens }: Languages, code: string): string {
  if (Object.hasOwn(tokens, code)) return tokens[code]!;
  const known = Object.keys(tokens);
  throw new SlmError("CONFIG_INVALID", `tokenizer: ${missingLanguage(known, code)}`, {
    context: { language: code, languages: known },
  });
}

/** Returns a function from texts of source tokens to ids. The function throws SlmError DATA_INVALID for a token that the vocabulary lacks. */
export function sourceLookup(files: TokenizerFiles): Lookup {
  const ids = new Map(
    tokenTexts(files).flatMap((text, id) => (text === undefined ? [] : [[text, id] as const])),
  );
  return (token) => {
    const id = ids.get(token);
    if (id !== undefined) return id;
    throw lacks(token, "tokenizer.json");
  };
}

function targetLookup({ config }: TokenizerFiles, sourceIds: Lookup): Lookup {
  const vocab = config.target?.vocab;
  if (vocab === undefined) return sourceIds;
  return (token) => {
    if (Object.hasOwn(vocab, token)) return vocab[token]!;
    throw lacks(token, "target.vocab");
  };
}

const lacks = (token: string, where: string): SlmError =>
  new SlmError(
    "DATA_INVALID",
    `tokenizer: tokenizer_config.json names the token ${JSON.stringify(token.slice(0, 80))}, which ${where} does not contain`,
    { context: { token } },
  );
