/** Records log-probabilities of an answer's tokens and of their alternatives, in OpenAI's formats. */

import { topIds, logSumExp } from "@slm/generation";
import { isSliceOver, nextSlice } from "../batching/time-slices.js";

/** Most alternatives per token, as in OpenAI's interface. */
export const MAX_TOP_LOGPROBS = 20;

interface TokenAlternative {
  /** The text that the token adds to the answer. */
  readonly text: string;
  /** Log-probability under the model, before temperature, penalties and constraints [nats]. */
  readonly logProbability: number;
}

export interface TokenLogprob extends TokenAlternative {
  /** The most probable tokens, in descending order. */
  readonly top: readonly TokenAlternative[];
}

interface Scored {
  readonly id: number;
  readonly logProbability: number;
}

/** Number of preceding tokens that the text of a token may depend on, such as the first bytes of a character. */
const CONTEXT_TOKENS = 8;

/** Records the tokens of one answer while they are chosen. */
export class LogprobRecorder {
  readonly #top: number;
  readonly #tokens: (Scored & { readonly top: readonly Scored[] })[] = [];

  /** @param top alternatives recorded per token */
  constructor(top: number) {
    this.#top = top;
  }

  /** Wraps a function that picks tokens. @param choose absent: greedy */
  choosing(choose: ((logits: Float32Array) => number) | undefined): (logits: Float32Array) => number {
    return (logits) => {
      const normalizer = logSumExp(logits);
      const best = topIds(logits, Math.max(1, this.#top));
      const scored = (id: number): Scored => ({ id, logProbability: logits[id]! - normalizer });
      const top = best.slice(0, this.#top).map(scored);
      const own = logits.slice();
      const id = choose === undefined ? best[0]! : choose(logits);
      this.#tokens.push({ id, logProbability: own[id]! - normalizer, top });
      return id;
    };
  }

  /** The first `count` tokens with their texts. Decodes every alternative, so it lets other requests run in between. */
  async texts(count: number, decode: (ids: readonly number[]) => string): Promise<readonly TokenLogprob[]> {
    const recorded = this.#tokens.slice(0, count);
    const texts: TokenLogprob[] = [];
    for (const [place, { id, logProbability, top }] of recorded.entries()) {
      if (isSliceOver()) await nextSlice();
      const before = recorded.slice(Math.max(0, place - CONTEXT_TOKENS), place).map((token) => token.id);
      const prefix = decode(before);
      const textOf = (token: number): string => {
        const text = decode([...before, token]);
        return text.startsWith(prefix) ? text.slice(prefix.length) : decode([token]);
      };
      texts.push({
        text: textOf(id),
        logProbability,
        top: top.map((other) => ({ text: textOf(other.id), logProbability: other.logProbability })),
      });
    }
    return texts;
  }
}

/** The log-probabilities in a format of OpenAI's. */
type Logprobs = Record<string, unknown>;

/** The form of chat completions. */
export function chatLogprobs(tokens: readonly TokenLogprob[] | undefined): Logprobs | null {
  if (tokens === undefined) return null;
  return {
    content: tokens.map(({ top, ...token }) => ({
      ...chatToken(token),
      top_logprobs: top.map(chatToken),
    })),
    refusal: null,
  };
}

const chatToken = ({ text, logProbability }: TokenAlternative): object => ({
  token: text,
  logprob: logProbability,
  bytes: [...Buffer.from(text)],
});

/** The form of completions. */
export function completionLogprobs(tokens: readonly TokenLogprob[] | undefined): Logprobs | null {
  if (tokens === undefined) return null;
  let length = 0;
  const offsets = tokens.map(({ text }) => {
    length += text.length;
    return length - text.length;
  });
  return {
    tokens: tokens.map(({ text }) => text),
    token_logprobs: tokens.map(({ logProbability }) => logProbability),
    top_logprobs: tokens.map(({ top }) =>
      // If several tokens have the same text, keep the most probable one.
      Object.fromEntries(top.toReversed().map(({ text, logProbability }) => [text, logProbability])),
    ),
    text_offset: offsets,
  };
}
