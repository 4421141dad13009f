/**
 * Converts the log-probabilities of a server's tokens to the student's tokens of the same target.
 *
 * At each position the student has read a part of the text. The server's token with the next byte says how the text can continue:
 *
 * ```
 * server    | inside  | 0.7     student  | in | ...
 *           | instead | 0.2              after "in": "side" 0.7, "stead" 0.2, tail 0.1
 * ```
 *
 * Alternatives that start with the part of the token that was already read are kept, and their probabilities are normalized together with
 * the tail. The probability of the server's own token goes to the student's next token. The probability of an alternative goes to the
 * longest student token that its remaining text starts with, as in rule 2 of distillation's `VocabularyMap`.
 */
import { prefixTexts, addedTexts, type Tokenizer } from "@slm/tokenizer";
import type { AnswerToken } from "./api-answer.js";

/** A distribution over a few tokens; the tail is the total probability of all other tokens. */
export interface SparseDistribution {
  readonly masses: ReadonlyMap<number, number>;
  readonly tail: number;
}

/** Texts of special tokens that end an answer in servers' responses. */
const END_TOKEN =
  /^(<\|(im_end|eot_id|eom_id|endoftext|end|end_of_text|return|EOT)\|>|<\/s>|<eos>|<end_of_turn>|\[EOS\])$/u;

interface Alternative {
  readonly bytes: Buffer;
  readonly logProbability: number;
}

/** A token of the server with the bytes before it. */
interface Span {
  readonly start: number;
  readonly own: Alternative;
  readonly all: readonly Alternative[];
}

export class TargetDistributions {
  readonly #tokenizer: Tokenizer;
  readonly #first: ReadonlyMap<string, number>;
  readonly #later: ReadonlyMap<string, number>;

  /** @param example a target of the data, see `addedTexts` */
  constructor(tokenizer: Tokenizer, example: string) {
    this.#tokenizer = tokenizer;
    const written = new Set(tokenizer.encodeTarget(example));
    const { first, later } = addedTexts(tokenizer, example);
    this.#first = idsByText(first, written);
    this.#later = idsByText(later, written);
  }

  /**
   * Distributions at every position of a target, including EOS: entry i predicts token i of `target`. An entry is undefined if the server
   * has no data for the position. The result is undefined if the texts of the target and of the server's tokens differ.
   */
  of(target: readonly number[], tokens: readonly AnswerToken[]): readonly (SparseDistribution | undefined)[] {
    const nothing = new Array<undefined>(target.length + 1).fill(undefined);
    const whole = this.#tokenizer.decode(target);
    const spans = spansOf(tokens);
    const before = bytesBefore(whole, spans);
    if (before === undefined) return nothing;
    return prefixTexts(this.#tokenizer, target).map((text, position) => {
      if (text === undefined) return undefined;
      const at = before + Buffer.byteLength(text);
      const next = target[position] ?? this.#tokenizer.tokens.eos;
      return this.#at(spans, at, next, position === 0);
    });
  }

  #at(spans: readonly Span[], at: number, next: number, isFirst: boolean): SparseDistribution | undefined {
    const span = spans.find(({ start, own }) => start <= at && at < start + Math.max(1, own.bytes.length));
    if (span === undefined) return undefined;
    const read = span.own.bytes.subarray(0, at - span.start);
    const masses = new Map<number, number>();
    let known = 0;
    let kept = 0;
    for (const alternative of span.all) {
      const mass = Math.exp(alternative.logProbability);
      known += mass;
      const { bytes } = alternative;
      if (bytes.length < read.length || !bytes.subarray(0, read.length).equals(read)) continue;
      const id = alternative === span.own ? next : this.#idOf(bytes.subarray(read.length), isFirst);
      kept += mass;
      // If no token matches the start of a text, it belongs to the tail.
      if (id !== undefined) masses.set(id, (masses.get(id) ?? 0) + mass);
    }
    const total = kept + Math.max(0, 1 - known);
    let tail = 1;
    for (const [id, mass] of masses) {
      masses.set(id, mass / total);
      tail -= mass / total;
    }
    return { masses, tail: Math.max(0, tail) };
  }

  /** The student's token at the start of a text. */
  #idOf(bytes: Buffer, isFirst: boolean): number | undefined {
    const text = bytes.toString("utf8");
    if (text === "" || END_TOKEN.test(text)) return this.#tokenizer.tokens.eos;
    const ids = isFirst ? this.#first : this.#later;
    for (let length = text.length; length > 0; length--) {
      const id = ids.get(text.slice(0, length));
      if (id !== undefined) return id;
    }
    return undefined;
  }
}

/** Of several tokens with the same text, the one used in targets, or the last, because symbol vocabularies list target tokens last. */
function idsByText(texts: readonly string[], written: ReadonlySet<number>): ReadonlyMap<string, number> {
  const ids = new Map<string, number>();
  texts.forEach((text, id) => {
    const held = ids.get(text);
    if (text !== "" && (held === undefined || !written.has(held))) ids.set(text, id);
  });
  return ids;
}

function spansOf(tokens: readonly AnswerToken[]): readonly Span[] {
  let start = 0;
  return tokens.map((token, place) => {
    const isEnd = place === tokens.length - 1 && END_TOKEN.test(token.text);
    const own: Alternative = {
      bytes: isEnd ? Buffer.alloc(0) : bytesOf(token),
      logProbability: token.logProbability,
    };
    const others = token.top
      .map((other) => ({ bytes: bytesOf(other), logProbability: other.logProbability, text: other.text }))
      .filter(({ bytes, text }) => !(isEnd ? text === token.text : bytes.equals(own.bytes)));
    const span = { start, own, all: [own, ...others] };
    start += own.bytes.length;
    return span;
  });
}

const bytesOf = ({
  text,
  bytes,
}: {
  readonly text: string;
  readonly bytes?: readonly number[] | undefined;
}): Buffer => (bytes === undefined ? Buffer.from(text) : Buffer.from(bytes));

/** Number of bytes of white space before the target in the server's text. Undefined if the texts differ. */
function bytesBefore(target: string, spans: readonly Span[]): number | undefined {
  const text = Buffer.concat(spans.map(({ own }) => own.bytes)).toString("utf8");
  if (text.trim() !== target) return undefined;
  return Buffer.byteLength(text.slice(0, text.length - text.trimStart().length));
}
