import { withCode } from "@slm/core/testing";
import { SlmError } from "@slm/core";
import { describe, expect, test, vi } from "vitest";
import { trainBpeTokenizer } from "../learn/bpe-files.js";
import { vocabularySize } from "../library/library-tokenizer.js";
import { createTokenizer } from "../create-tokenizer.js";
import { tokenTexts } from "../library/token-texts.js";
import {
  tokenizerConfigJsonSchema,
  tokenizerJsonSchema,
  type TokenizerFiles,
} from "../files/tokenizer-files.js";
import { pruneConfig } from "./prune-config.js";
import { pruneTokenizer, type CorpusText } from "./prune-tokenizer.js";

/** Numbers below a bound, the same in every run. */
function dice(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const WORDS = [
  "play",
  "playing",
  "player",
  "some",
  "music",
  "musical",
  "the",
  "there",
  "café",
  "naïve",
  "日本",
  "aaaa",
  "aaa",
  '{"name":',
  "42",
  "🦊",
  "  ",
  "\n",
];

/** Texts of words and of letters. Some of the letters are in no vocabulary of these tests. */
function texts(count: number, seed: number, words: readonly string[] = WORDS): readonly string[] {
  const roll = dice(seed);
  return Array.from({ length: count }, () =>
    Array.from({ length: 1 + roll(6) }, () => words[roll(words.length)]!).join(roll(3) === 0 ? "" : " "),
  ).filter((text) => text.trim() !== "");
}

const byteLevel = (): Promise<TokenizerFiles> =>
  trainBpeTokenizer(
    texts(400, 1).map((text) => ({ source: text, target: text })),
    { vocabularySize: 420, minCount: 2, spaces: "joined", sourceLowercase: false },
  );

const BYTES = Array.from(
  { length: 256 },
  (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`,
);

/** Pieces with a sign for the space and byte fallback, as in SentencePiece: merges by score. */
function pieces(): TokenizerFiles {
  const roll = dice(7);
  const joined = texts(300, 2).map((text) => text.replaceAll(" ", "▁"));
  const tokens = new Set([...BYTES, ...Array.from("▁playingrsomeucthé42a")]);
  for (const text of joined) {
    const letters = Array.from(text);
    const length = 2 + roll(5);
    const at = roll(letters.length);
    for (let end = at + 2; end <= Math.min(letters.length, at + length); end += 1)
      tokens.add(letters.slice(at, end).join(""));
  }
  const vocab = ["<pad>", "<eos>", "<bos>", "<unk>", "<turn>", "<b>", ...tokens];
  const ids = new Map(vocab.map((token, id) => [token, id]));
  const merges = vocab.flatMap((token) =>
    Array.from(token).flatMap((_, at, letters) => {
      const [left, right] = [letters.slice(0, at).join(""), letters.slice(at).join("")];
      return at > 0 && ids.has(left) && ids.has(right) && !token.startsWith("<") ? [[left, right]] : [];
    }),
  );
  return filesOf({
    added_tokens: vocab.slice(0, 6).map((content, id) => ({ id, content, special: content !== "<b>" })),
    normalizer: { type: "Replace", pattern: { String: " " }, content: "▁" },
    decoder: {
      type: "Sequence",
      decoders: [
        { type: "Replace", pattern: { String: "▁" }, content: " " },
        { type: "ByteFallback" },
        { type: "Fuse" },
      ],
    },
    model: {
      type: "BPE",
      unk_token: "<unk>",
      fuse_unk: true,
      byte_fallback: true,
      vocab: Object.fromEntries(ids),
      merges,
    },
  });
}

function unigram(): TokenizerFiles {
  const { tokenizer } = pieces();
  const roll = dice(3);
  const scored = tokenTexts({ tokenizer }).map((token) => [token, -1 - roll(1000) / 100]);
  const characters = Array.from('ïv日本🦊{}":\n').map((token) => [token, -12]);
  return filesOf({ ...tokenizer, model: { type: "Unigram", unk_id: 3, vocab: [...scored, ...characters] } });
}

const filesOf = (parts: object): TokenizerFiles => ({
  tokenizer: tokenizerJsonSchema.parse({
    normalizer: null,
    pre_tokenizer: null,
    post_processor: null,
    decoder: null,
    ...parts,
  }),
  config: tokenizerConfigJsonSchema.parse({
    pad_token: "<pad>",
    bos_token: "<bos>",
    eos_token: "<eos>",
    unk_token: "<unk>",
    source: { lowercase: false, before: "<bos>", after: "\n" },
  }),
});

async function* corpusOf(sources: readonly string[]): AsyncGenerator<CorpusText> {
  for (const text of sources) yield { side: "source", text };
  yield* await Promise.resolve([]);
}

const KINDS = { "byte-level BPE": byteLevel, "pieces with bytes": pieces, Unigram: unigram } as const;
/** Few words, so that most of the vocabulary is unused. */
const CORPUS = texts(60, 5, ["play", "music", "the", "café", "aaa", "42"]);

describe.each(Object.entries(KINDS))("the pruned tokenizer of %s", (_, make) => {
  test.each([{}, { vocabularySize: 300 }, { keep: ["naïve player", "some {source}\n"] }, { keepFirst: 290 }])(
    "keeps the tokens of every text whose tokens are all kept, and encodes every other text (%j)",
    async (given) => {
      const files = await make();
      const { files: cut } = await pruneTokenizer(files, pruneConfig.parse(given), () => corpusOf(CORPUS));
      const [whole, pruned] = [createTokenizer(files), createTokenizer(cut)];
      const [texted, kept] = [tokenTexts(files), tokenTexts(cut)];
      const known = new Set(kept);
      let [same, other] = [0, 0];
      for (const text of [...CORPUS, ...texts(600, 11)]) {
        const before = whole.encodeTarget(text).map((id) => texted[id]);
        const after = pruned.encodeTarget(text);
        expect(pruned.decode(after)).toBe(whole.decode(whole.encodeTarget(text)));
        if (before.every((token) => known.has(token))) {
          same += 1;
          expect(after.map((id) => kept[id])).toEqual(before);
        } else other += 1;
      }
      expect(Math.min(same, other)).toBeGreaterThan(20);
      expect(pruned.vocabularySize).toBeLessThan(whole.vocabularySize);
      expect(kept).not.toContain(undefined);
    },
  );

  test("works in browsers, which have no Buffer", async () => {
    const { files } = await pruneTokenizer(await make(), pruneConfig.parse({}), () => corpusOf(CORPUS));
    const here = CORPUS.map((text) => createTokenizer(files).encodeSource(text));
    vi.stubGlobal("Buffer", undefined);
    try {
      const tokenizer = createTokenizer(files);
      expect(CORPUS.map((text) => tokenizer.encodeSource(text))).toEqual(here);
      expect(here.map((ids) => tokenizer.decode(ids))).toEqual(CORPUS);
    } finally {
      vi.unstubAllGlobals();
    }
  });

  test("keeps all tokens of the corpus, special tokens and the order of ids", async () => {
    const files = await make();
    const { files: cut, report } = await pruneTokenizer(files, pruneConfig.parse({}), () => corpusOf(CORPUS));
    expect(report).toMatchObject({ vocabBefore: vocabularySize(files), keptShare: 1 });
    expect(report.tokensPerText.after).toBe(report.tokensPerText.before);
    const ids = new Map(tokenTexts(files).map((token, id) => [token, id]));
    const order = tokenTexts(cut).map((token) => ids.get(token)!);
    expect(order).toEqual(order.toSorted((a, b) => a - b));
    const { pad, bos, eos, unknown } = createTokenizer(cut).tokens;
    const names = [pad, bos, eos, unknown].map((id) => tokenTexts(cut)[id]);
    const { pad_token, bos_token, eos_token, unk_token } = files.config;
    expect(names).toEqual([pad_token, bos_token, eos_token, unk_token]);
  });
});

describe(pruneTokenizer, () => {
  const prune = (
    files: TokenizerFiles,
    settings: object,
    corpus = CORPUS,
  ): ReturnType<typeof pruneTokenizer> =>
    pruneTokenizer(files, pruneConfig.parse(settings), () => corpusOf(corpus));

  test("measures the cost of a limit: fewer tokens are kept, and texts get longer", async () => {
    const { report, files } = await prune(await byteLevel(), { vocabularySize: 262 });
    expect(vocabularySize(files)).toBe(262);
    expect(report.keptShare).toBeLessThan(1);
    expect(report.tokensPerText.after).toBeGreaterThan(report.tokensPerText.before);
  });

  test("also keeps the first tokens of the vocabulary if configured", async () => {
    const files = await byteLevel();
    const first = tokenTexts(files).slice(0, 290);
    const [with290, without] = await Promise.all(
      [{ keepFirst: 290 }, {}].map(async (settings) => tokenTexts((await prune(files, settings)).files)),
    );
    expect(with290).toEqual(expect.arrayContaining(first));
    expect(without).not.toEqual(expect.arrayContaining(first));
    await expect(prune(files, { keepFirst: 290, vocabularySize: 280 })).rejects.toThrow(
      withCode("CONFIG_INVALID"),
    );
  });

  test("keeps the more frequent of two tokens", async () => {
    const corpus = [...new Array<string>(9).fill("music"), ...new Array<string>(5).fill("player")];
    const { files } = await prune(await byteLevel(), { vocabularySize: 264 }, corpus);
    const tokens = tokenTexts(files).filter(
      (token) => Array.from(token!).length > 1 && !token!.startsWith("["),
    );
    expect(tokens).toContain("music");
    expect(tokens).not.toContain("player");
  });

  test("names a limit that is too small, and the smallest that works", async () => {
    await expect(prune(await byteLevel(), { vocabularySize: 100 })).rejects.toMatchObject({
      code: "CONFIG_INVALID",
      suggestions: ["--set tokenizer.prune.vocabularySize=260"],
    });
  });

  test("drops unused special tokens, so that texts may contain them", async () => {
    const files = pieces();
    const { files: cut } = await prune(files, {});
    expect(cut.tokenizer.added_tokens.map(({ content }) => content)).toEqual([
      "<pad>",
      "<eos>",
      "<bos>",
      "<unk>",
    ]);
    expect(createTokenizer(cut).decode(createTokenizer(cut).encodeTarget("a <turn>"))).toBe("a <turn>");
    expect(() => createTokenizer(files).encodeTarget("a <turn>")).toThrow(SlmError);
    const { files: spelt } = await prune(files, { keep: ["<turn>{source}"] });
    expect(tokenTexts(spelt)).toContain("<turn>");
    const { files: used } = await prune(files, {}, ["the <b>"]);
    expect(tokenTexts(used)).toContain("<b>");
  });

  test("removes the teacher's prompt, and keeps the tokens that the prompt needs", async () => {
    const { files } = await prune(pieces(), {}, ["the", "a"]);
    expect(files.config.source).toEqual({ lowercase: false });
    expect(files.tokenizer.post_processor).toBeNull();
    // Without its own prompt, a teacher reads BOS before a source and a line break after it.
    const { files: other } = await prune(pieces(), { keep: ["some {source}"] }, ["the", "a"]);
    expect(createTokenizer(other).encodeSource("some the")).toHaveLength(
      createTokenizer(pieces()).encodeTarget("some the").length,
    );
  });

  test.each([
    [
      "WordPiece",
      { type: "WordPiece", vocab: { "<pad>": 0, "<bos>": 1, "<eos>": 2, "<unk>": 3 } },
      "a WordPiece vocabulary",
    ],
    ["a suffix", { ...pieces().tokenizer.model, end_of_word_suffix: "</w>" }, "BPE with end_of_word_suffix"],
  ])("says that it does not prune %s", async (_, model, reason) => {
    const files = pieces();
    await expect(prune({ ...files, tokenizer: { ...files.tokenizer, model } }, {})).rejects.toThrow(reason);
  });
});
