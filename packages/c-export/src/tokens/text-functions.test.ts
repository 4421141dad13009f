import { encoderDecoderConfig } from "@slm/model";
import { trainBpeTokenizer, trainSymbolTokenizer, type TokenizerFiles } from "@slm/tokenizer";
import { describe, expect, test } from "vitest";
import { textFunctions } from "./text-functions.js";

const config = encoderDecoderConfig.parse({
  ...{ architecture: "encoder-decoder", width: 8, heads: 1, kvHeads: 1, headDim: 8, feedForward: 8 },
  ...{ encoderLayers: 1, decoderLayers: 1, maxSource: 10, maxTarget: 5, vocabularySize: 300 },
  tokens: { pad: 0, bos: 1, eos: 2, unknown: 3 },
});
const model = { name: "tiny", config, vocabulary: 300 };
const symbols = trainSymbolTokenizer({ sources: ["aé"], targets: ["X YYY"], sourceLowercase: true });
const bpe = (sourceLowercase: boolean): Promise<TokenizerFiles> =>
  trainBpeTokenizer([{ source: "ab ab ab", target: "ab" }], {
    ...{ vocabularySize: 300, minCount: 2, spaces: "joined", sourceLowercase },
  });

describe(textFunctions, () => {
  test("declares functions for symbols, with room for the longest answer", () => {
    const { support, header, arenaBytes } = textFunctions(model, symbols);
    expect(support).toEqual({ kind: "symbols" });
    expect(header).toContain("#define TINY_MAX_TEXT 21\n");
    expect(header).toContain(
      "int tiny_answer_text(tiny_model *model, const char *text, char *answer, size_t capacity);",
    );
    expect(arenaBytes).toBe(64);
  });

  test("declares functions for byte-level BPE, with room to merge the longest text", async () => {
    const { support, source, arenaBytes } = textFunctions(model, await bpe(false));
    expect(support).toEqual({ kind: "bpe" });
    expect(source).toContain("static const uint16_t text_ranks[]");
    // 16 tokens of 4 bytes; 10 tokens of up to 2 bytes, with 2 numbers of 2 bytes for each byte.
    expect(arenaBytes).toBe(192);
  });

  test.each<[string, () => Promise<TokenizerFiles | undefined> | TokenizerFiles, object, RegExp]>([
    ["no tokenizer", () => Promise.resolve(undefined), {}, /has no tokenizer/u],
    [
      "a prompt",
      async () => {
        const { tokenizer, config: settings } = await bpe(false);
        return { tokenizer, config: { ...settings, source: { lowercase: false, before: "Translate: " } } };
      },
      {},
      /nor GPT-2's without a prompt/u,
    ],
    ["lower-cased BPE", () => bpe(true), {}, /lower-cases/u],
    ["a vocabulary that the model lacks", () => symbols, { vocabulary: 7 }, /has 8 tokens, the model has 7/u],
  ])("says why there are none for %s", async (_, files, change, reason) => {
    const { support, header, source, arenaBytes } = textFunctions({ ...model, ...change }, await files());
    expect(support).toEqual({ kind: "none", reason: expect.stringMatching(reason) as string });
    expect(header).toMatch(reason);
    expect([source, arenaBytes]).toEqual(["", 0]);
  });

  test("says why there are none for a model with other special tokens", () => {
    const other = { ...config, tokens: { ...config.tokens, eos: 3 } };
    expect(textFunctions({ ...model, config: other }, symbols).header).toMatch(
      /special tokens of the model/u,
    );
  });
});
