/** Parts of a `tokenizer.json` that several kinds of tokenizer are put together from. */

/** A component of `tokenizer.json`. */
export interface Component {
  readonly type: string;
  readonly [key: string]: unknown;
}

/** What stands for a space in pieces. */
export const SPACE = "▁";

/** Cuts out what matches; what lies between stays in pieces of its own. */
export const isolated = (pattern: string): Component => ({
  type: "Split",
  pattern: { Regex: pattern },
  behavior: "Isolated",
  invert: false,
});

/** Drops what matches. */
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

/** Pieces to text: spaces come back, bytes become characters; `strips` removes the space in front. */
export const piecesDecoder = (strips: boolean): Component => ({
  type: "Sequence",
  decoders: [
    replaced(SPACE, " "),
    { type: "ByteFallback" },
    { type: "Fuse" },
    ...(strips ? [{ type: "Strip", content: " ", start: 1, stop: 0 }] : []),
  ],
});
