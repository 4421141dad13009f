/** Components of `tokenizer.json` that several kinds of tokenizer share. */

/** A component of `tokenizer.json`. */
export interface Component {
  readonly type: string;
  readonly [key: string]: unknown;
}

/** The symbol for a space in pieces. */
export const SPACE = "▁";

/** Splits text into matches and the pieces between them. */
export const isolated = (pattern: string): Component => ({
  type: "Split",
  pattern: { Regex: pattern },
  behavior: "Isolated",
  invert: false,
});

/** Removes matches. */
export const removed = (pattern: string): Component => ({ ...isolated(pattern), behavior: "Removed" });

/** Bytes as printable characters. */
export const BYTES: Component = {
  type: "ByteLevel",
  add_prefix_space: false,
  trim_offsets: true,
  use_regex: false,
};

export const replaced = (pattern: string, content: string): Component => ({
  type: "Replace",
  pattern: { String: pattern },
  content,
});

/** Decodes pieces to text: restores spaces and byte tokens; `strips` removes the leading space. */
export const piecesDecoder = (strips: boolean): Component => ({
  type: "Sequence",
  decoders: [
    replaced(SPACE, " "),
    { type: "ByteFallback" },
    { type: "Fuse" },
    ...(strips ? [{ type: "Strip", content: " ", start: 1, stop: 0 }] : []),
  ],
});
