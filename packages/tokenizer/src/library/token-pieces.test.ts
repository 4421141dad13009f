import { withCode } from "@slm/core/testing";
import { describe, expect, test } from "vitest";
import { trainBpeTokenizer } from "../learn/bpe-files.js";
import { createTokenizer } from "../create-tokenizer.js";
import { trainSymbolTokenizer } from "../learn/symbol-files.js";
import { tokenPieces } from "./token-pieces.js";

describe(tokenPieces, () => {
  test("bytes of tokens add up to the text, within characters, too", async () => {
    const text = 'naïve "€" 😀 {"a": 1}';
    const files = await trainBpeTokenizer([{ source: "abc abc", target: text }], {
      vocabularySize: 300,
      minCount: 1,
      spaces: "joined",
      sourceLowercase: false,
    });
    const ids = createTokenizer(files).encodeTarget(text);
    const { bytes, separator } = tokenPieces(files);
    expect(separator).toHaveLength(0);
    expect(Buffer.concat(ids.map((id) => bytes[id]!)).toString()).toBe(text);
    const { pad, bos, eos, unknown } = createTokenizer(files).tokens;
    for (const id of [pad, bos, eos, unknown]) expect(bytes[id]).toBeUndefined();
  });

  test("symbols have a space between them", () => {
    const files = trainSymbolTokenizer({ sources: ["ab"], targets: ["X YY"], sourceLowercase: true });
    const ids = createTokenizer(files).encodeTarget("X YY");
    const { bytes, separator } = tokenPieces(files);
    expect(ids.map((id) => Buffer.from(bytes[id]!).toString()).join(Buffer.from(separator).toString())).toBe(
      "X YY",
    );
    expect(bytes.slice(0, 4)).toEqual([undefined, undefined, undefined, undefined]);
  });

  test("rejects a vocabulary if the text of a token depends on its neighbours", () => {
    const { tokenizer, config } = trainSymbolTokenizer({
      sources: ["ab"],
      targets: ["X"],
      sourceLowercase: true,
    });
    const { lowercase } = config.source;
    const files = {
      tokenizer: { ...tokenizer, decoder: { type: "Metaspace" } },
      config: { ...config, source: { lowercase } },
    };
    expect(() => tokenPieces(files)).toThrow(withCode("OP_UNSUPPORTED"));
  });
});
