/** Byte fallback tokens for characters that a vocabulary lacks: `<0x00>` to `<0xFF>`. */

export const byteToken = (byte: number): string => `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`;

export const BYTE_TOKENS: readonly string[] = Array.from({ length: 256 }, (_, byte) => byteToken(byte));
