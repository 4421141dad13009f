import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { TextStream } from "./text-stream.js";

const utf8 = new TextDecoder();
const decodeUtf8 = (ids: readonly number[]): string => utf8.decode(Uint8Array.from(ids));

describe(TextStream, () => {
  test("gives pieces that add up to the text and never part of a character", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom("a", "é", "€", "😀", "\uFFFD") }), (text) => {
        const pieces: string[] = [];
        const stream = new TextStream(decodeUtf8, 0, (_, piece) => pieces.push(piece));
        const bytes = new TextEncoder().encode(text);
        for (const byte of bytes) stream.push(byte);
        stream.end();
        expect(pieces.join("")).toBe(decodeUtf8([...bytes]));
        expect(pieces.every((piece) => piece !== "" && !piece.includes("\uFFFD"))).toBe(
          !text.includes("\uFFFD"),
        );
      }),
    );
  });

  test("returns broken characters at the end", () => {
    const pieces: string[] = [];
    const stream = new TextStream(decodeUtf8, 3, (row, piece) => pieces.push(`${row}:${piece}`));
    for (const byte of [0x61, 0xe2, 0x82]) stream.push(byte);
    expect(pieces).toEqual(["3:a"]);
    stream.end();
    expect(pieces).toEqual(["3:a", "3:\uFFFD"]);
  });
});
