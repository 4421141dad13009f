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
import type { Labeller } from "../labeller.js";
import { SimilarTexts } from "./similar-texts.js";
import type { SyntheticSourcesConfig } from "./synthetic-config.js";

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
  readonly context: StageContext;
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
  const { complete } = labeller;
  if (complete === undefined) throw cannotWrite(labeller.name);
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
  for (let number = 0; sources.length < settings.sources && empty < MAX_EMPTY_ROUNDS; number++) {
    throwIfInterrupted(context.signal, "cache");
    const before = sources.length;
    for (const raw of await textsOf({ ...request, complete }, train, number)) {
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

/** The texts of a round, finished before or written now. */
async function textsOf(
  {
    settings,
    labeller,
    rounds,
    context,
    complete,
  }: WriteRequest & { readonly complete: NonNullable<Labeller["complete"]> },
  train: readonly string[],
  number: number,
): Promise<readonly string[]> {
  const { seed, signal } = context;
  const prompts = promptsOf(settings, train, sfc32(seed, number));
  const { name, identity } = labeller;
  const { temperature, end } = settings;
  const file = join(
    rounds,
    `${hashJson({ name, identity, prompts, temperature, end, seed, number }).slice(0, 32)}.json`,
  );
  const found = await finished(file);
  if (found !== undefined) return found;
  const texts = await complete(prompts, {
    temperature,
    end,
    seed: (seed + number * ROUND_PROMPTS) >>> 0,
    signal,
  });
  await writeJsonAtomic(file, texts);
  return texts;
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

/** Prompts of a round: different training sources in each, in a random order. */
function promptsOf(
  { sources, instruction, before, end, examples }: SyntheticSourcesConfig,
  train: readonly string[],
  random: () => number,
): readonly string[] {
  return Array.from({ length: Math.min(ROUND_PROMPTS, PROMPTS_PER_SOURCE * sources) }, () => {
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
    suggestions: [
      "use a language model or a server as teacher",
      "synthetic words, letter by letter: data.synthetic",
    ],
  });
