/**
 * Writes questions from patterns. The pattern "{which|what} language is * {written|coded} in" expands into four sentences. A quarter of the sentences
 * are only used in test rows, so a model cannot memorize the test's questions. Every word of these sentences also occurs in a training sentence about
 * the same kind of fact, because a model that starts from random weights cannot know other words.
 */
import type { Draw } from "../shared/draw.js";
import { chosenByHash } from "./chosen-by-hash.js";
import type { FactKind } from "./facts.js";

/** Whether a question is for training, with the phrases for it, or for the test, with held-out phrases only. */
export type PhraseSet = "training" | "heldOut";

/** One sentence or frame in so many is only for the test. */
const HELD_OUT_SHARE = 4;

/** All sentences of a pattern, in the order of its alternatives. */
export function expand(pattern: string): readonly string[] {
  const [before, alternatives, after] = /^(.*?)\{(.*?)\}(.*)$/u.exec(pattern)?.slice(1) ?? [];
  if (before === undefined || alternatives === undefined || after === undefined) return [pattern];
  return alternatives.split("|").flatMap((choice) => expand(`${before}${choice}${after}`));
}

type Split = { readonly [S in PhraseSet]: readonly string[] };

function split(patterns: readonly string[]): Split {
  const all = patterns.flatMap(expand);
  const isHeldOut = (text: string): boolean => chosenByHash(text, HELD_OUT_SHARE);
  return { training: all.filter((text) => !isHeldOut(text)), heldOut: all.filter(isHeldOut) };
}

/** `*` is the package's name. */
const SENTENCES: { readonly [K in FactKind]: Split } = {
  identity: split([
    "{what|which} {kind|sort|type} of {software|program|package} is *",
    "how would you {describe|classify|define} {the package |}*",
  ]),
  language: split([
    "{which|what} {language|programming language} is * {written|implemented|programmed|coded} in",
    "in {which|what} {language|programming language} {is|was} * {written|implemented|programmed|coded}",
    "{which|what} {language|programming language} did the {authors|developers} of * use",
  ]),
  basis: split([
    "what {is|was} {the package |}* {based|built} on",
    "on {what|which software} {is|was} * {based|built}",
    "what is the {basis|foundation|core} of {the package |}*",
  ]),
  purpose: split([
    "what is {the package |}* {used|designed|intended|meant} for",
    "what is the {purpose|use|aim} of {the package |}*",
    "for {what|which task} is {the package |}* {used|designed|intended|meant}",
  ]),
  contents: split([
    "what does {the package |}* {contain|include|ship}",
    "what is {contained|included|shipped} in {the package |}*",
    "{what|which files} {will I|do I|do you} {get|find} in {the package |}*",
  ]),
  function: split([
    "what does {the package |}* {provide|offer|deliver}",
    "what is {provided|offered|delivered} by {the package |}*",
    "which {function|service} does {the package |}* {provide|offer|deliver}",
  ]),
  support: split([
    "{what|which features} does {the package |}* {support|handle|work with}",
    "what is {supported|handled} by {the package |}*",
    "{what|which features} can {the package |}* {support|handle|work with}",
  ]),
  permission: split([
    "what does {the package |}* {allow|enable|permit}",
    "what does {the package |}* {allow|enable|permit} {you|users|people} to do",
    "what {can|may} {you|users|people} do {with|thanks to} {the package |}*",
  ]),
  example: split([
    "{what|which} example does the {text|description} {on|of} * {give|name}",
    "{what|which} example is {given|named} for {the package |}*",
    "what is {given|named} as an {example|instance} for {the package |}*",
  ]),
  likeness: split([
    "what is {the package |}* {similar to|like|comparable to}",
    "{what|which software} does {the package |}* resemble",
    "which software is {the package |}* {similar to|like|comparable to}",
  ]),
  need: split([
    "what does {the package |}* {require|need|depend on}",
    "what is {required|needed} by {the package |}*",
    "what must be {installed|there} for {the package |}* to work",
  ]),
  author: split([
    "who {wrote|develops|maintains|made} {the package |}*",
    "by whom {is|was} {the package |}* {written|developed|maintained|made}",
    "who is {the author of|behind} {the package |}*",
  ]),
};

/** `*` is the sentence, without a question mark. */
const FRAMES = split([
  "*?",
  "{please |}{tell me|answer|say}{:|,} *?",
  "{according to|judging by} {the|this} {text|description|context}, *?",
]);

/** Fills `*`. A function as replacement, because a name may contain `$`. */
const fill = (pattern: string, value: string): string => pattern.replace("*", () => value);

/** A question about a fact of a package. */
export function questionOf(kind: FactKind, name: string, set: PhraseSet, draw: Draw): string {
  const sentence = fill(draw.pick(SENTENCES[kind][set]), name);
  return fill(draw.pick(FRAMES[set]), sentence);
}

/** The sentences about a kind of fact, and the frames, to compare the sets. */
export const phrasesOf = (set: PhraseSet): readonly (readonly string[])[] =>
  [...Object.values(SENTENCES), FRAMES].map((each) => each[set]);
