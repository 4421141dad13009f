/**
 * Faults that only coverage finds, for the fuzzer's test: after a word that needs four comparisons comes a crash, an endless loop or an
 * error code.
 */
import { SlmError } from "@slm/core";

export const limitMs = 200;
export const seeds = () => [Buffer.from("aaaaaa")];

export function open() {
  return (/** @type {Uint8Array} */ bytes) => {
    if (bytes[0] !== 0x66) return;
    if (bytes[1] !== 0x75) return;
    if (bytes[2] !== 0x7a) return;
    if (bytes[3] === 0x21) throw new TypeError("planted");
    throw new SlmError("DATA_INVALID", "planted");
  };
}
