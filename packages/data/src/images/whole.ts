/** Whether bytes are all of a picture. */
import { createHash } from "node:crypto";
import type { Picture } from "./picture.js";

/** How every PNG file begins. */
export const PNG_START = Buffer.from("89504e470d0a1a0a", "hex");

/** How every PNG file ends: a chunk IEND of no bytes and its checksum. */
export const PNG_END = Buffer.from("0000000049454e44ae426082", "hex");

/**
 * A picture out of a file is told by the hash of its bytes; one that was drawn, and so lies where nothing else writes, by its end.
 */
export function isWhole(bytes: Uint8Array, { key, content }: Picture): boolean {
  if (key === content) return createHash("sha256").update(bytes).digest("hex") === key;
  return bytes.length > PNG_END.length && PNG_END.equals(bytes.subarray(-PNG_END.length));
}
