/** Checks that image bytes are complete. */
import { createHash } from "node:crypto";
import type { Picture } from "./picture.js";

/** The PNG signature. */
export const PNG_START = Buffer.from("89504e470d0a1a0a", "hex");

/** The end of every PNG file: an empty IEND chunk and its checksum. */
export const PNG_END = Buffer.from("0000000049454e44ae426082", "hex");

/**
 * An image file is complete if the hash of its bytes matches. A drawn image is complete if it has a PNG's end, because only slm writes there.
 */
export function isWhole(bytes: Uint8Array, { key, content }: Picture): boolean {
  if (key === content) return createHash("sha256").update(bytes).digest("hex") === key;
  return bytes.length > PNG_END.length && PNG_END.equals(bytes.subarray(-PNG_END.length));
}
