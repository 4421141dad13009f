/**
 * Reading comprehension: a question about one of three packages, their descriptions, and the words of the text that answer it.
 *
 *   "question: what is apt-cacher based on? context: zsh: ... apt-cacher: ... mc: ..."  ->  "the Squid cache"
 *
 * A fifth of the questions cannot be answered from the text: a neighbouring package has a fact of that kind, the package in question has none. The
 * test has other packages, and other phrases, than the training.
 */
import { sha256 } from "@slm/core";
import { defineDataset, type Example } from "@slm/data";
import { z } from "zod";
import {
  type DebianPackage,
  firstSentences,
  indexFolder,
  onePackagePerSource,
} from "../shared/debian-index.js";
import { Draw } from "../shared/draw.js";
import { sourceFolder } from "../shared/user-cache.js";
import { absentIn, factsOf, type FactKind } from "./facts.js";
import { questionOf, type PhraseSet } from "./questions.js";

/** The target of a question without an answer. */
export const UNANSWERABLE = "unanswerable";

export const settings = z.strictObject({
  files: indexFolder,
  shortest: z.int().positive().default(60).describe("Shortest description [characters]."),
  longest: z
    .int()
    .positive()
    .default(180)
    .describe("Longest description; later sentences are dropped [characters]."),
  neighbours: z.int().nonnegative().default(2).describe("Further packages in each context."),
  seed: z.int().nonnegative().default(1).describe("Seed of neighbours, order and phrases."),
});

type Settings = z.infer<typeof settings>;

/** A package with the text that is shown of it. */
export interface Described {
  readonly name: string;
  readonly text: string;
}

/** One package in ten is only in the test. */
const TEST_SHARE = 10;

/** Of the packages with a fact to ask for, the percentage that also gets a question without an answer, for each fact. */
const UNANSWERABLE_PERCENT = 25;

const isOfTest = (name: string): boolean => Number.parseInt(sha256(name).slice(0, 8), 16) % TEST_SHARE === 0;

interface Place {
  readonly directory: string;
}

async function described(
  given: Settings,
  { directory }: Place,
  set: PhraseSet,
): Promise<readonly Described[]> {
  const folder = sourceFolder("debian-bookworm", given.files, directory);
  const packages = await onePackagePerSource(folder, () => true);
  return packages
    .filter(({ name }) => isOfTest(name) === (set === "heldOut"))
    .map((entry) => shown(entry, given))
    .filter(({ text }) => text.length >= given.shortest);
}

const shown = ({ name, paragraphs }: DebianPackage, { longest }: Pick<Settings, "longest">): Described => ({
  name,
  text: firstSentences(paragraphs, longest),
});

async function* examplesOf(given: Settings, place: Place, set: PhraseSet): AsyncGenerator<Example> {
  const pool = await described(given, place, set);
  for (const [index, subject] of pool.entries())
    yield* questionsOn(subject, pool, {
      draw: new Draw(given.seed, index),
      set,
      neighbours: given.neighbours,
    });
}

export interface QuestionOptions {
  readonly draw: Draw;
  readonly set: PhraseSet;
  /** Further packages in the context. */
  readonly neighbours: number;
}

/** A question for each fact of the subject, and for some of them one that the text does not answer. */
export function* questionsOn(
  subject: Described,
  pool: readonly Described[],
  { draw, set, neighbours }: QuestionOptions,
): Generator<Example> {
  for (const { kind, answer } of factsOf(subject.text)) {
    const context = contextOf(subject, pool, draw, neighbours);
    yield { source: sourceOf(questionOf(kind, subject.name, set, draw), context), target: answer };
    if (!draw.chance(UNANSWERABLE_PERCENT)) continue;
    const absent = temptingKinds(subject, context);
    if (absent.length === 0) continue;
    const question = questionOf(draw.pick(absent), subject.name, set, draw);
    yield { source: sourceOf(question, context), target: UNANSWERABLE };
  }
}

/** Different packages in random order, the subject among them. */
function contextOf(
  subject: Described,
  pool: readonly Described[],
  draw: Draw,
  neighbours: number,
): readonly Described[] {
  const chosen = [subject];
  const names = new Set([subject.name]);
  while (chosen.length <= Math.min(neighbours, pool.length - 1)) {
    const candidate = draw.pick(pool);
    if (names.has(candidate.name)) continue;
    names.add(candidate.name);
    chosen.splice(draw.below(chosen.length + 1), 0, candidate);
  }
  return chosen;
}

/** Kinds that the subject's text does not mention and a neighbour's text does; any absent kind if there is none. */
function temptingKinds(subject: Described, context: readonly Described[]): readonly FactKind[] {
  const absent = absentIn(subject.text);
  const others = new Set(
    context
      .filter(({ name }) => name !== subject.name)
      .flatMap(({ text }) => factsOf(text).map(({ kind }) => kind)),
  );
  const tempting = absent.filter((kind) => others.has(kind));
  return tempting.length > 0 ? tempting : absent;
}

const sourceOf = (question: string, context: readonly Described[]): string =>
  `question: ${question} context: ${context.map(({ name, text }) => `${name}: ${text}`).join(" ")}`;

export default defineDataset({
  settings,
  examples: (given: Settings, place: Place) => examplesOf(given, place, "training"),
  test: (given: Settings, place: Place) => examplesOf(given, place, "heldOut"),
});
