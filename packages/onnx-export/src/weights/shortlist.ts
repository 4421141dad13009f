/** Collects the shortlist (the tokens of a task's answers) and prunes a decoder's tables to it. */
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

/** Distinct token ids, ascending. */
export type Shortlist = readonly number[];

/** The replacement character, to which incomplete byte sequences are decoded. */
const ONE_CHARACTER = /^.$/su;

/**
 * Collects the tokens of texts, special tokens, and every token of one character or byte, so that other texts can still be spelled.
 *
 * @throws SlmError DATA_INVALID for a text that the tokenizer rejects, INPUT_MISSING if there is no text.
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

/** Name of a pruned table. */
export const shortTable = (name: string): string => `shortlist.${name}`;

/** Names of the tables with a row or number for every target token. */
export const tablesOf = (config: ModelConfig): readonly string[] => [
  ...new Set([EMBEDDING_WEIGHT, headWeight(config)]),
  ...(publishedOf(config).headBias === true ? [OPTIONAL_WEIGHTS.headBias] : []),
];

/** Adds to the weights, for every table, its rows on the shortlist: `[tokens, width]`. */
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
