/** A teacher on this machine as a labeller. */
import { SlmError } from "@slm/core";
import { createRandom, type Decoded } from "@slm/generation";
import type { Tokenizer } from "@slm/tokenizer";
import { decodeSources, type Teacher } from "@slm/teacher";
import type { LabelAnswer, Labeller } from "../labeller/labeller.js";

export interface LocalLabellerOptions extends Pick<Labeller, "name" | "identity"> {
  readonly teacher: Teacher;
  /** Reads sources and writes targets of this teacher. */
  readonly tokenizer: Tokenizer;
}

/** Greedy answers of a local teacher. Closing it does not close the teacher. */
export function localLabeller({ name, identity, teacher, tokenizer }: LocalLabellerOptions): Labeller {
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
    answer: async (sources, { signal }) => {
      const encoded = sources.map(tokensOf);
      const decoded = await decodeSources({
        teacher,
        sources: encoded.filter((tokens) => typeof tokens !== "string"),
        strategy: { kind: "greedy" },
        random: createRandom(0).next,
        signal,
      });
      let next = 0;
      return encoded.map((tokens) =>
        typeof tokens === "string" ? undefined : answerOf(decoded[next++]!, tokenizer),
      );
    },
    close: () => Promise.resolve(),
  };
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
