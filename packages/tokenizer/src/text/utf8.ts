/** UTF-8 without Node's `Buffer`, which browsers do not have. */

const encoder = new TextEncoder();
/** The byte order mark is kept. */
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

export const utf8Bytes = (text: string): Uint8Array => encoder.encode(text);

/** Decodes bytes that arrive in parts; a character may span several parts. */
export function utf8Text(parts: readonly Uint8Array[]): string {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return decoder.decode(bytes);
}

/** Undefined for a text that is not base64. */
export function base64Bytes(text: string): Uint8Array | undefined {
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  } catch {
    return undefined;
  }
}

export function base64Text(bytes: Uint8Array): string {
  let binary = "";
  for (let at = 0; at < bytes.length; at += BASE64_STEP) {
    binary += String.fromCharCode(...bytes.subarray(at, at + BASE64_STEP));
  }
  return btoa(binary);
}
/** Most bytes per call. */
const BASE64_STEP = 1 << 14;
