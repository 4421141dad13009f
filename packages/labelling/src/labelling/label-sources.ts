/**
 * Generates targets for sources with one or several labellers, block by block. Each block is written atomically, so that a killed run
 * resumes after the last block, and memory does not grow with the number of sources.
 */
import { createReadStream } from "node:fs";
import { mkdir, open, readFile, rename } from "node:fs/promises";
import { basename, join } from "node:path";
import { createInterface } from "node:readline";
import {
  hashJson,
  SlmError,
  systemCode,
  throwIfInterrupted,
  writeFailure,
  writeTextAtomic,
  type StageContext,
} from "@slm/core";
import { z } from "zod";
import { parseTeacherRow, type TeacherRow } from "@slm/teacher";
import type { LabelAnswer, Labeller } from "../labeller/labeller.js";
import { countsSchema, LabelCounter, type LabelCounts, type Reason } from "../labeller/label-counts.js";
import { mostConfident } from "../selection/most-confident.js";
import type { Selection } from "../selection/selection.js";
import type { SourceGuard } from "../selection/source-guard.js";
import { chooseAnswer, type Chosen } from "../selection/strategies.js";
import { voteOfTeachers } from "../selection/teacher-votes.js";

/** A source to label. */
export interface LabelSource {
  readonly source: string;
  /** Its gold targets, for strategies that compare with them. */
  readonly references?: readonly string[] | undefined;
  /** Who wrote it; absent for a source of the data. */
  readonly writer?: string | undefined;
}

export interface LabelRequest {
  /** One labeller, or several that must agree. */
  readonly labellers: readonly Labeller[];
  readonly selection: Selection;
  /** The sources, from the first on whenever it is called. */
  readonly sources: () => AsyncIterable<LabelSource> | Iterable<LabelSource>;
  /** Leaves sources out; absent: all are labelled. */
  readonly guard?: SourceGuard | undefined;
  /** Labels blocks on other machines. Default: here. */
  readonly maker?: BlockMaker | undefined;
  /** Whether targets must give the labeller's tokens again: so where the distributions over these tokens are stored. */
  readonly needsRoundTrip: boolean;
  /** Output file of the rows. */
  readonly file: string;
  /** Directory of the finished blocks; the caller removes it at the end. */
  readonly blocks: string;
  readonly context: StageContext;
}

/** A block that is still to be labelled. */
export interface BlockWork {
  /** Name of its file: a hash of everything that determines its contents. */
  readonly name: string;
  /** Its number, which seeds its samples. */
  readonly block: number;
  readonly sources: readonly LabelSource[];
}

/** Labels blocks on other machines. */
export interface BlockMaker {
  /**
   * Labels blocks, in any order, and hands the text of each file to `accept`.
   *
   * @throws SlmError INTERRUPTED with the accepted blocks kept, and what labellers throw
   */
  make(request: {
    readonly blocks: AsyncIterable<BlockWork>;
    readonly accept: (name: string, text: string) => Promise<void>;
    readonly signal: AbortSignal;
    readonly seed: number;
  }): Promise<void>;
}

export interface LabelReport extends LabelCounts {
  /** Rows by who labelled them. */
  readonly labellers: Readonly<Record<string, number>>;
}

/** Sources of a block: what a killed run labels again at most, and how often progress is told. */
export const BLOCK_SOURCES = 512;

/** What a block's rows depend on. */
type BlockRequest = Pick<LabelRequest, "labellers" | "selection" | "needsRoundTrip" | "context">;

/** Result of one source: a row, or the reason why there is none. */
type Outcome = TeacherRow | Reason;

/** Labels every source and writes the kept rows in the order of the sources.
 *
 * @throws SlmError INTERRUPTED between batches, with finished blocks kept; OUTPUT_FAILED if writing fails; CONFIG_INVALID if a filter needs what a labeller does not give.
 */
export async function labelSources(request: LabelRequest): Promise<LabelReport> {
  const { blocks, context, guard, selection, maker } = request;
  await mkdir(blocks, { recursive: true });
  if (maker !== undefined) await labelElsewhere(request, maker);
  const files: string[] = [];
  const counter = new LabelCounter();
  const begin = performance.now();
  /** Sources that this run labelled itself. */
  let own = 0;
  for await (const sources of blocksOf(request.sources(), guard, counter)) {
    throwIfInterrupted(context.signal, "cache");
    const path = blockPath(request, sources, files.length);
    const finished = await readCounts(path);
    counter.merge(finished ?? (await writeBlock(request, sources, files.length, path)));
    files.push(path);
    own += finished === undefined ? sources.length : 0;
    const { sources: done, kept } = counter.counts;
    const rate = (own * 1000) / (performance.now() - begin);
    const message = `${done} sources labelled, ${kept} kept, ${rate.toPrecision(3)} sources/s`;
    context.progress({ stage: "cache", message });
  }
  const { keepFraction } = selection;
  const most = keepFraction === undefined ? undefined : Math.floor(keepFraction * counter.counts.sources);
  const isKept = most === undefined ? undefined : await mostConfident(rowsOf(files), most);
  const labellers = await joinBlocks(files, isKept, join(blocks, "joined.jsonl"), request.file);
  const kept = [...labellers.values()].reduce((sum, rows) => sum + rows, 0);
  const { counts } = counter;
  return { ...counts, kept, outranked: counts.kept - kept, labellers: Object.fromEntries(labellers) };
}

/** Has the missing blocks labelled; then all are found. */
async function labelElsewhere(request: LabelRequest, maker: BlockMaker): Promise<void> {
  const { blocks, context, guard } = request;
  async function* missing(): AsyncGenerator<BlockWork> {
    let block = 0;
    for await (const sources of blocksOf(request.sources(), guard?.fresh(), new LabelCounter())) {
      const path = blockPath(request, sources, block);
      if ((await readCounts(path)) === undefined) yield { name: basename(path), block, sources };
      block += 1;
    }
  }
  await maker.make({
    blocks: missing(),
    signal: context.signal,
    seed: context.seed,
    accept: async (name, text) => {
      if (countsOf(text) === undefined)
        throw new SlmError("DATA_INVALID", `cache: a worker returned something else than the block ${name}`);
      await writeTextAtomic(join(blocks, name), text);
    },
  });
}

/** A block as it is stored, by the name of its file. @throws as {@link labelSources} */
export async function labelBlockText(
  request: BlockRequest,
  { block, sources }: Omit<BlockWork, "name">,
): Promise<{ readonly name: string; readonly text: string }> {
  const { counts, rows } = countOutcomes(await labelBlock(request, sources, block));
  const lines = [counts, ...rows].map((row) => `${JSON.stringify(row)}\n`);
  return { name: basename(blockPath({ ...request, blocks: "" }, sources, block)), text: lines.join("") };
}

/** Sources in blocks; those that the guard leaves out are counted. */
async function* blocksOf(
  sources: AsyncIterable<LabelSource> | Iterable<LabelSource>,
  guard: SourceGuard | undefined,
  counter: LabelCounter,
): AsyncGenerator<LabelSource[]> {
  let block: LabelSource[] = [];
  for await (const one of sources) {
    const reason = guard?.reasonFor(one.source);
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
  request: BlockRequest & Pick<LabelRequest, "blocks">,
  sources: readonly LabelSource[],
  block: number,
): string {
  const { labellers, selection, needsRoundTrip, context, blocks } = request;
  const settings = {
    labellers: labellers.map(({ name, identity }) => [name, identity]),
    selection: selection.settings,
    needsRoundTrip,
    seed: context.seed,
  };
  return join(blocks, `${hashJson({ ...settings, block, sources }).slice(0, 32)}.jsonl`);
}

/** Counts of a finished block; undefined if it does not exist. */
async function readCounts(path: string): Promise<LabelCounts | undefined> {
  try {
    return countsOf(await readFile(path, "utf8"));
  } catch (error) {
    if (systemCode(error) === "ENOENT") return undefined;
    throw error;
  }
}

/** Counts of a block's text; undefined if it is none. */
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
  sources: readonly LabelSource[],
  block: number,
  path: string,
): Promise<LabelCounts> {
  const { text } = await labelBlockText(request, { block, sources });
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

/** Results of the sources of a block. */
async function labelBlock(
  request: BlockRequest,
  sources: readonly LabelSource[],
  block: number,
): Promise<readonly Outcome[]> {
  const { labellers, selection } = request;
  const choices: (readonly (Chosen | Reason)[])[] = [];
  for (const labeller of labellers) choices.push(await answersOf(request, labeller, sources, block));
  const names = labellers.map(({ name }) => name);
  return sources.map(({ source, writer }, place) => {
    const given = choices.map((all) => all[place]!);
    const chosen =
      names.length === 1
        ? alone(given[0]!, names[0]!)
        : voteOfTeachers(given, { names, ...selection.vote() });
    return typeof chosen === "string" ? chosen : { source, ...chosen, writer };
  });
}

const alone = (
  chosen: Chosen | Reason,
  labeller: string,
): Reason | (Chosen & { readonly labeller: string }) =>
  typeof chosen === "string" ? chosen : { ...chosen, labeller };

/** One labeller's choice for every source of a block. */
async function answersOf(
  { selection, needsRoundTrip, context }: BlockRequest,
  labeller: Labeller,
  sources: readonly LabelSource[],
  block: number,
): Promise<readonly (Chosen | Reason)[]> {
  const refused = sources.map(({ source }) => labeller.refuses?.(source));
  const asked = sources.filter((_, place) => refused[place] === undefined);
  const { rules, strategy, temperature } = selection;
  if (rules.samples > 1 && labeller.drawsSamples === false) throw withoutSamples(labeller.name);
  const answers = await labeller.answer(
    asked.map(({ source }) => source),
    { samples: rules.samples, temperature, seed: (context.seed + block) >>> 0, signal: context.signal },
  );
  const problemOf = (answer: LabelAnswer): Reason | undefined => {
    if (!answer.finished) return "unfinished";
    const { target, encoding } = answer;
    if (target.trim() === "" || encoding === "none" || (needsRoundTrip && encoding === "other"))
      return "unencodable";
    return selection.isValid(target) ? undefined : "invalid";
  };
  let next = 0;
  return refused.map(
    (reason, place) =>
      reason ?? chooseAnswer(strategy, answers[next++]!, { ...rules, problemOf }, sources[place]!.references),
  );
}

const withoutSamples = (name: string): SlmError =>
  new SlmError(
    "CONFIG_INVALID",
    `cache: the strategy compares several samples, but the teacher ${name} gives one answer per source`,
    { suggestions: ["--set cache.unlabelled.strategy=greedy"] },
  );

/** The rows of all blocks. */
async function* rowsOf(blocks: readonly string[]): AsyncGenerator<TeacherRow> {
  for await (const { line, where } of rowLines(blocks)) yield parseTeacherRow(line, where);
}

/** The lines of all blocks, without their counts. */
async function* rowLines(
  blocks: readonly string[],
): AsyncGenerator<{ readonly line: string; readonly where: string }> {
  for (const block of blocks) {
    let number = 0;
    for await (const line of createInterface({ input: createReadStream(block), crlfDelay: Infinity }))
      if (++number > 1) yield { line, where: `${block}:${number}` };
  }
}

/** Lines written at once. */
const JOINED_LINES = 1024;

/** Writes the kept rows of all blocks atomically to one file. @returns rows by labeller */
async function joinBlocks(
  blocks: readonly string[],
  isKept: Uint8Array | undefined,
  temporary: string,
  file: string,
): Promise<ReadonlyMap<string, number>> {
  const labellers = new Map<string, number>();
  try {
    const handle = await open(temporary, "w");
    try {
      let batch: string[] = [];
      const flush = async (): Promise<void> => {
        await handle.appendFile(batch.map((line) => `${line}\n`).join(""));
        batch = [];
      };
      let row = 0;
      for await (const { line, where } of rowLines(blocks)) {
        if (isKept !== undefined && isKept[row++] !== 1) continue;
        const { labeller = "" } = parseTeacherRow(line, where);
        labellers.set(labeller, (labellers.get(labeller) ?? 0) + 1);
        batch.push(line);
        if (batch.length >= JOINED_LINES) await flush();
      }
      await flush();
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, file);
  } catch (error) {
    throw writeFailure(error, file, "finished blocks are kept");
  }
  return labellers;
}
