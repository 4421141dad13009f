import { withCode } from "@slm/core/testing";
import { SlmError } from "@slm/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { GrammarBuilder, type Grammar } from "./grammar.js";
import { constrainTokens } from "./constrain-tokens.js";

const EOS = 0;

function grammarOf(make: (builder: GrammarBuilder) => (from: number) => number): Grammar {
  const builder = new GrammarBuilder();
  const start = builder.declare();
  builder.define(start, make(builder));
  return builder.build(start);
}

/** Zero or more times "ab", then one or two times "c". */
const grammar = grammarOf((b) =>
  b.sequence(b.repeat(b.text("ab"), 0, Infinity), b.repeat(b.text("c"), 1, 2)),
);
const isWhole = (text: string): boolean => /^(?:ab)*c{1,2}$/u.test(text);
/** Whether the text is a prefix of some text that the grammar generates. */
const isBeginning = (text: string): boolean => /^(?:ab)*(?:a|c{1,2})?$/u.test(text);

const word = fc.string({ unit: fc.constantFrom("a", "b", "c"), minLength: 1, maxLength: 4 });

describe(constrainTokens, () => {
  test("allows exactly the tokens that continue a text of the grammar, and the end where one ends", () => {
    fc.assert(
      fc.property(
        fc.array(word, { minLength: 1, maxLength: 12 }),
        fc.array(fc.nat(100), { maxLength: 6 }),
        (words, picks) => {
          const bytes = [undefined, ...words.map((text) => Buffer.from(text))];
          let state = constrainTokens(grammar, { bytes, separator: new Uint8Array(0) }, { eos: EOS });
          let text = "";
          for (const pick of [...picks, 0]) {
            const expected = [isWhole(text), ...words.map((more) => isBeginning(text + more))];
            expect(Array.from(bytes.keys(), (id) => state.allows(id))).toEqual(expected);
            const scores = new Float32Array(bytes.length);
            if (!expected.includes(true)) {
              expect(() => {
                state.mask(scores);
              }).toThrow(SlmError);
              return;
            }
            state.mask(scores);
            expect(Array.from(scores, (score) => score === 0)).toEqual(expected);
            const going = words.flatMap((_, at) => (expected[at + 1] === true ? [at] : []));
            if (going.length === 0) return;
            const at = going[pick % going.length]!;
            text += words[at]!;
            state = state.after(at + 1);
          }
        },
      ),
    );
  });

  test("ids beyond the vocabulary may never follow", () => {
    const scores = new Float32Array(5);
    constrainTokens(
      grammar,
      { bytes: [undefined, Buffer.from("c")], separator: new Uint8Array(0) },
      { eos: EOS },
    ).mask(scores);
    expect([...scores]).toEqual([-Infinity, 0, -Infinity, -Infinity, -Infinity]);
  });

  test("rejects continuing after a token that may not follow", () => {
    const state = constrainTokens(
      grammar,
      { bytes: [undefined, Buffer.from("b")], separator: new Uint8Array(0) },
      { eos: EOS },
    );
    expect(() => state.after(1)).toThrow(withCode("UNEXPECTED"));
  });
});

describe(GrammarBuilder, () => {
  test("rejects a rule that calls itself before it reads, also through others", () => {
    const builder = new GrammarBuilder();
    const [one, two] = [builder.declare(), builder.declare()];
    builder.define(one, builder.choice(builder.text("a"), builder.call(two)));
    builder.define(two, builder.sequence(builder.optional(builder.text("b")), builder.call(one)));
    expect(() => builder.build(one)).toThrow(withCode("DATA_INVALID"));
  });
});
