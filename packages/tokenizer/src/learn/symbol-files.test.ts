import { SlmError } from "@slm/core";
import { describe, expect, test } from "vitest";
import { symbolTokenizerFiles, trainSymbolTokenizer } from "./symbol-files.js";

function train(sources: readonly string[], targets: readonly string[], sourceLowercase = true) {
  return trainSymbolTokenizer({ sources, targets, sourceLowercase });
}

describe(trainSymbolTokenizer, () => {
  test("does not depend on the order of the rows", () => {
    expect(train(["ab", "ca"], ["X Y", "Z"])).toEqual(train(["ca", "ab"], ["Z", "Y X"]));
  });

  test("keeps the case of the source when told to", () => {
    expect(train(["Ab"], ["1"], false).tokenizer.model.vocab).toMatchObject({ A: 4, b: 5 });
  });

  test.each([
    ["a shared symbol", ["ab"], ["a"], 'share the character "a"'],
    ["a shared character", ["a1"], ["AH1"], 'share the character "1"'],
    ["whitespace in a source", ["a b"], ["X"], "contains whitespace"],
    ["a special token in a target", ["a"], ["X[eos]"], "contains the special token [eos]"],
    ["half a character in a source", ["a\ud800"], ["X"], "half a character"],
    ["half a character in a target", ["a"], ["X\udc00"], "half a character"],
    ["no source", [""], ["X"], "no source characters"],
    ["no target", ["a"], [" "], "no target symbols"],
  ])("rejects %s", (_name, sources, targets, message) => {
    const run = (): unknown => train(sources, targets);
    expect(run).toThrow(SlmError);
    expect(run).toThrow(message);
  });
});

describe(symbolTokenizerFiles, () => {
  test.each([
    ["a repeated symbol", { source: ["a", "a"], target: ["X"] }],
    ["a source symbol of two characters", { source: ["ab"], target: ["X"] }],
    ["a target symbol with whitespace", { source: ["a"], target: ["X Y"] }],
  ])("rejects %s", (_name, vocabulary) => {
    expect(() => symbolTokenizerFiles({ ...vocabulary, sourceLowercase: true })).toThrow(SlmError);
  });
});
