/**
 * Generates targets for sources with a teacher, block by block. Each block is written atomically, so that a killed run resumes after
 * the last block, and memory does not grow with the number of sources.
 */
import { mkdir, open, readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import { hashJson, systemCode, writeFailure, writeTextAtomic, type StageContext, SlmError } from "@slm/core";
import { createRandom, type Decoded, type Strategy } from "@slm/decoding";
import type { Tokenizer } from "@slm/tokenizer";
import { z } from "zod";
import type { TeacherRow } from "./cache-rows.js";
import { decodeSources } from "./decode-sources.js";
import type { Teacher } from "./teacher.js";

/** Counts of the sources by result. */
export interface LabelCounts {
  readonly sources: number;
  /** Rows written. */
  readonly kept: number;
  /** Targets below the smallest accepted score. */
  readonly unconfident: number;
  /** Targets that did not reach EOS within the teacher's target limit. */
  readonly unfinished: number;
  /** Sources or targets that the tokenizer cannot encode, or that do not round-trip to the same tokens. */
  readonly unencodable: number;
  /** Sources beyond the teacher's limit. */
  readonly tooLong: number;
}

export interface LabelRequest {
  readonly teacher: Teacher;
  /** Identifies the teacher; finished blocks of another teacher are not reused. */
  readonly identity: string;
  readonly tokenizer: Tokenizer;
  readonly sources: AsyncIterable<string> | Iterable<string>;
  readonly strategy: Strategy;
  /** Smallest accepted mean log-probability [nats per token]; absent: all targets are kept. */
  readonly minScore?: number;
  /** Output file of the rows. */
  readonly file: string;
  /** Directory of the finished blocks; the caller removes it at the end. */
  readonly blocks: string;
  readonly context: StageContext;
}

/** Sources of a block. */
const BLOCK_SOURCES = 2048;
const count = z.int().nonnegative();
/** The first line of a block. */
const countsSchema = z.strictObject({
  sources: count,
  kept: count,
  unconfident: count,
  unfinished: count,
  unencodable: count,
  tooLong: count,
});

/** Result of one source: a row, or the reason why there is none. */
type Outcome = TeacherRow | Exclude<keyof LabelCounts, "sources" | "kept">;

/** Labels every source and writes the kept rows in the order of the sources.
 *
 * @throws SlmError INTERRUPTED between batches, with finished blocks kept; OUTPUT_FAILED if writing fails.
 */
export async function labelSources(request: LabelRequest): Promise<LabelCounts> {
  const { blocks, context } = request;
  await mkdir(blocks, { recursive: true });
  const files: string[] = [];
  const total = { sources: 0, kept: 0, unconfident: 0, unfinished: 0, unencodable: 0, tooLong: 0 };
  for await (const sources of blocksOf(request.sources)) {
    const path = blockPath(request, sources, files.length);
    const counts = (await readCounts(path)) ?? (await writeBlock(request, sources, files.length, path));
    files.push(path);
    for (const name of Object.keys(total) as (keyof LabelCounts)[]) total[name] += counts[name];
    context.progress({ stage: "cache", message: `${total.sources} sources labelled, ${total.kept} kept` });
  }
  await joinBlocks(files, join(blocks, "joined.jsonl"), request.file);
  return total;
}

async function* blocksOf(sources: LabelRequest["sources"]): AsyncGenerator<string[]> {
  let block: string[] = [];
  for await (const source of sources) {
    block.push(source);
    if (block.length < BLOCK_SOURCES) continue;
    yield block;
    block = [];
  }
  if (block.length > 0) yield block;
}

/** The file of a block, named by a hash of everything that determines its contents. */
function blockPath(request: LabelRequest, sources: readonly string[], block: number): string {
  const { identity, strategy, context, teacher, blocks } = request;
  const { maxSource, maxTarget } = teacher.config;
  const settings = {
    identity,
    strategy,
    minScore: request.minScore,
    seed: context.seed,
    maxSource,
    maxTarget,
  };
  return join(blocks, `${hashJson({ ...settings, block, sources }).slice(0, 32)}.jsonl`);
}

/** Counts of a finished block; undefined if it does not exist. */
async function readCounts(path: string): Promise<LabelCounts | undefined> {
  try {
    const text = await readFile(path, "utf8");
    return countsSchema.parse(JSON.parse(text.slice(0, text.indexOf("\n"))));
  } catch (error) {
    if (systemCode(error) === "ENOENT" || error instanceof SyntaxError || error instanceof z.ZodError)
      return undefined;
    throw error;
  }
}

async function writeBlock(
  request: LabelRequest,
  sources: readonly string[],
  block: number,
  path: string,
): Promise<LabelCounts> {
  const outcomes = await labelBlock(request, sources, block);
  const counts = {
    sources: sources.length,
    kept: 0,
    unconfident: 0,
    unfinished: 0,
    unencodable: 0,
    tooLong: 0,
  };
  const lines = [];
  for (const outcome of outcomes) {
    counts[typeof outcome === "string" ? outcome : "kept"] += 1;
    if (typeof outcome !== "string") lines.push(JSON.stringify(outcome));
  }
  await writeTextAtomic(path, [JSON.stringify(counts), ...lines].map((line) => `${line}\n`).join(""));
  return counts;
}

/** Results of the sources of a block. */
async function labelBlock(
  request: LabelRequest,
  sources: readonly string[],
  block: number,
): Promise<readonly Outcome[]> {
  const { teacher, tokenizer, strategy, context } = request;
  const { maxSource } = teacher.config;
  const random = createRandom((context.seed + block) >>> 0).next;
  const outcomes = new Array<Outcome>(sources.length).fill("unencodable");
  const encoded: { readonly place: number; readonly tokens: Int32Array }[] = [];
  sources.forEach((source, place) => {
    const tokens = encodable(() => tokenizer.encodeSource(source));
    if (tokens === undefined) return;
    if (tokens.length > maxSource) outcomes[place] = "tooLong";
    else encoded.push({ place, tokens: Int32Array.from(tokens) });
  });
  const decoded = await decodeSources({
    teacher,
    sources: encoded.map(({ tokens }) => tokens),
    strategy,
    random,
    signal: context.signal,
  });
  encoded.forEach(({ place }, index) => {
    outcomes[place] = outcomeOf(request, sources[place]!, decoded[index]!);
  });
  return outcomes;
}

function outcomeOf(
  { tokenizer, minScore }: LabelRequest,
  source: string,
  { tokens, finished, logProbability }: Decoded,
): Outcome {
  if (!finished) return "unfinished";
  const score = logProbability / (tokens.length + 1);
  if (minScore !== undefined && score < minScore) return "unconfident";
  const target = tokenizer.decode(tokens);
  // Rows are tokenized again later, so the text must give the same tokens, whose distributions are stored.
  const again = encodable(() => tokenizer.encodeTarget(target));
  if (again?.length !== tokens.length || again.some((id, index) => id !== tokens[index]))
    return "unencodable";
  return { source, target, score };
}

/** Tokens of a text; undefined if the tokenizer rejects it. */
function encodable(encode: () => number[]): number[] | undefined {
  try {
    return encode();
  } catch (error) {
    if (error instanceof SlmError && error.code === "DATA_INVALID") return undefined;
    throw error;
  }
}

/** Writes the rows of all blocks, without their counts, atomically to one file. */
async function joinBlocks(blocks: readonly string[], temporary: string, file: string): Promise<void> {
  try {
    const handle = await open(temporary, "w");
    try {
      for (const block of blocks) {
        const text = await readFile(block, "utf8");
        await handle.appendFile(text.slice(text.indexOf("\n") + 1));
      }
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, file);
  } catch (error) {
    throw writeFailure(error, file, "finished blocks are kept");
  }
}
