import { withCode } from "@slm/core/testing";
import { describe, expect, test } from "vitest";
import { answerOpening } from "./answer-opening.js";
import type { TokenizerLanguages } from "../interface/tokenizer.js";

const CODES = ["deu_Latn", "fra_Latn", "fur_Latn"];

const languages = (begins: TokenizerLanguages["begins"]): { readonly languages: TokenizerLanguages } => ({
  languages: {
    codes: CODES,
    source: "deu_Latn",
    target: undefined,
    begins,
    tokenOf: (code) => 100 + CODES.indexOf(code),
  },
});

describe(answerOpening, () => {
  test.each([
    ["decoder_start", { start: 101 }],
    ["forced_bos", { forcedFirst: 101 }],
    ["source", {}],
  ] as const)("tells a model of kind %s its target language", (begins, opening) => {
    expect(answerOpening(languages(begins), { target: "fra_Latn" }, "here")).toEqual(opening);
  });

  test("leaves a request without languages alone, whatever the model", () => {
    expect(answerOpening({}, {}, "here")).toBeUndefined();
    expect(answerOpening(languages("forced_bos"), {}, "here")).toBeUndefined();
  });

  test.each([
    [{ target: "fr" }, "no language 'fr'; its 3 languages are fra_Latn, fur_Latn, deu_Latn"],
    [{ source: "FUR" }, "no language 'FUR'; its 3 languages are fur_Latn, fra_Latn, deu_Latn"],
    [{ target: "__proto__" }, "no language '__proto__'; its 3 languages are deu_Latn"],
  ])("rejects %o, which the model lacks, and names those most alike", (pair, message) => {
    expect(() => answerOpening(languages("decoder_start"), pair, "here")).toThrow(message);
  });

  test("rejects languages that would have no effect", () => {
    expect(() => answerOpening({}, { source: "fra_Latn" }, "here")).toThrow(withCode("USAGE"));
    expect(() => answerOpening(languages("source"), { source: "fra_Latn" }, "here")).toThrow(
      withCode("USAGE"),
    );
  });
});
