/**
 * New sources written by a teacher that is shown random training sources (self-instruct, arXiv 2212.10560, sections 2.2 and 2.3). Each
 * round of prompts is written atomically, so that a killed run continues with the next one.
 */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import {
  hashJson,
  readJsonFile,
  SlmError,
  systemCode,
  throwIfInterrupted,
  writeJsonAtomic,
  type StageContext,
} from "@slm/core";
import { below, DATA_FILES, readRows, sfc32, SPLITS, textRow } from "@slm/data";
import { z } from "zod";
import type { Labeller } from "../labeller/labeller.js";
import { SimilarTexts } from "../selection/similar-texts.js";
import type { SyntheticSourcesConfig } from "../config/synthetic-config.js";

/** Most prompts of a round. */
const ROUND_PROMPTS = 256;
/** Prompts of a round per source asked for, since some of the texts are left out. */
const PROMPTS_PER_SOURCE = 2;
/** Rounds in a row that may bring nothing new before the teacher is held to have no more. */
const MAX_EMPTY_ROUNDS = 3;

export interface WriteRequest {
  readonly settings: SyntheticSourcesConfig;
  readonly labeller: Labeller;
  readonly dataDirectory: string;
  /** Directory of the finished rounds; the caller removes it at the end. */
  readonly rounds: string;
  /** Has rounds written on other machines. Default: here. */
  readonly maker?: WritingMaker | undefined;
  readonly context: StageContext;
}

/** A round that is still to be written. */
export interface RoundWork {
  readonly number: number;
  /** Name of its file: a hash of everything that determines its texts. */
  readonly name: string;
  readonly prompts: readonly string[];
}

/** Has rounds written on other machines. */
export interface WritingMaker {
  /**
   * Writes rounds, in any order, and hands the texts of each to `accept`.
   *
   * @throws SlmError INTERRUPTED with the accepted rounds kept, and what labellers throw
   */
  make(request: {
    readonly rounds: readonly RoundWork[];
    readonly accept: (name: string, texts: readonly string[]) => Promise<void>;
    readonly signal: AbortSignal;
    readonly seed: number;
  }): Promise<void>;
}

export interface WriteReport {
  /** Texts that the teacher wrote. */
  readonly written: number;
  readonly kept: number;
  /** Texts without an end, or with a line break. */
  readonly unfinished: number;
  /** Texts shorter than the shortest or longer than the longest training source. */
  readonly otherLength: number;
  /** Texts too similar to a source of the data or to one written before. */
  readonly similar: number;
}

export interface WrittenSources {
  readonly sources: readonly string[];
  readonly report: WriteReport;
}

const round = z.array(z.string());

/**
 * As many new sources as asked for, or fewer where the teacher brings no more. None is similar to a source of any split, or to another one.
 *
 * Deterministic in the data, the settings, the labeller and the seed.
 *
 * @throws SlmError CONFIG_INVALID for a labeller that cannot write, INTERRUPTED between rounds with finished rounds kept
 */
export async function writeSources(request: WriteRequest): Promise<WrittenSources> {
  const { settings, labeller, context } = request;
  if (labeller.complete === undefined) throw cannotWrite(labeller.name);
  await mkdir(request.rounds, { recursive: true });
  const { train, all } = await dataSources(request.dataDirectory);
  const lengths = train.map(({ length }) => length);
  const [shortest, longest] = [minimum(lengths), maximum(lengths)];
  const known = new SimilarTexts(all, settings.similarity);
  const sources: string[] = [];
  const counts = { written: 0, kept: 0, unfinished: 0, otherLength: 0, similar: 0 };
  const whyNot = (text: string): keyof typeof counts => {
    if (text === "" || text.includes("\n")) return "unfinished";
    if (text.length < shortest || text.length > longest) return "otherLength";
    return known.has(text) ? "similar" : "kept";
  };
  let empty = 0;
  let made = 0;
  for (let number = 0; sources.length < settings.sources && empty < MAX_EMPTY_ROUNDS; number++) {
    throwIfInterrupted(context.signal, "cache");
    const before = sources.length;
    if (number === made)
      made = await writeAhead(request, train, { first: number, missing: settings.sources - before });
    for (const raw of await textsOf(request, train, number)) {
      if (sources.length === settings.sources) break;
      const text = raw.trim();
      const result = whyNot(text);
      counts.written += 1;
      counts[result] += 1;
      if (result !== "kept") continue;
      known.add(text);
      sources.push(text);
    }
    empty = sources.length === before ? empty + 1 : 0;
    const message = `${sources.length} of ${settings.sources} sources written`;
    context.progress({ stage: "cache", message });
  }
  return { sources, report: counts };
}

/**
 * Has rounds written on other machines: as many as are needed even if every text is kept, so that none is written in vain.
 *
 * @returns the number of the first round after them
 */
async function writeAhead(
  request: WriteRequest,
  train: readonly string[],
  { first, missing }: { readonly first: number; readonly missing: number },
): Promise<number> {
  const { maker, rounds, context, settings } = request;
  const end = first + Math.ceil(missing / promptsOfRound(settings));
  if (maker === undefined) return end;
  const open: RoundWork[] = [];
  for (let number = first; number < end; number++) {
    const work = roundOf(request, train, number);
    if ((await finished(join(rounds, work.name))) === undefined) open.push(work);
  }
  const { signal, seed } = context;
  const accept = (name: string, texts: readonly string[]): Promise<void> =>
    writeJsonAtomic(join(rounds, name), texts);
  if (open.length > 0) await maker.make({ rounds: open, accept, signal, seed });
  return end;
}

/** The texts of a round, finished before or written now. */
async function textsOf(
  request: WriteRequest,
  train: readonly string[],
  number: number,
): Promise<readonly string[]> {
  const work = roundOf(request, train, number);
  const file = join(request.rounds, work.name);
  const found = await finished(file);
  if (found !== undefined) return found;
  const texts = await writeRound(request, work);
  await writeJsonAtomic(file, texts);
  return texts;
}

type RoundRequest = Pick<WriteRequest, "settings" | "labeller" | "context">;

function roundOf(
  { settings, labeller, context }: RoundRequest,
  train: readonly string[],
  number: number,
): RoundWork {
  const prompts = promptsOf(settings, train, sfc32(context.seed, number));
  return { number, prompts, name: roundName({ settings, labeller, context }, { number, prompts }) };
}

/** Name of the file of a round. */
export function roundName(
  { settings: { temperature, end }, labeller: { name, identity }, context: { seed } }: RoundRequest,
  { number, prompts }: Omit<RoundWork, "name">,
): string {
  return `${hashJson({ name, identity, prompts, temperature, end, seed, number }).slice(0, 32)}.json`;
}

/** Has a labeller continue the prompts of a round. @throws SlmError as {@link writeSources} */
export function writeRound(
  { settings: { temperature, end }, labeller, context: { seed, signal } }: RoundRequest,
  { number, prompts }: Omit<RoundWork, "name">,
): Promise<readonly string[]> {
  if (labeller.complete === undefined) throw cannotWrite(labeller.name);
  return labeller.complete(prompts, {
    temperature,
    end,
    seed: (seed + number * ROUND_PROMPTS) >>> 0,
    signal,
  });
}

async function finished(file: string): Promise<readonly string[] | undefined> {
  try {
    return await readJsonFile(file, round);
  } catch (error) {
    if (error instanceof SlmError && error.code === "INPUT_MISSING") return undefined;
    if (systemCode(error) === "ENOENT") return undefined;
    throw error;
  }
}

const promptsOfRound = ({ sources }: SyntheticSourcesConfig): number =>
  Math.min(ROUND_PROMPTS, PROMPTS_PER_SOURCE * sources);

/** Prompts of a round: different training sources in each, in a random order. */
function promptsOf(
  settings: SyntheticSourcesConfig,
  train: readonly string[],
  random: () => number,
): readonly string[] {
  const { instruction, before, end, examples } = settings;
  return Array.from({ length: promptsOfRound(settings) }, () => {
    const shown = new Set<string>();
    while (shown.size < Math.min(examples, train.length)) shown.add(train[below(random, train.length)]!);
    const lines = [...shown].map((source) => `${before}${source}${end}`);
    // A space before the text belongs to its first token.
    return `${instruction}${lines.join("")}${before}`.trimEnd();
  });
}

/** Different training sources, and the sources of all splits, as a text-only model reads them. */
async function dataSources(
  directory: string,
): Promise<{ readonly train: readonly string[]; readonly all: readonly string[] }> {
  const bySplit: string[][] = [];
  for (const split of SPLITS) {
    const sources = new Set<string>();
    for await (const row of readRows(join(directory, DATA_FILES[split]))) sources.add(textRow(row).source);
    bySplit.push([...sources]);
  }
  return { train: bySplit[SPLITS.indexOf("train")]!, all: bySplit.flat() };
}

const minimum = (values: readonly number[]): number =>
  values.reduce((least, value) => Math.min(least, value), Infinity);
const maximum = (values: readonly number[]): number =>
  values.reduce((most, value) => Math.max(most, value), 0);

const cannotWrite = (name: string): SlmError =>
  new SlmError("CONFIG_INVALID", `cache: the teacher ${name} answers sources, but cannot write new ones`, {
    suggestions: ["use a language model or a server as teacher"],
  });
