/**
 * Phrases a question in many ways: one of several sentences for the fact, inside one of several frames. Some sentences and frames are only used for
 * test rows, so that a model cannot memorize the questions of the test.
 */
import type { Draw } from "../shared/draw.js";
import type { FactKind } from "./facts.js";

interface Phrases {
  /** `*` is the package's name. */
  readonly training: readonly string[];
  readonly heldOut: readonly string[];
}

const SENTENCES: { readonly [K in FactKind]: Phrases } = {
  identity: {
    training: [
      "what is *",
      "what kind of software is *",
      "what type of program is *",
      "how would you describe *",
    ],
    heldOut: ["what sort of thing is *", "which category of software does * belong to"],
  },
  language: {
    training: [
      "which language is * written in",
      "what programming language is * implemented in",
      "in which language was * programmed",
    ],
    heldOut: ["what language did the developers of * use", "the source code of * is in which language"],
  },
  basis: {
    training: ["what is * based on", "on what is * based", "which software does * build on"],
    heldOut: ["what is the foundation of *", "* was derived from what"],
  },
  purpose: {
    training: ["what is * used for", "what is * designed for", "what is the purpose of *"],
    heldOut: ["what do people use * for", "for which task is * intended"],
  },
  contents: {
    training: ["what does * contain", "what is in the package *", "what does the package * include"],
    heldOut: ["which files come with *", "what will I get if I install *"],
  },
  function: {
    training: ["what does * provide", "what does the package * offer", "what is provided by *"],
    heldOut: ["what can I obtain from *", "which function does * serve"],
  },
  support: {
    training: ["what does * support", "what is supported by *", "which features does * support"],
    heldOut: ["what can * handle", "with what does * work"],
  },
  permission: {
    training: ["what does * allow", "what does * let you do", "what does * enable users to do"],
    heldOut: ["what becomes possible with *", "what can a user do thanks to *"],
  },
  example: {
    training: [
      "what example does the text on * give",
      "which example is given for *",
      "what is named as an example for *",
    ],
    heldOut: [
      "what does the description of * mention as an instance",
      "for *, name an example from the text",
    ],
  },
  likeness: {
    training: ["what is * similar to", "what does * resemble", "which software is * like"],
    heldOut: ["what is * comparable with", "to what can * be compared"],
  },
  need: {
    training: ["what does * require", "what does * depend on", "what is needed by *"],
    heldOut: ["what must be there before * works", "without what does * not run"],
  },
  author: {
    training: ["who wrote *", "who develops *", "by whom was * created"],
    heldOut: ["who is the author of *", "who is behind *"],
  },
};

/** `*` is the sentence, without a question mark. */
const FRAMES: Phrases = {
  training: ["*?", "*?", "according to the text, *?", "tell me, *?", "please answer: *?", "question: *?"],
  heldOut: ["I would like to know: *?", "from these descriptions, *?"],
};

/** Whether a question is for training, with the phrases for it, or for the test, with held-out phrases only. */
export type PhraseSet = keyof Phrases;

/** Fills `*`. A function as replacement, because a name may contain `$`. */
const fill = (pattern: string, value: string): string => pattern.replace("*", () => value);

/** A question about a fact of a package. */
export function questionOf(kind: FactKind, name: string, set: PhraseSet, draw: Draw): string {
  const sentence = fill(draw.pick(SENTENCES[kind][set]), name);
  return fill(draw.pick(FRAMES[set]), sentence);
}

/** All phrases of a set, to compare the sets. */
export const phrasesOf = (set: PhraseSet): readonly string[] =>
  [...Object.values(SENTENCES), FRAMES].flatMap((phrases) => phrases[set]);
