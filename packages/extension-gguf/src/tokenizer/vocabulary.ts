/** The vocabulary of a file, checked: texts, token types and special tokens. */
import type { GgufFile } from "../file/gguf-file.js";
import { invalid } from "../file/invalid.js";
import { shownName } from "@slm/checkpoints";

/** Token types by their number. Source: llama.cpp, `enum llama_token_type`. */
const TOKEN_TYPES = ["undefined", "normal", "unknown", "control", "user", "unused", "byte"] as const;
type TokenType = (typeof TOKEN_TYPES)[number];

/** Special tokens, as named in `tokenizer_config.json`, with the metadata keys of their ids. The first key in the file wins. */
const SPECIAL_KEYS = {
  bos_token: ["bos_token_id", "cls_token_id"],
  // The separator's key is misspelt in the format.
  eos_token: ["eos_token_id", "seperator_token_id"],
  unk_token: ["unknown_token_id"],
  pad_token: ["padding_token_id"],
  mask_token: ["mask_token_id"],
} as const;
type SpecialToken = keyof typeof SPECIAL_KEYS;
/** Ids of special tokens in files that do not name them. */
export type SpecialIds = Readonly<Partial<Record<SpecialToken, number>>>;

/** Files use -1 if a model has no such token. */
const NO_TOKEN: ReadonlySet<unknown> = new Set([-1, 0xffff_ffff]);

export interface Vocabulary {
  /** Texts by id; all are different. */
  readonly tokens: readonly string[];
  readonly types: readonly TokenType[];
  readonly idOf: ReadonlyMap<string, number>;
  readonly special: Readonly<Partial<Record<SpecialToken, string>>>;
}

/**
 * @param defaults ids of special tokens for files that do not name them
 * @throws SlmError DATA_INVALID for a vocabulary that is missing or contradictory
 */
export function readVocabulary(source: GgufFile, defaults: SpecialIds = {}): Vocabulary {
  // Tokens may have no text; they get one. Source: llama.cpp, `llama_vocab::impl::load`.
  const tokens = texts(source, "tokens").map((token, id) => (token === "" ? `[EMPTY_${id}]` : token));
  const idOf = new Map<string, number>();
  for (const [id, token] of tokens.entries()) {
    if (idOf.has(token)) {
      throw invalid(source.file, `tokens ${idOf.get(token)!} and ${id} are both '${shownName(token)}'`);
    }
    idOf.set(token, id);
  }
  const types = tokenTypes(source, tokens.length);
  return { tokens, types, idOf, special: specialTokens(source, tokens, types, defaults) };
}

/** A list of texts under `tokenizer.ggml`. */
export function texts({ file, metadata }: GgufFile, key: string): readonly string[] {
  const value = metadata.get(`tokenizer.ggml.${key}`);
  if (!isTexts(value)) throw invalid(file, `tokenizer.ggml.${key} is not a list of texts`);
  return value;
}

const isTexts = (value: unknown): value is readonly string[] =>
  Array.isArray(value) && value.length > 0 && typeof value[0] === "string";

/** A boolean under `tokenizer.ggml`; `otherwise` is the format's default. */
export function flag({ file, metadata }: GgufFile, key: string, otherwise: boolean): boolean {
  const value = metadata.get(`tokenizer.ggml.${key}`) ?? otherwise;
  if (typeof value !== "boolean") throw invalid(file, `tokenizer.ggml.${key} is not true or false`);
  return value;
}

/** Scores by id. @throws SlmError DATA_INVALID if one is missing or not a number */
export function scoresOf({ file, metadata }: GgufFile, { tokens }: Vocabulary): Float32Array {
  const stored = metadata.get("tokenizer.ggml.scores");
  const scores = stored instanceof Int32Array ? Float32Array.from(stored) : stored;
  if (!(scores instanceof Float32Array) || scores.length !== tokens.length) {
    throw invalid(
      file,
      `tokenizer.ggml.scores does not contain a number for each of ${tokens.length} tokens`,
    );
  }
  const bad = scores.findIndex((score) => !Number.isFinite(score));
  if (bad >= 0) throw invalid(file, `the score of token ${bad} is ${scores[bad]!}`);
  return scores;
}

/** Whether the vocabulary has byte tokens for characters without a piece: all 256 of them, or none. */
export function byteTokens({ file }: GgufFile, { types, idOf }: Vocabulary): boolean {
  if (!types.includes("byte")) return false;
  for (let byte = 0; byte < 256; byte += 1) {
    const name = `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`;
    const id = idOf.get(name);
    if (id === undefined || types[id] !== "byte") throw invalid(file, `byte token ${name} is missing`);
  }
  return true;
}

/** Types by id; in files without types, every token is normal. */
function tokenTypes({ file, metadata }: GgufFile, count: number): readonly TokenType[] {
  const numbers = metadata.get("tokenizer.ggml.token_type");
  if (numbers === undefined) return new Array<TokenType>(count).fill("normal");
  if (!(numbers instanceof Int32Array || numbers instanceof Uint32Array) || numbers.length !== count) {
    throw invalid(file, `tokenizer.ggml.token_type does not contain a number for each of ${count} tokens`);
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
  types: readonly TokenType[],
  defaults: SpecialIds,
): Vocabulary["special"] {
  const special: Partial<Record<SpecialToken, string>> = {};
  for (const [name, keys] of Object.entries(SPECIAL_KEYS) as [SpecialToken, readonly string[]][]) {
    const key = keys.find((other) => metadata.has(`tokenizer.ggml.${other}`));
    const id = key === undefined ? undefined : metadata.get(`tokenizer.ggml.${key}`);
    if (NO_TOKEN.has(id)) continue;
    const token = tokens[typeof id === "number" ? id : -1];
    if (id !== undefined && token === undefined) {
      const got = typeof id === "object" ? "a list" : String(id);
      throw invalid(
        file,
        `tokenizer.ggml.${key!} is ${got.slice(0, 80)}, expected an id below ${tokens.length}`,
      );
    }
    const named = token ?? (name === "unk_token" ? tokens[types.indexOf("unknown")] : undefined);
    const found = named ?? tokens[defaults[name] ?? -1];
    if (found !== undefined) special[name] = found;
  }
  return special;
}
