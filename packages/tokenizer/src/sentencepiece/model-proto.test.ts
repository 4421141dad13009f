import { withCode } from "@slm/core/testing";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { sentencePieceBytes } from "../../test-support/sentence-piece-bytes.mjs";
import { MAX_PIECE_LENGTH, readSentencePieceModel } from "./model-proto.js";
import { createProcessor } from "./processor.js";

const UNKNOWN = { text: "<unk>", type: 2 };
const read = (bytes: Uint8Array): ReturnType<typeof readSentencePieceModel> =>
  readSentencePieceModel(bytes, "spiece.model");

describe(readSentencePieceModel, () => {
  test("reads pieces, the kind of model, and how texts are normalized", () => {
    const map = Uint8Array.of(1, 2, 3);
    const bytes = sentencePieceBytes({
      pieces: [UNKNOWN, { text: "▁漢", score: -1.5 }, { text: "</s>", type: 3 }],
      trainer: { 3: 2, 24: 1, 35: 1 },
      normalizer: { 3: 0, 4: 0 },
      map,
    });
    expect(read(bytes)).toEqual({
      type: "bpe",
      pieces: [
        { text: "<unk>", score: 0, type: "unknown" },
        { text: "▁漢", score: -1.5, type: "normal" },
        { text: "</s>", score: 0, type: "control" },
      ],
      byteFallback: true,
      whitespaceIsSuffix: true,
      unknownText: " ⁇ ",
      normalizer: {
        characterMap: map,
        addDummyPrefix: false,
        removeExtraWhitespaces: false,
        escapeWhitespaces: true,
      },
      denormalizer: {
        characterMap: new Uint8Array(),
        addDummyPrefix: false,
        removeExtraWhitespaces: true,
        escapeWhitespaces: true,
      },
    });
  });

  test.each([
    ["no pieces", sentencePieceBytes({ pieces: [] }), "it has no pieces"],
    ["a piece without text", sentencePieceBytes({ pieces: [{ text: "" }] }), "piece 0 has no text"],
    ["an unknown type", sentencePieceBytes({ pieces: [{ text: "a", type: 7 }] }), "piece 0 has type 7"],
    ["an unknown kind", sentencePieceBytes({ pieces: [UNKNOWN], trainer: { 3: 9 } }), "the model has type 9"],
    ["no number as a score", sentencePieceBytes({ pieces: [{ text: "a", score: NaN }] }), "has score NaN"],
    [
      "a piece that is too long",
      sentencePieceBytes({ pieces: [{ text: "a".repeat(MAX_PIECE_LENGTH + 1) }] }),
      "piece 0 is longer than",
    ],
    ["bytes that are no UTF-8", Uint8Array.of(0x0a, 3, 0x0a, 1, 0xff), "not a SentencePiece model"],
    ["a length beyond the end", Uint8Array.of(0x0a, 0xff, 0xff, 0xff, 0x0f, 1), "not a SentencePiece model"],
    ["groups inside of groups", new Uint8Array(5000).fill(0x4b), "not a SentencePiece model"],
  ])("rejects %s", (_, bytes, message) => {
    expect(() => read(bytes)).toThrow(withCode("DATA_INVALID"));
    expect(() => read(bytes)).toThrow(message);
  });

  test("a corrupt model is rejected with a code, or it encodes and decodes", () => {
    const whole = sentencePieceBytes({
      pieces: [UNKNOWN, { text: "<s>", type: 3 }, ..."▁abcd".split("").map((text) => ({ text, score: -1 }))],
    });
    const outcomes = { read: 0, rejected: 0 };
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        fc.nat(whole.length),
        (changes, length) => {
          const bytes = Uint8Array.from(length % 2 === 0 ? whole : whole.subarray(0, length));
          for (const [at, byte] of changes) if (at < bytes.length) bytes[at] = byte;
          try {
            const processor = createProcessor(read(bytes), "spiece.model");
            expect(typeof processor.decode(processor.encode("a bad  dab\u0301 漢"))).toBe("string");
            outcomes.read++;
          } catch (error) {
            expect(["DATA_INVALID", "OP_UNSUPPORTED"]).toContain((error as { code?: string }).code);
            outcomes.rejected++;
          }
        },
      ),
      { numRuns: 1000, seed: 3 },
    );
    // The test would show nothing if every corrupt model were accepted, or none.
    expect(outcomes.read).toBeGreaterThan(50);
    expect(outcomes.rejected).toBeGreaterThan(50);
  });
});
