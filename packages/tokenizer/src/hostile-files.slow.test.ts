/** Files that would need endless time or memory: each must be rejected, or work, within two seconds of CPU time. */
import { describe, expect, test } from "vitest";
import { SlmError } from "@slm/core";
import { createTokenizer } from "./create-tokenizer.js";
import { trainBpeTokenizer } from "./learn/bpe-files.js";
import type { TokenizerFiles, TokenizerJson } from "./files/tokenizer-files.js";
import type { Tokenizer } from "./interface/tokenizer.js";

const files: TokenizerFiles = await trainBpeTokenizer(
  ["dim the lights", "turn the radio on"].map((source, at) => ({ source, target: `{"level": ${at}}` })),
  { vocabularySize: 300, minCount: 1, sourceLowercase: false, spaces: "joined" },
);

const regex = (Regex: string): object => ({ Regex });
const replace = (pattern: object, content: string): object => ({ type: "Replace", pattern, content });
const split = (pattern: object): object => ({ type: "Split", pattern, behavior: "Isolated", invert: false });
const times = (count: number, part: object): object[] => Array.from({ length: count }, () => part);
const nested = (levels: number, key: string, part: object): object =>
  levels === 0 ? part : { type: "Sequence", [key]: [nested(levels - 1, key, part)] };

type Parts = { readonly [Key in "normalizer" | "pre_tokenizer" | "decoder"]?: object };

const HOSTILE: Readonly<Record<string, Parts>> = {
  "nested repetition in a normalizer": { normalizer: replace(regex("(a+)+$"), "x") },
  "nested repetition in a pre-tokenizer": { pre_tokenizer: split(regex("(a+)+$")) },
  "nested repetition in a decoder": { decoder: replace(regex("(a+)+$"), "x") },
  "two equal alternatives": { pre_tokenizer: split(regex("(a|a)*b")) },
  "a search that begins again at every character": { pre_tokenizer: split(regex("a*b")) },
  "a lookahead over the rest of the text": { pre_tokenizer: split(regex("a(?=.*b)")) },
  "counts within counts": { pre_tokenizer: split(regex("((a{1,100}){1,100}){1,100}b")) },
  "a regular expression of a million characters": { pre_tokenizer: split(regex("a?".repeat(500_000))) },
  "30 doublings by a normalizer": {
    normalizer: { type: "Sequence", normalizers: times(30, replace({ String: "a" }, "aa")) },
  },
  "30 doublings by nested normalizers": {
    normalizer: {
      type: "Sequence",
      normalizers: times(30, nested(5, "normalizers", replace(regex("a"), "aa"))),
    },
  },
  "one long replacement": { normalizer: replace({ String: "a" }, "b".repeat(1_000_000)) },
  "one long front": { normalizer: { type: "Prepend", prepend: "b".repeat(10_000_000) } },
  "30 times bytes of bytes, as a normalizer": {
    normalizer: { type: "Sequence", normalizers: times(30, { type: "ByteLevel" }) },
  },
  "30 times bytes of bytes, as a pre-tokenizer": {
    pre_tokenizer: {
      type: "Sequence",
      pretokenizers: times(30, { type: "ByteLevel", add_prefix_space: true }),
    },
  },
  "a long sign for spaces": {
    pre_tokenizer: { type: "Metaspace", replacement: "b".repeat(100_000), prepend_scheme: "always" },
  },
  "30 doublings by a decoder": {
    decoder: { type: "Sequence", decoders: times(30, replace({ String: "a" }, "aa")) },
  },
  "30 empty suffixes": {
    decoder: { type: "Sequence", decoders: times(30, { type: "BPEDecoder", suffix: "" }) },
  },
  "a hundred thousand components": {
    normalizer: { type: "Sequence", normalizers: times(100_000, { type: "NFC" }) },
  },
};

const TEXTS = [`${"a".repeat(20_000)}!`, " ".repeat(20_000), "漢 字".repeat(5000), `x${" ".repeat(20_000)}x`];

function use(tokenizer: Tokenizer): void {
  for (const text of TEXTS) tokenizer.decode(tokenizer.encodeTarget(text));
}

describe("hostile tokenizer files", () => {
  test.each(Object.entries(HOSTILE))("%s", (_name, parts) => {
    const tokenizer = { ...files.tokenizer, ...parts } as TokenizerJson;
    const start = process.cpuUsage();
    try {
      use(createTokenizer({ ...files, tokenizer }));
    } catch (error) {
      if (!(error instanceof SlmError)) throw error;
      expect(error.code).toBe("DATA_INVALID");
      expect(error.message.length).toBeLessThan(500);
    }
    expect(process.cpuUsage(start).user / 1e6).toBeLessThan(2);
  });

  test("added tokens that are searched in normalized text do not run the library's own expressions", () => {
    const added = { id: 299, content: `${"a".repeat(40)}!`, normalized: true };
    const tokenizer = {
      ...files.tokenizer,
      normalizer: replace(regex("(a+)+$"), "x"),
      added_tokens: [...files.tokenizer.added_tokens, added],
    } as TokenizerJson;
    const start = process.cpuUsage();
    expect(createTokenizer({ ...files, tokenizer }).encodeTarget(added.content)).toEqual([299]);
    expect(process.cpuUsage(start).user / 1e6).toBeLessThan(2);
  });

  test("100,000 names of special tokens are compared once each", () => {
    const names = Array.from({ length: 100_000 }, (_, at) => `<extra_${at}>`);
    const config = { ...files.config, additional_special_tokens: [...names, ...names] };
    const start = process.cpuUsage();
    createTokenizer({ ...files, config });
    expect(process.cpuUsage(start).user / 1e6).toBeLessThan(2);
  });
});
