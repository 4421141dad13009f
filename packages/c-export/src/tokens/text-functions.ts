/** Functions of a model in C that read and write text, for the tokenizers that slm trains, GPT-2's and SentencePiece Unigram. */
import type { ModelConfig } from "@slm/model";
import {
  byteVocabulary,
  createTokenizer,
  trainedVocabulary,
  unigramVocabulary,
  type TokenizerFiles,
} from "@slm/tokenizer";
import { bpeTables } from "./bpe-tables.js";
import { symbolTables } from "./symbol-tables.js";
import type { TextTables } from "./text-tables.js";
import { unigramTables } from "./unigram-tables.js";

type TextKind = "symbols" | "bpe" | "unigram";

/** Whether an exported model reads text, and why not. */
export type TextSupport = { readonly kind: TextKind } | { readonly kind: "none"; readonly reason: string };

export interface TextFunctions {
  readonly support: TextSupport;
  /** Declarations, or a comment that says why there are none. */
  readonly header: string;
  /** Tables and functions, to follow the kernels of the tokenizer's kind. */
  readonly source: string;
  /** C type that the kernels need as SLM_TEXT_NUMBER. */
  readonly number: string;
  /** Working memory in front of the model's arena, a multiple of its alignment [bytes]. */
  readonly arenaBytes: number;
}

/** The model that the functions are a part of. */
export interface TextModel {
  /** Prefix of public names. */
  readonly name: string;
  readonly config: ModelConfig;
  /** Number of its logits. */
  readonly vocabulary: number;
}

/** @param files the tokenizer of the checkpoint, if it has one. Tokenizers of other kinds have no text functions. */
export function textFunctions(model: TextModel, files: TokenizerFiles | undefined): TextFunctions {
  const { name, config, vocabulary } = model;
  if (files === undefined) return withoutText("the checkpoint has no tokenizer");
  const found = tablesOf(files);
  if ("reason" in found) return withoutText(found.reason);
  const { kind, tables } = found;
  const { bos, eos } = config.tokens;
  const { tokens } = createTokenizer(files);
  if (tokens.bos !== bos || tokens.eos !== eos)
    return withoutText("the special tokens of the model are not those of its tokenizer");
  if (tables.size > vocabulary)
    return withoutText(`its tokenizer has ${tables.size} tokens, the model has ${vocabulary}`);
  const arenaBytes = roundUp(4 * idsOf(config) + tables.roomBytes(config.maxSource));
  return {
    support: { kind },
    header: headerText(name, config, tables),
    source: sourceText(model, tables, { kind, arenaBytes }),
    number: tables.number,
    arenaBytes,
  };
}

type Found = { readonly kind: TextKind; readonly tables: TextTables } | { readonly reason: string };

function tablesOf(files: TokenizerFiles): Found {
  const trained = trainedVocabulary(files);
  if (trained?.kind === "symbols") return { kind: "symbols", tables: symbolTables(trained) };
  if (trained?.sourceLowercase === true) return { reason: "its byte-level tokenizer lower-cases sources" };
  const bytes = byteVocabulary(files);
  if (bytes !== undefined) return { kind: "bpe", tables: bpeTables(bytes) };
  const unigram = unigramVocabulary(files);
  if (unigram !== undefined)
    return "reason" in unigram ? unigram : { kind: "unigram", tables: unigramTables(unigram) };
  return {
    reason:
      "its tokenizer is neither one that slm trains (symbols or byte-level BPE), nor GPT-2's without a prompt, nor SentencePiece Unigram",
  };
}

const withoutText = (reason: string): TextFunctions => ({
  support: { kind: "none", reason },
  header: `/* There are no functions for text: ${reason}. */\n`,
  source: "",
  number: "",
  arenaBytes: 0,
});

/** Bytes of a boundary of the arena. */
const BOUNDARY = 64;
const roundUp = (bytes: number): number => Math.ceil(bytes / BOUNDARY) * BOUNDARY;

/** Room for the tokens of a source, a first token of the answer, and an answer; even, so that numbers of 8 bytes can follow. */
const idsOf = ({ maxSource, maxTarget }: ModelConfig): number =>
  2 * Math.ceil((maxSource + 1 + maxTarget) / 2);

function headerText(name: string, { maxTarget }: ModelConfig, { longest }: TextTables): string {
  const upper = name.toUpperCase();
  return `/* Bytes of the longest answer, with the zero after it. */
#define ${upper}_MAX_TEXT ${maxTarget * longest + 1}

/* Text that is not UTF-8, has a special token such as [pad], has characters that the model does not know, or is empty. */
enum { ${TEXT_ERRORS.map(([error, code]) => `${upper}_${error} = ${code}`).join(", ")} };

/*
 * Answers a text in UTF-8 that ends with a zero, greedily. The answer ends with a zero too.
 * @returns how many bytes the answer has, or a negative code
 */
int ${name}_answer_text(${name}_model *model, const char *text, char *answer, size_t capacity);
/* Tokens of a source text of \`bytes\` bytes. @returns how many; ${upper}_TOO_LONG above \`capacity\` or ${upper}_MAX_SOURCE; or another negative code */
int ${name}_tokenize(${name}_model *model, const char *text, size_t bytes, int32_t *ids, int capacity);
/* Text of an answer's tokens, with a zero after it. Special tokens have none. @returns how many bytes, or a negative code */
int ${name}_detokenize(const int32_t *ids, int count, char *text, size_t capacity);
`;
}

/** As in kernels/text.c. */
const TEXT_ERRORS = [
  ["BAD_UTF8", -20],
  ["SPECIAL_TEXT", -21],
  ["UNKNOWN_TEXT", -22],
  ["EMPTY_TEXT", -23],
] as const;

function sourceText(
  { name, config }: TextModel,
  { text, size }: TextTables,
  { kind, arenaBytes }: { readonly kind: TextKind; readonly arenaBytes: number },
): string {
  const upper = name.toUpperCase();
  const room = `(void *)(text_ids(m) + ${idsOf(config)}), `;
  const begins = config.architecture === "decoder-only" ? `  ids[count++] = ${upper}_BOS;\n` : "";
  return `${text}
/* Room for the tokens of a source and of an answer, in front of the arena of the model. */
static int32_t *text_ids(${name}_model *m) {
  return (int32_t *)(void *)m->arena - ${arenaBytes / 4};
}

int ${name}_tokenize(${name}_model *m, const char *text, size_t bytes, int32_t *ids, int capacity) {
  const unsigned char *all = (const unsigned char *)text;
  (void)m;
  if (capacity < 0) return ${upper}_TOO_LONG;
  return slm_${kind}_encode(&text_tables, all, bytes, ${kind === "symbols" ? "" : room}ids, capacity < ${upper}_MAX_SOURCE ? capacity : ${upper}_MAX_SOURCE);
}

int ${name}_detokenize(const int32_t *ids, int count, char *text, size_t capacity) {
  slm_writer to = {0};
  to.text = text;
  to.capacity = capacity;
  if (!are_tokens(ids, count, ${size})) return ${upper}_BAD_TOKEN;
  slm_${kind}_decode(&text_tables, ids, count, &to);
  return slm_end_text(&to);
}

int ${name}_answer_text(${name}_model *m, const char *text, char *answer, size_t capacity) {
  int32_t *ids = text_ids(m), *tokens = ids + ${upper}_MAX_SOURCE + 1;
  size_t bytes = 0;
  int count;
  while (text[bytes] != 0) bytes++;
  count = ${name}_tokenize(m, text, bytes, ids, ${upper}_MAX_SOURCE);
  if (count < 0) return count;
${begins}  count = ${name}_answer(m, ids, count, tokens, ${upper}_MAX_TARGET);
  return count < 0 ? count : ${name}_detokenize(tokens, count, answer, capacity);
}
`;
}
