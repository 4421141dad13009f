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
import type { TokenizerConfigJson, TokenizerJson } from "./tokenizer-files.js";
import { createUnigram, isUnigram, type Unigram } from "./unigram.js";

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
  readonly decoder: LibraryDecoder | null;
  readonly model: {
    encode: (pieces: readonly string[]) => string[];
    vocab: readonly (string | undefined)[];
    unk_token_id: number | undefined;
    unk_token: string | undefined;
  };
}

/** A decoder of the library; a sequence has parts. */
interface LibraryDecoder {
  readonly config: { readonly type?: unknown };
  readonly decoders?: readonly LibraryDecoder[];
  text_decoder?: { decode: (bytes: Uint8Array) => string };
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
  const unigram = isUnigram(tokenizer.model) ? createUnigram(tokenizer.model) : undefined;
  const read = unigram === undefined ? tokenizer : withoutModel(tokenizer, unigram);
  const built = new library.Tokenizer(asWritten(read), {
    ...config,
    // The library would look for a vocabulary of this language.
    target_lang: undefined,
    clean_up_tokenization_spaces: config.clean_up_tokenization_spaces ?? false,
  });
  built.normalizer = normalize;
  built.pre_tokenizer =
    cut === null
      ? null
      : (text, { section_index }) => cut({ text, isFirst: section_index === 0 }).map((piece) => piece.text);
  if (unigram !== undefined) replaceModel(built.model, unigram);
  if (built.decoder !== null) replaceByteFallback(built.decoder);
  return built;
}

/** Puts our Unigram in place of the model that the library built of {@link withoutModel}. */
function replaceModel(model: Stages["model"], { tokens, unknownId, encode }: Unigram): void {
  // The library has put added tokens there; what is missing are tokens that the vocabulary holds twice.
  const size = Math.max(tokens.length, model.vocab.length);
  model.vocab = Array.from({ length: size }, (_, id) => model.vocab[id] ?? tokens[id]);
  model.unk_token_id = unknownId;
  model.unk_token = unknownId === undefined ? undefined : tokens[unknownId];
  model.encode = (pieces) => pieces.flatMap(encode);
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Byte tokens become text as in the native library: with a byte order mark, and one sign for each byte of what is no text. */
function replaceByteFallback(decoder: LibraryDecoder): void {
  for (const part of decoder.decoders ?? []) replaceByteFallback(part);
  if (decoder.config.type === "ByteFallback") decoder.text_decoder = { decode: textOrSigns };
}

function textOrSigns(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    return "\ufffd".repeat(bytes.length);
  }
}

/** The file with a vocabulary that the library only looks tokens up in: it builds no search tree for it. */
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
