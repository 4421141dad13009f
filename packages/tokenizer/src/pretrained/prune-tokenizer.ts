/**
 * Prunes the vocabulary of a tokenizer to the tokens that a corpus uses.
 *
 * A text is encoded to the same tokens, with new ids, if all of them are kept. Other texts are encoded with smaller pieces. All texts still
 * decode to themselves.
 */
import { createLibrary } from "../library/library.js";
import { createLibraryTokenizer, vocabularySize } from "../library/library-tokenizer.js";
import { tokenTexts } from "../library/token-texts.js";
import type { TokenizerFiles } from "../files/tokenizer-files.js";
import { bareTokenizer, withoutSpecial } from "./bare-tokenizer.js";
import { chooseTokens } from "./choose-tokens.js";
import { SOURCE_MARK, type PruneConfig } from "./prune-config.js";
import { prunableVocabulary, type PrunableVocabulary } from "./vocabulary-kinds.js";

/** A text of the corpus, and its side. */
export interface CorpusText {
  readonly side: "source" | "target";
  readonly text: string;
}

export interface PruneReport {
  /** Tokens of the whole vocabulary. */
  readonly vocabBefore: number;
  /** Share of the corpus's tokens that are kept, including prompts: 1 without `vocabularySize`. */
  readonly keptShare: number;
  /** Mean tokens of a source or target. */
  readonly tokensPerText: { readonly before: number; readonly after: number };
}

/**
 * Reads the corpus twice: to count the tokens, and to measure the result.
 *
 * @throws SlmError OP_UNSUPPORTED for a kind of vocabulary that cannot be pruned, CONFIG_INVALID for a limit below the number of tokens that are
 * always kept, DATA_INVALID for a text that the tokenizer rejects.
 */
export async function pruneTokenizer(
  files: TokenizerFiles,
  settings: PruneConfig,
  corpus: () => AsyncIterable<CorpusText>,
): Promise<{ readonly files: TokenizerFiles; readonly report: PruneReport }> {
  const whole = withoutSpecial(bareTokenizer(files), spelt(files, settings));
  const vocabulary = prunableVocabulary(whole.tokenizer.model);
  const counted = await countTokens(whole, sourceContexts(files, settings), settings, corpus());
  const kept = chooseTokens({
    counts: counted.counts,
    required: new Set([
      ...vocabulary.required,
      ...counted.required,
      ...Object.values(namesOf(whole)),
      ...firstTokens(vocabulary, settings.keepFirst ?? 0),
    ]),
    parts: vocabulary.parts,
    vocabularySize: settings.vocabularySize,
  });
  const pruned = cut(whole, vocabulary, kept);
  let [total, held] = [0, 0];
  for (const [token, count] of counted.counts) {
    total += count;
    if (kept.has(token)) held += count;
  }
  return {
    files: pruned,
    report: {
      vocabBefore: vocabularySize(files),
      keptShare: total === 0 ? 1 : held / total,
      tokensPerText: { before: counted.tokensPerText, after: await tokensPerText(pruned, corpus()) },
    },
  };
}

/** Tokens with ids below `count`, except special and other added tokens. */
const firstTokens = ({ ids }: PrunableVocabulary, count: number): readonly string[] =>
  [...ids].filter(([, id]) => id < count).map(([token]) => token);

const namesOf = ({ config }: TokenizerFiles): Readonly<Record<string, string>> => {
  const { pad_token: pad, bos_token: bos, eos_token: eos, unk_token: unknown } = config;
  return { pad, bos, eos, unknown };
};

/** Whether the texts of `keep` contain a token. */
function spelt({ tokenizer }: TokenizerFiles, { keep }: PruneConfig): (token: string) => boolean {
  const found = new Set(
    tokenizer.added_tokens
      .map(({ content }) => content)
      .filter((content) => keep.some((text) => text.includes(content))),
  );
  return (token) => found.has(token);
}

interface Counted {
  readonly counts: ReadonlyMap<string, number>;
  /** Tokens of the texts that are always kept. */
  readonly required: ReadonlySet<string>;
  readonly tokensPerText: number;
}

async function countTokens(
  whole: TokenizerFiles,
  contexts: readonly SourceContext[],
  { keep }: PruneConfig,
  corpus: AsyncIterable<CorpusText>,
): Promise<Counted> {
  const bare = createLibraryTokenizer(whole);
  const prompted = contexts.map((context) => createLibraryTokenizer(inContext(whole, context)));
  const library = createLibrary(whole.tokenizer, whole.config);
  const counts = new Map<number, number>();
  const add = (ids: readonly number[]): void => {
    for (const id of ids) counts.set(id, (counts.get(id) ?? 0) + 1);
  };
  let [count, tokens] = [0, 0];
  for await (const { side, text } of corpus) {
    const ids = side === "source" ? bare.encodeSource(text) : bare.encodeTarget(text);
    add(ids);
    count += 1;
    tokens += ids.length;
    if (side === "source") for (const reader of prompted) add(reader.encodeSource(text));
  }
  const texts = keep.filter((text) => !text.includes(SOURCE_MARK));
  const required = [
    ...texts.flatMap((text) => library.encode(text, { add_special_tokens: false }).ids),
    ...prompted.map(({ tokens: { bos } }) => bos),
  ];
  const names = tokenTexts(whole);
  return {
    counts: new Map([...counts].map(([id, times]) => [names[id]!, times])),
    required: new Set(required.map((id) => names[id]!)),
    tokensPerText: count === 0 ? 0 : tokens / count,
  };
}

/** Texts around a source, as in `tokenizer_config.json`. */
type SourceContext = Pick<TokenizerFiles["config"]["source"], "before" | "after">;

/** The contexts of `keep`. Default: what a teacher without a prompt reads around sources. */
function sourceContexts({ config }: TokenizerFiles, { keep }: PruneConfig): readonly SourceContext[] {
  const given = keep.filter((text) => text.includes(SOURCE_MARK));
  if (given.length === 0) return [config.source];
  return given.map((text) => {
    const [before, ...rest] = text.split(SOURCE_MARK);
    const after = rest.join(SOURCE_MARK);
    return { before: before!, after: after === "" ? undefined : after };
  });
}

const inContext = (
  { tokenizer, config }: TokenizerFiles,
  { before, after }: SourceContext,
): TokenizerFiles => ({
  tokenizer,
  config: { ...config, source: { lowercase: false, before, after } },
});

async function tokensPerText(files: TokenizerFiles, corpus: AsyncIterable<CorpusText>): Promise<number> {
  const tokenizer = createLibraryTokenizer(files);
  let [count, tokens] = [0, 0];
  for await (const { side, text } of corpus) {
    tokens += (side === "source" ? tokenizer.encodeSource(text) : tokenizer.encodeTarget(text)).length;
    count += 1;
  }
  return count === 0 ? 0 : tokens / count;
}

/** The files with the kept tokens at dense ids in the old order. */
function cut(
  { tokenizer, config }: TokenizerFiles,
  vocabulary: PrunableVocabulary,
  kept: ReadonlySet<string>,
): TokenizerFiles {
  const ids = new Map(vocabulary.ids);
  for (const { id, content } of tokenizer.added_tokens) ids.set(content, id);
  const order = [...ids].filter(([token]) => kept.has(token)).sort(([, a], [, b]) => a - b);
  const dense = new Map(order.map(([token], id) => [token, id]));
  return {
    config,
    tokenizer: {
      ...tokenizer,
      added_tokens: tokenizer.added_tokens
        .filter(({ content }) => dense.has(content))
        .map((token) => ({ ...token, id: dense.get(token.content)! })),
      model: vocabulary.cut(dense),
    },
  };
}
