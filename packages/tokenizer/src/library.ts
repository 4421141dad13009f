/**
 * The part of `@huggingface/tokenizers` that is used, with its types: its models, decoders and the search for added tokens. Normalizers
 * and pre-tokenizers are our own (`components`), because the library's differ from the native ones.
 *
 * The package's own declarations import one another without file extensions, which TypeScript does not resolve for
 * ES modules, so every type of it would be `any`.
 */
import * as huggingFace from "@huggingface/tokenizers";
import { asWritten, checkModel } from "./components/as-written.js";
import type { CompilePattern } from "./components/component.js";
import { compileNormalizer } from "./components/normalizers.js";
import { compilePreTokenizer } from "./components/pre-tokenizers.js";
import { utf8Bytes } from "./utf8.js";
import type { TokenizerConfigJson, TokenizerJson } from "./tokenizer-files.js";

export interface LibraryTokenizer {
  encode(
    text: string,
    options: { readonly add_special_tokens: boolean },
  ): { readonly ids: readonly number[] };
  decode(ids: readonly number[], options: { readonly skip_special_tokens: boolean }): string;
  token_to_id(token: string): number | undefined;
}

/** The stages that the library calls while it encodes. */
interface Stages {
  normalizer: ((text: string) => string) | null;
  pre_tokenizer: ((text: string, options: { readonly section_index: number }) => readonly string[]) | null;
  readonly model: {
    encode: (pieces: readonly string[]) => string[];
    readonly tokens_to_ids: ReadonlyMap<string, number>;
  };
}

interface Library {
  readonly Tokenizer: new (tokenizer: object, config: object) => LibraryTokenizer & Stages;
  readonly SplitPreTokenizer: new (component: object) => { readonly pattern: RegExp };
}

/**
 * The library's tokenizer for the parsed contents of both files. Spaces before punctuation stay in decoded text by default;
 * the library's default would remove them.
 *
 * @throws SlmError DATA_INVALID for an unsupported component, Error of the library for contents that it cannot use.
 */
export function createLibrary(
  tokenizer: TokenizerJson,
  config: Pick<TokenizerConfigJson, "clean_up_tokenization_spaces">,
): LibraryTokenizer {
  const library: unknown = huggingFace;
  if (!isLibrary(library)) throw new TypeError("@huggingface/tokenizers has no Tokenizer class");
  checkModel(tokenizer.model);
  const compile: CompilePattern = (Regex) =>
    new library.SplitPreTokenizer({ pattern: { Regex }, invert: false }).pattern;
  const normalize = tokenizer.normalizer === null ? null : compileNormalizer(tokenizer.normalizer, compile);
  const cut = tokenizer.pre_tokenizer === null ? null : compilePreTokenizer(tokenizer.pre_tokenizer, compile);
  const built = new library.Tokenizer(asWritten(tokenizer), {
    ...config,
    clean_up_tokenization_spaces: config.clean_up_tokenization_spaces ?? false,
  });
  built.normalizer = normalize;
  built.pre_tokenizer =
    cut === null
      ? null
      : (text, { section_index }) => cut({ text, isFirst: section_index === 0 }).map((piece) => piece.text);
  if (isUnigram(tokenizer.model) && tokenizer.model["byte_fallback"] === true) fallBackToBytes(built.model);
  return built;
}

function isUnigram({ type, vocab }: TokenizerJson["model"]): boolean {
  return type === "Unigram" || (type === undefined && Array.isArray(vocab));
}

/** Encodes unknown pieces with byte tokens, if the vocabulary has all of them. The library does so for BPE only. */
function fallBackToBytes(model: Stages["model"]): void {
  const encode = model.encode.bind(model);
  const isKnown = (token: string): boolean => model.tokens_to_ids.has(token);
  model.encode = (pieces) =>
    encode(pieces).flatMap((piece) => {
      if (isKnown(piece)) return [piece];
      const bytes = Array.from(
        utf8Bytes(piece),
        (byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`,
      );
      return bytes.every(isKnown) ? bytes : [piece];
    });
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
