/** Compiles a small map of characters as SentencePiece does: a trie as a double array, then replacements. */

/** Two keys with a common beginning, one that is another's beginning, one of four bytes, one without replacement. */
export const SMALL_MAP = {
  "\t": " ",
  "\n": " ",
  "\u00a0": " ",
  "\u3000": " ",
  "½": "1/2",
  "²": "2",
  Ⅷ: "VIII",
  ﬁ: "fi",
  "…": "...",
  "e\u0301": "é",
  Ü: "U\u0308",
  "😀": ":)",
  "\u00ad": "",
};

const VALUE = 0x8000_0000;

/**
 * A node of the trie, with the place of the replacement of the text that ends there.
 *
 * @typedef {{ children: Map<number, Node>, value: number | undefined }} Node
 */

/** @param map replacement by text; replaced texts hold no zero. @returns bytes of a `precompiled_charsmap` */
export function compileMap(/** @type {Readonly<Record<string, string>>} */ map) {
  const values = new Map();
  const replacements = [];
  let position = 0;
  /** @type {Node} */
  const root = { children: new Map(), value: undefined };
  for (const [key, replacement] of Object.entries(map)) {
    values.set(key, position);
    const bytes = Buffer.from(`${replacement}\0`, "utf8");
    replacements.push(bytes);
    position += bytes.length;
    let node = root;
    for (const byte of Buffer.from(key, "utf8")) {
      /** @type {Node} */
      const child = node.children.get(byte) ?? { children: new Map(), value: undefined };
      node.children.set(byte, child);
      node = child;
    }
    node.value = values.get(key);
  }
  /** @type {number[]} */
  const units = [];
  const taken = new Set([0]);
  const place = (/** @type {Node} */ node, /** @type {number} */ index, /** @type {number} */ label) => {
    const labels = [...node.children.keys(), ...(node.value === undefined ? [] : [0])];
    let offset = 1;
    while (labels.some((one) => taken.has(index ^ offset ^ one))) offset += 1;
    for (const one of labels) taken.add(index ^ offset ^ one);
    units[index] = (label | (node.value === undefined ? 0 : 0x100) | (offset << 10)) >>> 0;
    if (node.value !== undefined) units[index ^ offset] = (VALUE | node.value) >>> 0;
    for (const [byte, child] of node.children) place(child, index ^ offset ^ byte, byte);
  };
  place(root, 0, 0);
  // A walk may look at any of the 256 units that an offset leads to.
  const size = (Math.floor(Math.max(...taken) / 256) + 1) * 256;
  const trie = Uint32Array.from({ length: size }, (_, index) => units[index] ?? 0);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(trie.byteLength);
  return Buffer.concat([length, Buffer.from(trie.buffer), ...replacements]);
}
