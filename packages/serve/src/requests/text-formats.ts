/** Converts answer formats to constraints on a model's tokens, with a cache of recent schemas. */
import {
  constrainTokens,
  copiesSource,
  jsonObjectGrammar,
  jsonSchemaGrammar,
  type Grammar,
  type TokenConstraint,
} from "@slm/generation";
import { tokenPieces, type TokenPieces, type TokenizerFiles } from "@slm/tokenizer";

export type TextFormat =
  | { readonly kind: "text" }
  | { readonly kind: "object" }
  /** A format with the JSON text of its schema, and the source for strings that are copied. */
  | { readonly kind: "schema"; readonly schema: string; readonly source?: string | undefined };

/** Formats that restrict an answer. */
export type RestrictingFormat = Exclude<TextFormat, { readonly kind: "text" }>;

/** The format of the answer to one source. A schema with copied strings gets the source. */
export const formatFor = (format: TextFormat, source: string): TextFormat =>
  format.kind === "schema" && copiesSource(format.schema) ? { ...format, source } : format;

/** Size of the cache. It is small, because a constraint keeps the states of its texts. */
const KEPT = 16;

export class TextFormats {
  readonly #files: TokenizerFiles;
  readonly #eos: number;
  /** Built on first use, because not every vocabulary can be constrained and most requests are for plain text. */
  #pieces: TokenPieces | undefined;
  /** Least recently used first. */
  readonly #kept = new Map<string, TokenConstraint>();

  constructor(files: TokenizerFiles, eos: number) {
    this.#files = files;
    this.#eos = eos;
  }

  /** @throws SlmError DATA_INVALID for a schema that is not supported, OP_UNSUPPORTED for a vocabulary that is not. */
  constraintOf(format: RestrictingFormat): TokenConstraint {
    const key = JSON.stringify(format);
    const constraint = this.#kept.get(key) ?? this.#make(grammarOf(format));
    this.#kept.delete(key);
    this.#kept.set(key, constraint);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > KEPT && oldest !== undefined) this.#kept.delete(oldest);
    return constraint;
  }

  #make(grammar: Grammar): TokenConstraint {
    this.#pieces ??= tokenPieces(this.#files);
    return constrainTokens(grammar, this.#pieces, { eos: this.#eos });
  }
}

function grammarOf(format: RestrictingFormat): Grammar {
  return format.kind === "object"
    ? jsonObjectGrammar()
    : jsonSchemaGrammar(JSON.parse(format.schema), format.source);
}
