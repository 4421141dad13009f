/** Limits what the library's decoders do without a limit: regular expressions that backtrack, texts that double at every step. */
import { inOrder, patternOf, textOf, type CompilePattern, type Component } from "./component.js";
import { checkGrowth, longestFrom, replaceMatches } from "./growth.js";

/** A decoder of the library; a sequence contains others. */
export interface LibraryDecoder {
  readonly config: Component;
  readonly decoders?: readonly LibraryDecoder[];
  text_decoder?: { decode: (bytes: Uint8Array) => string };
  decode_chain: (tokens: readonly string[]) => readonly string[];
}

/** @param longest total length of all texts [characters]; the caller checks it again */
type Step = (tokens: readonly string[], longest: number) => readonly string[];

const lengthOf = (tokens: readonly string[]): number => tokens.reduce((sum, token) => sum + token.length, 0);

/**
 * Limits a decoder and the decoders that it contains, and replaces those that differ from the native library.
 *
 * @throws SlmError DATA_INVALID if there are too many, or if a pattern cannot be matched in linear time
 */
export function boundDecoder(decoder: LibraryDecoder, compile: CompilePattern): void {
  inOrder(decoder.config, "decoders");
  const steps = leavesOf(decoder).map((leaf) => stepOf(leaf, compile));
  decoder.decode_chain = (tokens) => {
    const longest = longestFrom(lengthOf(tokens));
    return steps.reduce((texts, step) => {
      const decoded = step(texts, longest);
      checkGrowth(lengthOf(decoded), longest);
      return decoded;
    }, tokens);
  };
}

function leavesOf(decoder: LibraryDecoder): readonly LibraryDecoder[] {
  return decoder.decoders === undefined ? [decoder] : decoder.decoders.flatMap(leavesOf);
}

function stepOf(leaf: LibraryDecoder, compile: CompilePattern): Step {
  // Byte tokens become text as in the native library: the byte order mark is kept, and each byte that is not UTF-8 becomes one sign.
  if (leaf.config.type === "ByteFallback") leaf.text_decoder = { decode: textOrSigns };
  if (leaf.config.type !== "Replace") return leaf.decode_chain.bind(leaf);
  const pattern = patternOf(leaf.config, compile);
  const content = textOf(leaf.config, "content", "");
  return (tokens, longest) => {
    let left = longest;
    return tokens.map((token) => {
      const replaced = replaceMatches(token, pattern.matches(token), { content, longest: left });
      left -= replaced.length;
      return replaced;
    });
  };
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function textOrSigns(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    return "\ufffd".repeat(bytes.length);
  }
}
