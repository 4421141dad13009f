/** Vocabularies that spell any bytes, and the texts that a random model generates under a grammar. */
import type { TokenPieces } from "@slm/tokenizer";
import { createRandom } from "../sampling/random.js";
import { createTokenSelector } from "../search/token-selector.js";
import type { Grammar } from "./grammar.js";
import { constrainTokens } from "./constrain-tokens.js";

export const EOS = 0;

/** Every byte, and tokens that start and end anywhere: within characters, across structure, beyond a value. */
export function byteVocabulary(): TokenPieces {
  const structure = ['{"', '":', '": "', '","', "}]"];
  const values = ["true", "fal", "se,", "null", "12", "-0.5", "e1", "\\u00", "éa", "name"];
  const parts = [
    Buffer.from("é").subarray(1),
    Buffer.from("€").subarray(0, 2),
    Buffer.from('😀"').subarray(2),
  ];
  return {
    bytes: [
      undefined,
      ...Array.from({ length: 256 }, (_, byte) => Uint8Array.of(byte)),
      ...[...structure, ...values].map((text) => Buffer.from(text)),
      ...parts,
    ],
    separator: new Uint8Array(0),
  };
}

/** Symbols that are separated by spaces. */
export const SYMBOLS: TokenPieces = {
  bytes: [
    undefined,
    ...Array.from('{}[]:,"0123456789abc', (text) => Buffer.from(text)),
    ...['"name"', "true", "false", "null", '"a"', '"b"'].map((text) => Buffer.from(text)),
  ],
  separator: Buffer.from(" "),
};

/** The text that a random model generates under a grammar; undefined if it does not end. */
export function randomText(
  grammar: Grammar,
  pieces: TokenPieces,
  seed: number,
  most = 400,
): string | undefined {
  const { next } = createRandom(seed);
  const choose = createTokenSelector({
    eos: EOS,
    constraint: constrainTokens(grammar, pieces, { eos: EOS }),
    sampling: { temperature: 1, random: next },
  });
  const vocabulary = pieces.bytes.length + 3; // A model may have more rows than its tokenizer has tokens.
  const closers = new Set(
    Array.from('"}]0', (text) =>
      pieces.bytes.findIndex((bytes) => bytes?.length === 1 && bytes[0] === text.charCodeAt(0)),
    ),
  );
  const texts: Uint8Array[] = [];
  for (let step = 0; step < most; step++) {
    // The longer the text, the more likely it ends.
    const logits = Float32Array.from(
      { length: vocabulary },
      (_, id) => 4 * next() + (id === EOS || closers.has(id) ? 3 + step / 20 : 0),
    );
    const id = choose(logits);
    if (id === EOS) return new TextDecoder("utf-8", { fatal: true }).decode(Buffer.concat(texts));
    if (texts.length > 0) texts.push(pieces.separator);
    texts.push(pieces.bytes[id]!);
  }
  return undefined;
}
