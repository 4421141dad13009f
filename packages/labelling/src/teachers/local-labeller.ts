/** A teacher on this machine as a labeller. */
import { SlmError } from "@slm/core";
import { createRandom, type Decoded, type Strategy } from "@slm/generation";
import type { Tokenizer } from "@slm/tokenizer";
import { decodeSources, decodeWith, type Teacher } from "@slm/teacher";
import type { CompletionOptions, LabelAnswer, Labeller } from "../labeller/labeller.js";

export interface LocalLabellerOptions extends Pick<Labeller, "name" | "identity"> {
  readonly teacher: Teacher;
  /** Reads sources and writes targets of this teacher. */
  readonly tokenizer: Tokenizer;
  /** The same tokenizer without the task's prompt, for completions; undefined: it gives none. */
  readonly plain?: Tokenizer | undefined;
  /** How a single answer is chosen. */
  readonly single: Strategy;
  /** Top-k of samples; undefined: all tokens. */
  readonly topK: number | undefined;
}

/**
 * Answers of a local teacher. Samples of one source are rows of one batch. Closing it does not close the teacher.
 *
 * Deterministic in the sources, the options and the seed.
 */
export function localLabeller({
  name,
  identity,
  teacher,
  tokenizer,
  plain,
  single,
  topK,
}: LocalLabellerOptions): Labeller {
  const { maxSource } = teacher.config;
  const tokensOf = (source: string): Int32Array | "unencodable" | "tooLong" => {
    const tokens = encodable(() => tokenizer.encodeSource(source));
    if (tokens === undefined) return "unencodable";
    return tokens.length > maxSource ? "tooLong" : Int32Array.from(tokens);
  };
  return {
    name,
    identity,
    refuses: (source) => {
      const tokens = tokensOf(source);
      return typeof tokens === "string" ? tokens : undefined;
    },
    answer: async (sources, { samples, temperature, seed, signal }) => {
      const encoded = sources.map(tokensOf);
      const rows = encoded.flatMap((tokens) =>
        typeof tokens === "string" ? [] : Array.from({ length: samples }, () => tokens),
      );
      const decoded = await decodeSources({
        teacher,
        sources: rows,
        strategy: samples === 1 ? single : { kind: "sample", temperature, topK },
        random: createRandom(seed).next,
        signal,
      });
      let next = 0;
      return encoded.map((tokens) => {
        if (typeof tokens === "string") return [];
        next += samples;
        return decoded.slice(next - samples, next).map((one) => answerOf(one, tokenizer));
      });
    },
    complete: plain && ((prompts, options) => completeTexts(teacher, plain, prompts, options)),
    close: () => Promise.resolve(),
  };
}

/**
 * Sampled continuations of texts. The last token of a text begins its continuation, in place of BOS, and the first token of `end` ends it.
 * A text that is too long, or whose continuation does not end, gives an empty one.
 */
async function completeTexts(
  teacher: Teacher,
  tokenizer: Tokenizer,
  prompts: readonly string[],
  { end, temperature, seed, signal }: CompletionOptions,
): Promise<readonly string[]> {
  const { maxSource, tokens: marks } = teacher.config;
  const eos = tokenizer.encodeTarget(end)[0]!;
  const groups = new Map<number, { readonly place: number; readonly source: Int32Array }[]>();
  prompts.forEach((prompt, place) => {
    const tokens = tokenizer.encodeSource(prompt);
    const [source, bos] = [Int32Array.from(tokens.slice(0, -1)), tokens.at(-1)!];
    if (source.length === 0 || source.length > maxSource) return;
    groups.set(bos, [...(groups.get(bos) ?? []), { place, source }]);
  });
  const texts = prompts.map(() => "");
  const random = createRandom(seed).next;
  for (const [bos, group] of groups) {
    const decode = decodeWith((...given) => teacher.start(...given), { ...marks, bos, eos });
    const sources = group.map(({ source }) => source);
    const strategy: Strategy = { kind: "sample", temperature };
    const decoded = await decodeSources({
      teacher: { ...teacher, decode },
      sources,
      strategy,
      random,
      signal,
    });
    group.forEach(({ place }, index) => {
      const { tokens, finished } = decoded[index]!;
      if (finished) texts[place] = tokenizer.decode(tokens);
    });
  }
  return texts;
}

function answerOf({ tokens, finished, logProbability }: Decoded, tokenizer: Tokenizer): LabelAnswer {
  const target = tokenizer.decode(tokens);
  const again = encodable(() => tokenizer.encodeTarget(target));
  return {
    target,
    score: logProbability / (tokens.length + 1),
    finished,
    encoding: again === undefined ? "none" : isEqual(again, tokens) ? "same" : "other",
  };
}

const isEqual = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((id, index) => id === b[index]);

/** Tokens of a text; undefined if the tokenizer rejects it. */
function encodable(encode: () => number[]): number[] | undefined {
  try {
    return encode();
  } catch (error) {
    if (error instanceof SlmError && error.code === "DATA_INVALID") return undefined;
    throw error;
  }
}
