/** SentencePiece models: read, then used. */
import { readSentencePieceModel } from "../../../../packages/tokenizer/src/sentencepiece/model-proto.ts";
import { createProcessor } from "../../../../packages/tokenizer/src/sentencepiece/processor.ts";

const text = (/** @type {number} */ number, /** @type {Buffer<ArrayBuffer> | string} */ value) => {
  const bytes = Buffer.from(value);
  return Buffer.concat([Buffer.from([(number << 3) | 2, bytes.length]), bytes]);
};
const float = (/** @type {number} */ number, /** @type {number} */ value) => {
  const bytes = Buffer.alloc(5);
  bytes[0] = (number << 3) | 5;
  bytes.writeFloatLE(value, 1);
  return bytes;
};
const integer = (/** @type {number} */ number, /** @type {number} */ value) =>
  Buffer.from([number << 3, value]);
const part = (/** @type {number} */ number, /** @type {Buffer<ArrayBuffer>[]} */ ...parts) =>
  text(number, Buffer.concat(parts));
const piece = (
  /** @type {string} */ value,
  /** @type {number} */ score,
  /** @type {number | undefined} */ type,
) => part(1, text(1, value), float(2, score), ...(type === undefined ? [] : [integer(3, type)]));

export function seeds() {
  const model = (/** @type {number} */ type) =>
    Buffer.concat([
      piece("<unk>", 0, 2),
      piece("<s>", 0, 3),
      piece("</s>", 0, 3),
      ...["\u2581", "a", "b", "\u2581a", "ab"].map((value, at) => piece(value, -at, undefined)),
      part(2, integer(3, type)),
      part(3, text(1, "identity"), integer(3, 1), integer(4, 1)),
    ]);
  return [model(1), model(2)];
}

export function open() {
  return (/** @type {Uint8Array} */ bytes) => {
    const processor = createProcessor(readSentencePieceModel(bytes, "fuzz"), "fuzz");
    for (const one of ["ab a  b", "\u00e9\u{1f600} x", "a".repeat(300)]) processor.encode(one);
  };
}
