import { describe, expect, test } from "vitest";
import { answersOf, shortlistBytes, shortlistOf, type LexicalShortlist } from "./lexical-shortlist.js";

/** Of four tokens: 3 may always answer, 0 by 1, 2 by 0 and 2. */
const LIST: LexicalShortlist = {
  always: Int32Array.of(3),
  offsets: Int32Array.of(0, 1, 1, 3, 3),
  tokens: Int32Array.of(1, 0, 2),
};
const reject = (message: string): Error => new Error(message);

test("what may answer a source is what its tokens list, and what always may", () => {
  expect([...answersOf(LIST, [])]).toEqual([0, 0, 0, 1]);
  expect([...answersOf(LIST, [0, 1])]).toEqual([0, 1, 0, 1]);
  expect([...answersOf(LIST, [2])]).toEqual([1, 0, 1, 1]);
});

describe(shortlistOf, () => {
  test("reads what was written, wherever the bytes lie", () => {
    const bytes = shortlistBytes(LIST);
    const apart = new Uint8Array(bytes.length + 5);
    apart.set(bytes, 5);
    expect(shortlistOf(apart.subarray(5), 4, reject)).toEqual(LIST);
  });

  test.each<[string, (bytes: Uint8Array) => Uint8Array, RegExp]>([
    ["bytes that are cut off", (bytes) => bytes.subarray(0, -4), /are not the three lists/],
    ["a part of a number", (bytes) => bytes.subarray(0, -1), /are not the three lists/],
    ["nothing", () => new Uint8Array(), /are not the three lists/],
    [
      "a negative length",
      (bytes) => Uint8Array.from(bytes, (byte, at) => (at === 3 ? 255 : byte)),
      /three lists/,
    ],
    [
      "a token that there is not",
      (bytes) => Uint8Array.from(bytes, (byte, at) => (at === 12 ? 9 : byte)),
      /token 9 of 4/,
    ],
    [
      "offsets that fall",
      (bytes) => Uint8Array.from(bytes, (byte, at) => (at === 20 ? 9 : byte)),
      /do not follow/,
    ],
  ])("rejects %s", (_, damage, message) => {
    expect(() => shortlistOf(damage(shortlistBytes(LIST)), 4, reject)).toThrow(message);
  });

  test("rejects a list for another vocabulary", () => {
    expect(() => shortlistOf(shortlistBytes(LIST), 5, reject)).toThrow(
      /it is for 4 tokens, the vocabulary has 5/,
    );
  });
});
