import { describe, expect, test } from "vitest";
import { answersOf, shortlistBytes, shortlistOf, type LexicalShortlist } from "./lexical-shortlist.js";

/** Four tokens: 3 is always allowed, 0 is allowed by 1, and 2 by 0 and 2. */
const LIST: LexicalShortlist = {
  always: Int32Array.of(3),
  offsets: Int32Array.of(0, 1, 1, 3, 3),
  tokens: Int32Array.of(1, 0, 2),
};
/** Sets one byte. */
const withByte =
  (place: number, value: number) =>
  (bytes: Uint8Array): Uint8Array =>
    bytes.with(place, value);

const reject = (message: string): Error => new Error(message);

test("the tokens allowed for a source are those listed for its tokens, and those always allowed", () => {
  expect([...answersOf(LIST, [])]).toEqual([0, 0, 0, 1]);
  expect([...answersOf(LIST, [0, 1])]).toEqual([0, 1, 0, 1]);
  expect([...answersOf(LIST, [2])]).toEqual([1, 0, 1, 1]);
});

describe(shortlistOf, () => {
  test("reads what was written, at any byte offset", () => {
    const bytes = shortlistBytes(LIST);
    const apart = new Uint8Array(bytes.length + 5);
    apart.set(bytes, 5);
    expect(shortlistOf(apart.subarray(5), 4, reject)).toEqual(LIST);
  });

  test.each<[string, (bytes: Uint8Array) => Uint8Array, RegExp]>([
    ["bytes that are cut off", (bytes) => bytes.subarray(0, -4), /does not match the lengths in its header/],
    ["a part of a number", (bytes) => bytes.subarray(0, -1), /does not match the lengths in its header/],
    ["nothing", () => new Uint8Array(), /does not match the lengths in its header/],
    ["a negative length", withByte(3, 255), /lengths in its header/],
    ["a token outside the vocabulary", withByte(12, 9), /token 9 of 4/],
    ["offsets that decrease", withByte(20, 9), /do not rise/],
  ])("rejects %s", (_, damage, message) => {
    expect(() => shortlistOf(damage(shortlistBytes(LIST)), 4, reject)).toThrow(message);
  });

  test("rejects a list for another vocabulary", () => {
    expect(() => shortlistOf(shortlistBytes(LIST), 5, reject)).toThrow(
      /it is for 4 tokens, the vocabulary has 5/,
    );
  });
});
