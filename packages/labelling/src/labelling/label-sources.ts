/**
 * Generates targets for sources with a labeller, block by block. Each block is written atomically, so a killed run resumes after the last
 * block, and memory does not grow with the number of sources.
 */
import { createReadStream } from "node:fs";
import { mkdir, open, readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { createInterface } from "node:readline";
import {
  ifThere,
  movePath,
  hashJson,
  SlmError,
  throwIfInterrupted,
  writeFailure,
  writeTextAtomic,
  type StageContext,
} from "@slm/core";
import { z } from "zod";
import type { TeacherRow } from "@slm/teacher";
import { countsSchema, LabelCounter, type LabelCounts, type Reason } from "../labeller/label-counts.js";
import { chooseAnswer } from "../selection/choose-answer.js";
import type { SourceGuard } from "../selection/source-guard.js";
import type { Labelling } from "./labelling-of.js";

export interface LabelRequest extends Labelling {
  /** Returns the sources, starting from the first at every call. */
  readonly sources: () => AsyncIterable<string> | Iterable<string>;
  /** Decides which sources to leave out. Absent: all are labelled. */
  readonly guard?: SourceGuard | undefined;
  /** Labels blocks on other machines. Default: this machine. */
  readonly maker?: BlockMaker | undefined;
  /** Output file of the rows. */
  readonly file: string;
  /** Directory of the finished blocks. The caller deletes it at the end. */
  readonly blocks: string;
  readonly context: StageContext;
}

/** A block that is not labelled yet. */
export interface BlockWork {
  /** Name of its file: a hash of everything that determines its contents. */
  readonly name: string;
  readonly block: number;
  readonly sources: readonly string[];
}

/** Labels blocks on other machines. */
export interface BlockMaker {
  /**
   * Labels blocks in any order, and passes the text of each file to `accept`.
   *
   * @throws SlmError INTERRUPTED with the accepted blocks kept, and errors of labellers
   */
  make(request: {
    readonly blocks: AsyncIterable<BlockWork>;
    readonly accept: (name: string, text: string) => Promise<void>;
    readonly signal: AbortSignal;
  }): Promise<void>;
}

export interface LabelReport extends LabelCounts {
  /** Number of rows by labeller. */
  readonly labellers: Readonly<Record<string, number>>;
}

/** Sources per block. A killed run repeats at most one block, and progress is reported once per block. */
export const BLOCK_SOURCES = 512;

/** Everything that a block's rows depend on. */
type BlockRequest = Labelling & Pick<LabelRequest, "context">;

/** Outcome of one source: a row, or the reason why there is none. */
type Outcome = TeacherRow | Reason;

/** Labels every source and writes the kept rows in the order of the sources.
 *
 * @throws SlmError INTERRUPTED between batches, with finished blocks kept; OUTPUT_FAILED if writing fails; CONFIG_INVALID if minScore is
 * set and the labeller has no scores.
 */
export async function labelSources(request: LabelRequest): Promise<LabelReport> {
  const { blocks, context, guard, maker, labeller } = request;
  await mkdir(blocks, { recursive: true });
  if (maker !== undefined) await labelElsewhere(request, maker);
  const files: string[] = [];
  const counter = new LabelCounter();
  const begin = performance.now();
  /** Number of sources that this run labelled. */
  let own = 0;
  for await (const sources of blocksOf(request.sources(), guard, counter)) {
    throwIfInterrupted(context.signal, "cache");
    const path = blockPath(request, sources);
    const finished = await readCounts(path);
    counter.merge(finished ?? (await writeBlock(request, sources, path)));
    files.push(path);
    own += finished === undefined ? sources.length : 0;
    const { sources: done, kept } = counter.counts;
    const rate = (own * 1000) / (performance.now() - begin);
    const message = `${done} sources labelled, ${kept} kept, ${rate.toPrecision(3)} sources/s`;
    context.progress({ stage: "cache", message });
  }
  await joinBlocks(files, join(blocks, "joined.jsonl"), request.file);
  const { counts } = counter;
  return { ...counts, labellers: counts.kept === 0 ? {} : { [labeller.name]: counts.kept } };
}

/** Labels the missing blocks. */
async function labelElsewhere(request: LabelRequest, maker: BlockMaker): Promise<void> {
  const { blocks, context, guard } = request;
  async function* missing(): AsyncGenerator<BlockWork> {
    let block = 0;
    for await (const sources of blocksOf(request.sources(), guard?.fresh(), new LabelCounter())) {
      const path = blockPath(request, sources);
      if ((await readCounts(path)) === undefined) yield { name: basename(path), block, sources };
      block += 1;
    }
  }
  await maker.make({
    blocks: missing(),
    signal: context.signal,
    accept: async (name, text) => {
      if (countsOf(text) === undefined)
        throw new SlmError("DATA_INVALID", `cache: a worker's result is not the block ${name}`);
      await writeTextAtomic(join(blocks, name), text);
    },
  });
}

/** Stores a block under the name of its file. @throws as {@link labelSources} */
export async function labelBlockText(
  request: BlockRequest,
  sources: readonly string[],
): Promise<{ readonly name: string; readonly text: string }> {
  const { counts, rows } = countOutcomes(await labelBlock(request, sources));
  const lines = [counts, ...rows].map((row) => `${JSON.stringify(row)}\n`);
  return { name: basename(blockPath({ ...request, blocks: "" }, sources)), text: lines.join("") };
}

/** Splits sources into blocks, and counts those that the guard leaves out. */
async function* blocksOf(
  sources: AsyncIterable<string> | Iterable<string>,
  guard: SourceGuard | undefined,
  counter: LabelCounter,
): AsyncGenerator<string[]> {
  let block: string[] = [];
  for await (const one of sources) {
    const reason = guard?.reasonFor(one);
    if (reason !== undefined) {
      counter.add(reason);
      continue;
    }
    block.push(one);
    if (block.length < BLOCK_SOURCES) continue;
    yield block;
    block = [];
  }
  if (block.length > 0) yield block;
}

/** The file of a block, named by a hash of everything that determines its contents. */
function blockPath(
  { labeller: { name, identity }, rules, blocks }: BlockRequest & Pick<LabelRequest, "blocks">,
  sources: readonly string[],
): string {
  return join(blocks, `${hashJson({ name, identity, rules, sources }).slice(0, 32)}.jsonl`);
}

/** Counts of a finished block; undefined if it does not exist. */
async function readCounts(path: string): Promise<LabelCounts | undefined> {
  const text = await ifThere(readFile(path, "utf8"));
  return text === undefined ? undefined : countsOf(text);
}

/** Counts of a block's text; undefined if the text is not a block. */
function countsOf(text: string): LabelCounts | undefined {
  try {
    return countsSchema.parse(JSON.parse(text.slice(0, text.indexOf("\n"))));
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof z.ZodError) return undefined;
    throw error;
  }
}

async function writeBlock(
  request: LabelRequest,
  sources: readonly string[],
  path: string,
): Promise<LabelCounts> {
  const { text } = await labelBlockText(request, sources);
  await writeTextAtomic(path, text);
  return countsOf(text)!;
}

function countOutcomes(outcomes: readonly Outcome[]): {
  readonly counts: LabelCounts;
  readonly rows: TeacherRow[];
} {
  const counter = new LabelCounter();
  const rows: TeacherRow[] = [];
  for (const outcome of outcomes) {
    counter.add(typeof outcome === "string" ? outcome : "kept");
    if (typeof outcome !== "string") rows.push(outcome);
  }
  return { counts: counter.counts, rows };
}

/** Outcomes of a block's sources. */
async function labelBlock(
  { labeller, rules, context }: BlockRequest,
  sources: readonly string[],
): Promise<readonly Outcome[]> {
  const refused = sources.map((source) => labeller.refuses?.(source));
  const asked = sources.filter((_, place) => refused[place] === undefined);
  const answers = await labeller.answer(asked, { signal: context.signal });
  let next = 0;
  return sources.map((source, place) => {
    const chosen = refused[place] ?? chooseAnswer(answers[next++], rules);
    return typeof chosen === "string" ? chosen : { source, ...chosen, labeller: labeller.name };
  });
}

/** The lines of all blocks, without their counts. */
async function* rowLines(blocks: readonly string[]): AsyncGenerator<string> {
  for (const block of blocks) {
    let number = 0;
    for await (const line of createInterface({ input: createReadStream(block), crlfDelay: Infinity }))
      if (++number > 1) yield line;
  }
}

/** Number of lines to write at once. */
const JOINED_LINES = 1024;

/** Writes the rows of all blocks atomically to one file. */
async function joinBlocks(blocks: readonly string[], temporary: string, file: string): Promise<void> {
  try {
    const handle = await open(temporary, "w");
    try {
      let batch: string[] = [];
      const flush = async (): Promise<void> => {
        await handle.appendFile(batch.map((line) => `${line}\n`).join(""));
        batch = [];
      };
      for await (const line of rowLines(blocks)) {
        batch.push(line);
        if (batch.length >= JOINED_LINES) await flush();
      }
      await flush();
      await handle.sync();
    } finally {
      await handle.close();
    }
    await movePath(temporary, file);
  } catch (error) {
    throw writeFailure(error, file, "finished blocks are kept");
  }
}
