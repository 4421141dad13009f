/**
 * Reading comprehension: a question about a package, its description, and the words of the description that answer it.
 *
 *   "question: what is apt-cacher based on? context: apt-cacher: ..."  ->  "the Squid cache"
 *
 * A fifth of the questions cannot be answered: they ask for a fact that the description does not state. The test has other packages, and other
 * phrases, than the training.
 */
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
import { chosenByHash } from "./chosen-by-hash.js";
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
  seed: z.int().nonnegative().default(1).describe("Seed of phrases and unanswerable questions."),
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
    .filter(({ name }) => chosenByHash(name, TEST_SHARE) === (set === "heldOut"))
    .map((entry) => shown(entry, given))
    .filter(({ text }) => text.length >= given.shortest);
}

const shown = ({ name, paragraphs }: DebianPackage, { longest }: Pick<Settings, "longest">): Described => ({
  name,
  text: firstSentences(paragraphs, longest),
});

async function* examplesOf(given: Settings, place: Place, set: PhraseSet): AsyncGenerator<Example> {
  for (const [index, subject] of (await described(given, place, set)).entries())
    yield* questionsOn(subject, set, new Draw(given.seed, index));
}

/** A question for each fact of a description, and for some of them one that the description does not answer. */
export function* questionsOn({ name, text }: Described, set: PhraseSet, draw: Draw): Generator<Example> {
  const ask = (kind: FactKind): string =>
    `question: ${questionOf(kind, name, set, draw)} context: ${name}: ${text}`;
  const absent = absentIn(text);
  for (const { kind, answer } of factsOf(text)) {
    yield { source: ask(kind), target: answer };
    if (draw.chance(UNANSWERABLE_PERCENT) && absent.length > 0)
      yield { source: ask(draw.pick(absent)), target: UNANSWERABLE };
  }
}

export default defineDataset({
  settings,
  examples: (given: Settings, place: Place) => examplesOf(given, place, "training"),
  test: (given: Settings, place: Place) => examplesOf(given, place, "heldOut"),
});
