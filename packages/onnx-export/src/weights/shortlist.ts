/** The shortlist: the tokens of a task's answers, and the pruned tables of a decoder for them. */
import { SlmError } from "@slm/core";
import {
  EMBEDDING_WEIGHT,
  headWeight,
  OPTIONAL_WEIGHTS,
  publishedOf,
  type ModelConfig,
  type Weights,
} from "@slm/model";
import { createHostTensor, type HostTensor } from "@slm/runtime";
import type { Tokenizer } from "@slm/tokenizer";
import { LazyWeights } from "./lazy-weights.js";

/** Ids of tokens, ascending, each once. */
export type Shortlist = readonly number[];

/** Bytes that are no character by themselves are decoded to one that says so. */
const ONE_CHARACTER = /^.$/su;

/**
 * The tokens of texts, the special ones, and every token of one character or byte, so that a text nobody thought of can still be
 * spelt.
 *
 * @throws SlmError DATA_INVALID for a text that the tokenizer rejects, INPUT_MISSING where there is no text.
 */
export async function collectShortlist(
  tokenizer: Tokenizer,
  texts: AsyncIterable<string>,
): Promise<Shortlist> {
  const ids = new Set<number>();
  for await (const text of texts) for (const id of tokenizer.encodeTarget(text)) ids.add(id);
  if (ids.size === 0)
    throw new SlmError("INPUT_MISSING", "export: a shortlist needs at least one answer, got none");
  const { pad, bos, eos, unknown } = tokenizer.tokens;
  for (const id of [pad, bos, eos, unknown]) ids.add(id);
  for (let id = 0; id < tokenizer.vocabularySize; id++)
    if (ONE_CHARACTER.test(tokenizer.decode([id]))) ids.add(id);
  return [...ids].sort((a, b) => a - b);
}

/** Name of the rows of a table that are on the shortlist. */
export const shortTable = (name: string): string => `shortlist.${name}`;

/** The tables of a model that have a row, or a number, for every token of the target. */
export const tablesOf = (config: ModelConfig): readonly string[] => [
  ...new Set([EMBEDDING_WEIGHT, headWeight(config)]),
  ...(publishedOf(config).headBias === true ? [OPTIONAL_WEIGHTS.headBias] : []),
];

/** The same weights, and beside every table its rows that are on the shortlist: `[tokens, width]`. */
export function withShortTables(config: ModelConfig, weights: Weights, shortlist: Shortlist): Weights {
  const whole = new Map(tablesOf(config).map((name) => [shortTable(name), name]));
  return new LazyWeights([...weights.keys(), ...whole.keys()], (name) => {
    const table = whole.get(name);
    return table === undefined ? weights.get(name)! : rowsOf(weights.get(table)!, shortlist);
  });
}

function rowsOf({ shape, data }: HostTensor, rows: Shortlist): HostTensor {
  const width = shape[1] ?? 1;
  const few = createHostTensor("float32", [rows.length, ...shape.slice(1)]);
  for (const [place, row] of rows.entries())
    few.data.set((data as Float32Array).subarray(row * width, (row + 1) * width) as never, place * width);
  return few;
}
