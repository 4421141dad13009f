import { withCode } from "@slm/core/testing";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { SPLIT_PATTERNS } from "../text/split-patterns.js";
import { linearPattern, literalPattern, type Pattern } from "./pattern.js";

/**
 * The matches of JavaScript's own backtracking engine. V8 also matches the empty text between the halves of a surrogate pair; those matches are
 * left out.
 */
function native(expression: RegExp, text: string): number[] {
  return Array.from(text.matchAll(expression), ({ 0: match, index }) => {
    const isSplit = match === "" && index > 0 && (text.codePointAt(index - 1) ?? 0) > 0xffff;
    return isSplit ? [] : [index, index + match.length];
  }).flat();
}

/** Patterns of published tokenizers, in JavaScript's syntax. */
const PUBLISHED = {
  "GPT-2": String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`,
  "Llama 3": String.raw`(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`,
  "Qwen 2": String.raw`(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`,
  "GPT-4o": String.raw`[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?:'[sS]|'[tT])?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?:'[sS]|'[tT])?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+`,
  DeepSeek: String.raw`[!"#$%&'()*+,\-.\/:;<=>?@\[\\\]^_\x60{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`,
  "digits in threes": String.raw`(?=(\d{3})+(?!\d))`,
  "our own, joined": SPLIT_PATTERNS.joined,
  "our own, apart": SPLIT_PATTERNS.apart,
};

const TEXT = `It's 12345 o'clock, they'LL say:   "Élan\u0301, ÀBCdé!"\r\n\r\n  don't\tstop… 漢字かな 12 👍🏽 x_1 {"a": [1,2]}\u00a0\u3000 END   `;

/** Small expressions that cover everything that is supported. */
const expressions = fc.letrec<{ readonly one: string; readonly many: string; readonly all: string }>(
  (tie) => ({
    one: fc.constantFrom("a", "b", "[ab]", "[^a]", ".", "\\s", "\\p{L}", "é", "👍", "\\b", "\\B", "^", "$"),
    many: fc.oneof(
      { weight: 4, arbitrary: tie("one") },
      fc.tuple(fc.constantFrom("a", "b", "[ab]", "[^b]", "(?:ab|a)", "(?:a|a)", "(?:b+)", "👍"), fc.constantFrom("*", "+", "?", "*?", "+?", "??", "{2}", "{1,3}", "{0,2}?")).map((two) => two.join("")), // prettier-ignore
      fc.tuple(fc.constantFrom("(?=", "(?!", "(?<=", "(?<!", "(?:", "("), tie("all")).map(([open, inner]) => `${open}${inner})`), // prettier-ignore
    ),
    all: fc.oneof(
      { depthSize: "small" },
      fc.array(tie("many"), { minLength: 1, maxLength: 3 }).map((parts) => parts.join("")),
      fc.tuple(tie("many"), tie("all")).map((parts) => parts.join("|")),
    ),
  }),
).all;
const texts = fc.array(fc.constantFrom("a", "b", " ", "é", "👍", "\n", "\ud83d", "ab"), { maxLength: 14 });

/** Numbers from 0 to 1 (Park and Miller). */
function createRandom(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
}

describe(linearPattern, () => {
  test.each(Object.entries(PUBLISHED))("has the same matches as JavaScript's engine: %s", (_name, source) => {
    const pattern = linearPattern({ source });
    expect(pattern.matches(TEXT)).toEqual(native(new RegExp(source, "gu"), TEXT));
    expect(pattern.matches("")).toEqual(native(new RegExp(source, "gu"), ""));
  });

  test("has the same matches as JavaScript's engine for any supported expression", () => {
    let [compared, rejected] = [0, 0];
    const property = fc.property(expressions, texts, (source, parts) => {
      const text = parts.join("");
      let pattern: Pattern;
      try {
        pattern = linearPattern({ source });
      } catch (error) {
        expect(error).toMatchObject({ code: "DATA_INVALID" });
        rejected++;
        return;
      }
      compared++;
      expect(pattern.matches(text)).toEqual(native(new RegExp(source, "gu"), text));
    });
    fc.assert(property, { numRuns: 3000 });
    expect(compared).toBeGreaterThan(rejected);
  });

  // A backtracking engine needs 2^30 steps for 30 characters, or 10^10 for these texts.
  test.each([
    ["(a+)+$", "a", "!"],
    ["(a|a)*b", "a", ""],
    ["(a|ab)*c", "ab", ""],
    ["a*b", "a", ""],
    ["(?:a|b|ab)*c|a", "ab", ""],
    ["(?=(a|a)*b)c|a", "a", ""],
    ["(?<=^(a|a)*)b", "a", "c"],
    ["a(?=.*b)", "a", "b"],
    [String.raw`\s+$`, " ", "x"],
    ["a{0,40}a{0,40}a{0,40}b", "a", ""],
  ])("%s ends on 100,000 characters", (source, repeated, last) => {
    const text = repeated.repeat(100_000 / repeated.length) + last;
    const start = process.cpuUsage();
    linearPattern({ source }).matches(text);
    const { user } = process.cpuUsage(start);
    expect(user / 1e6).toBeLessThan(2);
  });

  test.each([
    [String.raw`(a)\1`, /a back reference is not supported/],
    ["(a*)*b", /repetition of an expression that can match the empty text/],
    ["a{4001}", /needs more than 4000 steps/],
    ["a".repeat(10_001), /a regular expression has 10001 characters/],
    ["(?=a)".repeat(13), /more than 12 lookaheads/],
  ])("rejects expressions without an automaton of limited size", (source, message) => {
    expect(() => linearPattern({ source })).toThrow(message);
  });

  test("fails with an error if a text would need too many states", () => {
    const random = createRandom(1);
    const text = Array.from({ length: 5000 }, () => (random() < 0.5 ? "a" : "b")).join("");
    expect(() => linearPattern({ source: "[ab]*a[ab]{16}c" }).matches(text)).toThrow(
      withCode("DATA_INVALID"),
    );
  });
});

describe(literalPattern, () => {
  test.each(["", "a", "aa", "👍"])("has the same matches as JavaScript's engine: '%s'", (literal) => {
    for (const text of ["", "aaa", "👍a👍", "baab"])
      expect(literalPattern(literal).matches(text)).toEqual(native(new RegExp(literal, "gu"), text));
  });
});
