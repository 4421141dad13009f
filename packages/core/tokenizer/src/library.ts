/**
 * The part of `@huggingface/tokenizers` that is used, with its types.
 *
 * The package's own declarations import one another without file extensions, which TypeScript does not resolve for
 * ES modules, so every type of it would be `any`.
 */
import * as huggingFace from "@huggingface/tokenizers";
import { characterMap } from "./character-map.js";

export interface LibraryTokenizer {
  encode(
    text: string,
    options: { readonly add_special_tokens: boolean },
  ): { readonly ids: readonly number[] };
  decode(ids: readonly number[], options: { readonly skip_special_tokens: boolean }): string;
  token_to_id(token: string): number | undefined;
  readonly normalizer?: Normalizer | null;
}

interface Library {
  readonly Tokenizer: new (tokenizer: object, config: object) => LibraryTokenizer;
}

/** A normalizer of the library; a sequence holds others. */
interface Normalizer {
  config?: { readonly type?: unknown; readonly precompiled_charsmap?: unknown };
  normalizers?: readonly (Normalizer | null)[];
  normalize: (text: string) => string;
}

/**
 * The library's tokenizer for the parsed contents of both files, with character maps as they are.
 *
 * @throws Error of the library for contents it cannot use; SlmError DATA_INVALID for a damaged character map.
 */
export function createLibrary(tokenizer: object, config: object): LibraryTokenizer {
  const library: unknown = huggingFace;
  if (!isLibrary(library)) throw new TypeError("@huggingface/tokenizers has no Tokenizer class");
  const built = new library.Tokenizer(tokenizer, config);
  useCharacterMaps(built.normalizer ?? null);
  return built;
}

function useCharacterMaps(normalizer: Normalizer | null): void {
  if (normalizer === null) return;
  const map = normalizer.config?.type === "Precompiled" ? normalizer.config.precompiled_charsmap : undefined;
  if (typeof map === "string" && map !== "") {
    normalizer.normalize = characterMap(Buffer.from(map, "base64"));
  }
  normalizer.normalizers?.forEach(useCharacterMaps);
}

function isLibrary(value: unknown): value is Library {
  return (
    typeof value === "object" &&
    value !== null &&
    "Tokenizer" in value &&
    typeof value.Tokenizer === "function"
  );
}
