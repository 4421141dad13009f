import { describe, expect, test } from "vitest";
import { crc32c } from "./crc32c.js";

/** RFC 3720, appendix B.4, and the check value of the catalogue of CRC algorithms. */
const VECTORS: readonly (readonly [string, Uint8Array, number])[] = [
  ["32 bytes of zeroes", new Uint8Array(32), 0x8a9136aa],
  ["32 bytes of ones", new Uint8Array(32).fill(0xff), 0x62a8ab43],
  ["32 bytes that ascend", Uint8Array.from({ length: 32 }, (_, index) => index), 0x46dd794e],
  ["32 bytes that descend", Uint8Array.from({ length: 32 }, (_, index) => 31 - index), 0x113fdb5c],
  ["the digits 1 to 9", new TextEncoder().encode("123456789"), 0xe3069283],
  ["nothing", new Uint8Array(), 0],
];

describe(crc32c, () => {
  test.each(VECTORS)("of %s is the published one", (_, bytes, expected) => {
    expect(crc32c(bytes)).toBe(expected);
  });
});
