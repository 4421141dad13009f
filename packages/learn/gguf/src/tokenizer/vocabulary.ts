/** The tokens of a file, checked: their texts, what each is for, and which ones begin and end a text. */
import type { GgufFile } from "../file/gguf-file.js";
import { invalid } from "../file/invalid.js";
import { shown } from "../file/metadata.js";

/** What a token is for, by its number. Source: llama.cpp, `enum llama_token_type`. */
const TOKEN_TYPES = ["undefined", "normal", "unknown", "control", "user", "unused", "byte"] as const;
export type TokenType = (typeof TOKEN_TYPES)[number];

/** Special tokens, as `tokenizer_config.json` calls them, by the key that holds their id. */
const SPECIAL_KEYS = {
  bos_token: "bos_token_id",
  eos_token: "eos_token_id",
  unk_token: "unknown_token_id",
  pad_token: "padding_token_id",
} as const;
export type SpecialToken = keyof typeof SPECIAL_KEYS;

export interface Vocabulary {
  /** Texts by id; all different. */
  readonly tokens: readonly string[];
  readonly types: readonly TokenType[];
  readonly idOf: ReadonlyMap<string, number>;
  readonly special: Readonly<Partial<Record<SpecialToken, string>>>;
}

/** @throws SlmError DATA_INVALID for a vocabulary that is missing or contradicts itself */
export function readVocabulary(source: GgufFile): Vocabulary {
  const tokens = texts(source, "tokens");
  const idOf = new Map<string, number>();
  for (const [id, token] of tokens.entries()) {
    if (token === "") throw invalid(source.file, `token ${id} is empty`);
    if (idOf.has(token)) {
      throw invalid(source.file, `tokens ${idOf.get(token)!} and ${id} are both '${shown(token)}'`);
    }
    idOf.set(token, id);
  }
  return { tokens, types: tokenTypes(source, tokens.length), idOf, special: specialTokens(source, tokens) };
}

/** A list of texts under `tokenizer.ggml`. */
export function texts({ file, metadata }: GgufFile, key: string): readonly string[] {
  const value = metadata.get(`tokenizer.ggml.${key}`);
  if (!isTexts(value)) throw invalid(file, `tokenizer.ggml.${key} is not a list of texts`);
  return value;
}

const isTexts = (value: unknown): value is readonly string[] =>
  Array.isArray(value) && value.length > 0 && typeof value[0] === "string";

/** A truth value under `tokenizer.ggml`; `otherwise` is what the format says of an absent one. */
export function flag({ file, metadata }: GgufFile, key: string, otherwise: boolean): boolean {
  const value = metadata.get(`tokenizer.ggml.${key}`) ?? otherwise;
  if (typeof value !== "boolean") throw invalid(file, `tokenizer.ggml.${key} is not true or false`);
  return value;
}

function tokenTypes({ file, metadata }: GgufFile, count: number): readonly TokenType[] {
  const numbers = metadata.get("tokenizer.ggml.token_type");
  if (!(numbers instanceof Int32Array || numbers instanceof Uint32Array) || numbers.length !== count) {
    throw invalid(file, `tokenizer.ggml.token_type does not hold a number for each of ${count} tokens`);
  }
  return Array.from(numbers, (number, id) => {
    const type = TOKEN_TYPES[number];
    if (type === undefined) throw invalid(file, `token ${id} has type ${number}, expected 0 to 6`);
    return type;
  });
}

function specialTokens(
  { file, metadata }: GgufFile,
  tokens: readonly string[],
): Partial<Record<SpecialToken, string>> {
  const special: Partial<Record<SpecialToken, string>> = {};
  for (const [name, key] of Object.entries(SPECIAL_KEYS) as [SpecialToken, string][]) {
    const id = metadata.get(`tokenizer.ggml.${key}`);
    if (id === undefined) continue;
    const token = typeof id === "number" ? tokens[id] : undefined;
    if (token === undefined) {
      const got = typeof id === "object" ? "a list" : String(id);
      throw invalid(
        file,
        `tokenizer.ggml.${key} is ${got.slice(0, 80)}, expected an id below ${tokens.length}`,
      );
    }
    special[name] = token;
  }
  return special;
}
