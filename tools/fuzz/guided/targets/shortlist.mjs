/** Lexical shortlists of static graphs. */
import { SlmError } from "@slm/core";
import {
  answersOf,
  shortlistBytes,
  shortlistOf,
} from "../../../../packages/generation/src/lexical-shortlist.ts";

export const longest = 2 ** 12;
/** Tokens of the list in the seed. */
const VOCABULARY = 4;

export const seeds = () => [
  shortlistBytes({
    always: Int32Array.of(3),
    offsets: Int32Array.of(0, 1, 1, 3, 3),
    tokens: Int32Array.of(1, 0, 2),
  }),
];

export function open() {
  const reject = (/** @type {string} */ message) => new SlmError("DATA_INVALID", message);
  return (/** @type {Uint8Array} */ bytes) => {
    answersOf(shortlistOf(bytes, VOCABULARY, reject), [0, 3]);
  };
}
