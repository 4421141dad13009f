/**
 * The part of `@huggingface/tokenizers` that is used, with its types.
 *
 * The package's own declarations import one another without file extensions, which TypeScript does not resolve for
 * ES modules, so every type of it would be `any`.
 */
import * as huggingFace from "@huggingface/tokenizers";

export interface LibraryTokenizer {
  encode(
    text: string,
    options: { readonly add_special_tokens: boolean },
  ): { readonly ids: readonly number[] };
  decode(ids: readonly number[], options: { readonly skip_special_tokens: boolean }): string;
  token_to_id(token: string): number | undefined;
}

interface Library {
  readonly Tokenizer: new (tokenizer: object, config: object) => LibraryTokenizer;
}

/**
 * The library's tokenizer for the parsed contents of both files.
 *
 * @throws Error of the library for contents it cannot use.
 */
export function createLibrary(tokenizer: object, config: object): LibraryTokenizer {
  const library: unknown = huggingFace;
  if (!isLibrary(library)) throw new TypeError("@huggingface/tokenizers has no Tokenizer class");
  return new library.Tokenizer(tokenizer, config);
}

function isLibrary(value: unknown): value is Library {
  return (
    typeof value === "object" &&
    value !== null &&
    "Tokenizer" in value &&
    typeof value.Tokenizer === "function"
  );
}
