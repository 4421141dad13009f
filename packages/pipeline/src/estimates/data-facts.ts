/** Row counts and lengths for estimates: from the run's artifacts if they exist, otherwise from the model's length limits. */
import { readManifest } from "@slm/core";
import { SlmError } from "@slm/core/errors";
import { DATA_FILES, readRows } from "@slm/data";
import { loadTokenizer } from "@slm/tokenizer";
import { join } from "node:path";
import { z } from "zod";
import type { PlanRequest } from "../stage/plan-request.js";

export interface DataFacts {
  readonly vocabulary: number;
  /** Training pairs; undefined before the data is prepared. */
  readonly pairs: number | undefined;
  /** Mean length of a source, and of a target with BOS and EOS [whole tokens]. */
  readonly source: number;
  readonly target: number;
  /** Lengths of the first training rows; undefined before data and tokenizer exist. */
  readonly lengths: RowLengths | undefined;
}

/** The note of an estimate that assumes the model's length limits. */
export const LENGTHS_ASSUMED =
  "the estimate assumes rows of the model's maximum length; most rows are far shorter: prepare the rows first, with `slm run RECIPE --only data` and `--only tokenizer`";

const dataDetails = z.object({ splits: z.object({ train: z.number() }) });
const tokenizerDetails = z.object({ vocab: z.number() });

/** Vocabulary size assumed before there is a tokenizer, typical of a symbol vocabulary. It has little influence on the estimate. */
const ASSUMED_VOCABULARY = 128;
/** Number of training rows to tokenize; the first rows are used. */
const COUNTED_ROWS = 2_000;

export async function dataFacts(
  { artifacts }: PlanRequest<unknown>,
  limits: { readonly maxSource: number; readonly maxTarget: number },
): Promise<DataFacts> {
  const detailsOf = async (stage: string): Promise<unknown> =>
    artifacts[stage] === undefined ? undefined : (await readManifest(artifacts[stage])).details;
  const data = dataDetails.safeParse(await detailsOf("data")).data;
  const tokenizer = tokenizerDetails.safeParse(await detailsOf("tokenizer")).data;
  const lengths =
    data === undefined || tokenizer === undefined
      ? undefined
      : await lengthsOf(join(artifacts.data!, DATA_FILES.train), artifacts.tokenizer!);
  return {
    vocabulary: tokenizer?.vocab ?? ASSUMED_VOCABULARY,
    pairs: data?.splits.train,
    source: lengths === undefined ? limits.maxSource : meanOf(lengths.source),
    target: lengths === undefined ? limits.maxTarget : meanOf(lengths.target) + 1,
    lengths,
  };
}

/** Mean length [whole tokens], at least 1. */
const meanOf = (lengths: Int32Array): number =>
  Math.max(1, Math.round(lengths.reduce((sum, length) => sum + length, 0) / lengths.length));

/** Lengths in the form of the training package's `PairLengths`. */
interface RowLengths {
  readonly source: Int32Array;
  /** Includes one special token. */
  readonly target: Int32Array;
}

/** Lengths of the first training rows [tokens]; undefined if the tokenizer rejects all of them. */
async function lengthsOf(file: string, directory: string): Promise<RowLengths | undefined> {
  const tokenizer = await loadTokenizer(directory);
  const source: number[] = [];
  const target: number[] = [];
  for await (const row of readRows(file)) {
    try {
      const [read, written] = [tokenizer.encodeSource(row.source), tokenizer.encodeTarget(row.target)];
      source.push(read.length);
      target.push(written.length + 1);
    } catch (error) {
      // The stage that reads the row reports the error.
      if (!(error instanceof SlmError)) throw error;
    }
    if (source.length >= COUNTED_ROWS) break;
  }
  if (source.length === 0) return undefined;
  return { source: Int32Array.from(source), target: Int32Array.from(target) };
}
