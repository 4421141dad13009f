/**
 * Types for the part of `@huggingface/tokenizers` that slm uses: its models, decoders and the search for added tokens. slm has its own
 * normalizers and pre-tokenizers (`components`), because the library's differ from the native ones.
 *
 * The package's own declarations import without file extensions, which TypeScript does not resolve for ES modules, so all its types would be
 * `any`.
 */
import * as huggingFace from "@huggingface/tokenizers";
import { asWritten, checkModel } from "../components/as-written.js";
import { boundDecoder, type LibraryDecoder } from "../components/decoders.js";
import type { CompilePattern } from "../components/component.js";
import { reject } from "../patterns/reject.js";
import { compileNormalizer } from "../components/normalizers.js";
import { compilePreTokenizer } from "../components/pre-tokenizers.js";
import { linearPattern } from "../patterns/pattern.js";
import type { TokenizerConfigJson, TokenizerJson } from "../files/tokenizer-files.js";
import { createUnigram, isUnigram, type Unigram } from "./unigram.js";
import { createWordCache, type WordCache } from "./word-cache.js";

/** Longest regular expression in a file [characters]; published ones have up to about 500. */
const LONGEST_PATTERN = 10_000;

export interface LibraryTokenizer {
  encode(
    text: string,
    options: { readonly add_special_tokens: boolean },
  ): { readonly ids: readonly number[] };
  decode(ids: readonly number[], options: { readonly skip_special_tokens: boolean }): string;
  token_to_id(token: string): number | undefined;
}

/** The stages that the library calls when it encodes. */
interface Stages {
  normalizer: ((text: string) => string) | null;
  pre_tokenizer: ((text: string, options: { readonly section_index: number }) => readonly string[]) | null;
  readonly decoder: LibraryDecoder | null;
  special_tokens: Names;
  readonly added_tokens: readonly AddedToken[];
  readonly added_tokens_map: Map<string, AddedToken>;
  splitter_unnormalized: Splitter;
  splitter_normalized: Splitter;
  readonly model: {
    encode: (pieces: readonly string[]) => string[];
    vocab: readonly (string | undefined)[];
    unk_token_id: number | undefined;
    unk_token: string | undefined;
    /** Only for a BPE model. */
    cache?: WordCache;
  };
}

interface Names {
  readonly includes: (name: string) => boolean;
}

/** The library's search for added tokens in a text. */
interface Splitter {
  readonly split: (text: string) => readonly string[];
}

interface AddedToken {
  readonly content: string;
  /** Whether the token is searched for in normalized text, in which case the token is normalized too. */
  readonly normalized: boolean;
}

interface Library {
  readonly Tokenizer: new (tokenizer: object, config: object) => LibraryTokenizer & Stages;
  readonly SplitPreTokenizer: new (component: object) => { readonly pattern: RegExp };
}

/**
 * Builds the library's tokenizer for the parsed contents of both files. By default spaces before punctuation stay in decoded text; the library
 * would remove them by default.
 *
 * @throws SlmError DATA_INVALID for an unsupported component, the library's Error for contents that it cannot use.
 */
export function createLibrary(
  tokenizer: TokenizerJson,
  config: Pick<TokenizerConfigJson, "clean_up_tokenization_spaces"> & Readonly<Record<string, unknown>>,
): LibraryTokenizer {
  const library: unknown = huggingFace;
  if (!isLibrary(library)) throw new TypeError("@huggingface/tokenizers has no Tokenizer class");
  checkModel(tokenizer.model);
  const compile: CompilePattern = (Regex) => {
    if (Regex.length > LONGEST_PATTERN)
      throw reject(
        `a regular expression has ${Regex.length} characters, expected at most ${LONGEST_PATTERN}`,
      );
    return linearPattern(new library.SplitPreTokenizer({ pattern: { Regex }, invert: false }).pattern);
  };
  const normalize = tokenizer.normalizer === null ? null : compileNormalizer(tokenizer.normalizer, compile);
  const cut = tokenizer.pre_tokenizer === null ? null : compilePreTokenizer(tokenizer.pre_tokenizer, compile);
  const unigram = isUnigram(tokenizer.model) ? createUnigram(tokenizer.model) : undefined;
  const read = unigram === undefined ? tokenizer : withoutModel(tokenizer, unigram);
  const built = new library.Tokenizer(asWritten(read), {
    ...config,
    // The library would search for a vocabulary of this language.
    target_lang: undefined,
    // The library's time is quadratic in their number.
    additional_special_tokens: undefined,
    clean_up_tokenization_spaces: config.clean_up_tokenization_spaces ?? false,
  });
  const special = tokenizer.added_tokens.filter((token) => token.special === true);
  built.special_tokens = namedSpecial(
    special.map(({ content }) => content),
    config,
  );
  if (normalize !== null) normalizeAddedTokens(built, normalize);
  built.pre_tokenizer =
    cut === null
      ? null
      : (text, { section_index }) => cut({ text, isFirst: section_index === 0 }).map((piece) => piece.text);
  if (unigram !== undefined) replaceModel(built.model, unigram);
  if (built.model.cache !== undefined) built.model.cache = createWordCache();
  if (built.decoder !== null) boundDecoder(built.decoder, compile);
  return built;
}

/** Replaces the model that the library built from {@link withoutModel} with our Unigram. */
function replaceModel(model: Stages["model"], { tokens, unknownId, encode }: Unigram): void {
  // The library has already inserted added tokens. Only tokens that occur twice in the vocabulary are missing.
  const size = Math.max(tokens.length, model.vocab.length);
  model.vocab = Array.from({ length: size }, (_, id) => model.vocab[id] ?? tokens[id]);
  model.unk_token_id = unknownId;
  model.unk_token = unknownId === undefined ? undefined : tokens[unknownId];
  model.encode = (pieces) => pieces.flatMap(encode);
}

/** The special tokens of both files. A set, because the library looks up every token of a text. */
function namedSpecial(
  added: readonly string[],
  { additional_special_tokens: more }: Readonly<Record<string, unknown>>,
): Names {
  const names = new Set([...added, ...(Array.isArray(more) ? (more as readonly unknown[]) : [])]);
  return { includes: (name) => names.has(name) };
}

/**
 * Sets our normalizer. The library built one search for all added tokens in raw text. This builds two: one for raw text, and one for normalized
 * text with normalized tokens.
 */
function normalizeAddedTokens(built: Stages, normalize: (text: string) => string): void {
  built.normalizer = normalize;
  const [asTheyAre, normalized] = [false, true].map((isNormalized) =>
    built.added_tokens.filter((token) => token.normalized === isNormalized),
  );
  const contents = normalized!.map((token) => normalize(token.content));
  for (const [index, token] of normalized!.entries()) built.added_tokens_map.set(contents[index]!, token);
  // The library does not export the class of its search.
  const Search = built.splitter_unnormalized.constructor as new (texts: readonly string[]) => Splitter;
  built.splitter_unnormalized = new Search(asTheyAre!.map(({ content }) => content));
  built.splitter_normalized = new Search(contents);
}

/** Replaces the model with a vocabulary for lookups only, so the library does not build a search tree. */
function withoutModel(tokenizer: TokenizerJson, { tokens }: Unigram): TokenizerJson {
  const vocab = Object.fromEntries(tokens.map((token, id) => [token, id]));
  return { ...tokenizer, model: { type: "WordLevel", vocab } };
}

function isLibrary(value: unknown): value is Library {
  return (
    typeof value === "object" &&
    value !== null &&
    "Tokenizer" in value &&
    typeof value.Tokenizer === "function" &&
    "SplitPreTokenizer" in value &&
    typeof value.SplitPreTokenizer === "function"
  );
}
