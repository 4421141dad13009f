/** Facts that a description of a package states in a fixed form, each with the words that answer a question about it. */

const FACT_KINDS = [
  "identity",
  "language",
  "basis",
  "purpose",
  "contents",
  "function",
  "support",
  "permission",
  "example",
  "likeness",
  "need",
  "author",
] as const;
export type FactKind = (typeof FACT_KINDS)[number];

export interface Fact {
  readonly kind: FactKind;
  /** Part of the text, unchanged. */
  readonly answer: string;
}

/** An answer ends at punctuation, or before a word that begins another clause. */
const ANSWER = String.raw`(?<answer>[^\s.,;:()][^.,;:()]{2,59}?)(?=\s*[.,;:()]|\s(?:and|or|but|which|that|while|when|so|because|using|with|without)\s)`;
/** A name, such as "C++", "GTK 3" or "Perl". */
const NAME = String.raw`(?<answer>(?:pure |ANSI )?\p{Lu}[\w+#]*(?: \d[\d.]*\d|\s\d)?)`;

const PATTERNS: { readonly [K in FactKind]: RegExp } = {
  identity: new RegExp(String.raw`^\p{Lu}[\w.+-]* is an? ${ANSWER}`, "gu"),
  language: new RegExp(
    String.raw`\b(?:written|implemented|programmed) (?:entirely |purely )?in ${NAME}`,
    "gu",
  ),
  basis: new RegExp(String.raw`\bbased (?:up)?on ${ANSWER}`, "gu"),
  purpose: new RegExp(String.raw`\b(?:used|designed|intended|meant) (?:for|to) ${ANSWER}`, "gu"),
  contents: new RegExp(String.raw`\bpackage (?:contains|includes|ships) ${ANSWER}`, "gu"),
  function: new RegExp(String.raw`\bpackage provides ${ANSWER}`, "gu"),
  support: new RegExp(String.raw`\bsupports ${ANSWER}`, "gu"),
  permission: new RegExp(
    String.raw`\b(?:allows?|lets?|enables?) (?:you |users |one |the user |developers )?(?:to )?${ANSWER}`,
    "gu",
  ),
  example: new RegExp(String.raw`\bsuch as ${ANSWER}`, "gu"),
  likeness: new RegExp(String.raw`\bsimilar to ${ANSWER}`, "gu"),
  need: new RegExp(String.raw`\b(?:requires|depends on) ${ANSWER}`, "gu"),
  author: new RegExp(String.raw`\b(?:developed|written|created|maintained) by ${ANSWER}`, "gu"),
};

/** The answers that a text gives for each kind of fact, in the text's order; often none. */
const answersIn = (text: string, kind: FactKind): readonly string[] =>
  Array.from(text.matchAll(PATTERNS[kind]), ({ groups }) => groups!["answer"]!);

/** The facts of a text. A kind that the text states twice is left out, because a question about it would have two answers. */
export function factsOf(text: string): readonly Fact[] {
  return FACT_KINDS.flatMap((kind) => {
    const answers = answersIn(text, kind);
    return answers.length === 1 ? [{ kind, answer: answers[0]! }] : [];
  });
}

/** Kinds of which a text says nothing. */
export const absentIn = (text: string): readonly FactKind[] =>
  FACT_KINDS.filter((kind) => answersIn(text, kind).length === 0);
