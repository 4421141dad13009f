import fc from "fast-check";
import { expect, test } from "vitest";
import { MODEL_TYPES, PIECE_TYPES, readSentencePieceModel } from "./model-proto.js";
import { writeSentencePieceModel } from "./write-model.js";

const normalizer = fc.record({
  characterMap: fc.uint8Array({ maxLength: 40 }),
  addDummyPrefix: fc.boolean(),
  removeExtraWhitespaces: fc.boolean(),
  escapeWhitespaces: fc.boolean(),
});
const model = fc.record({
  type: fc.constantFrom(...MODEL_TYPES),
  pieces: fc.array(
    fc.record({
      text: fc.string({ minLength: 1, maxLength: 20, unit: "grapheme" }),
      score: fc.float({ noNaN: true, noDefaultInfinity: true }),
      type: fc.constantFrom(...PIECE_TYPES),
    }),
    { minLength: 1, maxLength: 20 },
  ),
  byteFallback: fc.boolean(),
  whitespaceIsSuffix: fc.boolean(),
  unknownText: fc.string({ maxLength: 10, unit: "grapheme" }),
  normalizer,
  denormalizer: normalizer,
});

test("a written model is read back unchanged", () => {
  fc.assert(
    fc.property(model, (made) => {
      expect(readSentencePieceModel(writeSentencePieceModel(made), "spiece.model")).toEqual(made);
    }),
    { seed: 1 },
  );
});
