/** What estimates know of a run's data: from its artifacts where they exist, else from the limits of the model. */
import { readManifest } from "@slm/core";
import { SlmError } from "@slm/core/errors";
import { DATA_FILES, readRows } from "@slm/data";
import { loadTokenizer } from "@slm/tokenizer";
import { join } from "node:path";
import { z } from "zod";
import type { EstimateRequest } from "../pipeline/stage.js";

export interface DataFacts {
  readonly vocabulary: number;
  /** Training pairs; undefined before the data is prepared. */
  readonly pairs: number | undefined;
  /** Mean length of a source, and of a target with BOS and EOS [whole tokens]. */
  readonly source: number;
  readonly target: number;
}

const dataDetails = z.object({ splits: z.object({ train: z.number() }) });
const tokenizerDetails = z.object({ vocab: z.number() });

/** Vocabulary size assumed before there is a tokenizer: that of a symbol vocabulary. It has little influence. */
const ASSUMED_VOCABULARY = 128;
/** BOS and EOS token of a target. */
const MARKS = 2;
/** Training rows whose tokens are counted: the first ones. */
const COUNTED_ROWS = 2_000;

export async function dataFacts(
  { artifacts }: EstimateRequest<unknown>,
  limits: { readonly maxSource: number; readonly maxTarget: number },
): Promise<DataFacts> {
  const detailsOf = async (stage: string): Promise<unknown> =>
    artifacts[stage] === undefined ? undefined : (await readManifest(artifacts[stage])).details;
  const data = dataDetails.safeParse(await detailsOf("data")).data;
  const tokenizer = tokenizerDetails.safeParse(await detailsOf("tokenizer")).data;
  const lengths =
    data === undefined || tokenizer === undefined
      ? undefined
      : await meanLengths(join(artifacts.data!, DATA_FILES.train), artifacts.tokenizer!);
  return {
    vocabulary: tokenizer?.vocab ?? ASSUMED_VOCABULARY,
    pairs: data?.splits.train,
    source: lengths?.source ?? limits.maxSource,
    target: lengths === undefined ? limits.maxTarget : lengths.target + MARKS,
  };
}

/** Mean tokens of the first training rows; undefined if the tokenizer takes none of them. */
async function meanLengths(
  file: string,
  directory: string,
): Promise<{ readonly source: number; readonly target: number } | undefined> {
  const tokenizer = await loadTokenizer(directory);
  const sums = { rows: 0, source: 0, target: 0 };
  for await (const { source, target } of readRows(file)) {
    try {
      const [read, written] = [tokenizer.encodeSource(source), tokenizer.encodeTarget(target)];
      sums.source += read.length;
      sums.target += written.length;
      sums.rows += 1;
    } catch (error) {
      // The stage that reads the row says what is wrong with it.
      if (!(error instanceof SlmError)) throw error;
    }
    if (sums.rows >= COUNTED_ROWS) break;
  }
  const mean = (sum: number): number => Math.max(1, Math.round(sum / sums.rows));
  return sums.rows === 0 ? undefined : { source: mean(sums.source), target: mean(sums.target) };
}
