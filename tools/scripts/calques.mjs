/**
 * Word-for-word translations that a reader has to read twice: one row each, read by `vocabulary-lint.mjs`. Unlike `banned-idioms.mjs` they
 * are only looked for in prose: documentation, comments, help and messages.
 *
 * - `idiom`: an example, which the pattern finds (the test checks each).
 * - `say`: what to write instead.
 * - `pattern`: a space also matches a line break.
 *
 * A row needs few false positives: count its hits in the tree and read a sample before you add it.
 */
const ROWS = [
  {
    idiom: "a file beside the model",
    pattern: /\bbeside\b/,
    say: "next to, alongside, compared with, in addition to; 'beside' only for a position on screen",
  },
  {
    idiom: "the files behind a run",
    pattern:
      /(?<!\b(?:leave|leaves|leaving|left)\b[^.]{0,60})\bbehind\b(?! (?:an?|the|this|your) (?:\w+ )?(?:API|proxy|flag|switch|load balancer)\b)/,
    say: "after, served by, used by; 'behind' only for a proxy, an API or a flag",
  },
  {
    idiom: "the graphs lie in a folder",
    pattern: /\b(?:lie|lies|stand|stands|lay|stood)\b(?! (?:for|in for|out|between|on end|still)\b|-)/,
    say: "is, are, is stored, is written",
  },
  {
    idiom: "every line that is no row",
    pattern: /(?<!\bthere )\b(?:is|are|was|were) no (?!longer\b|more\b|less\b|worse\b|\w+er\b)/,
    say: "negate the verb: is not, are not, cannot, failed to",
  },
  {
    idiom: "what a batch is made of",
    pattern: /\bmade (?:up )?of\b/,
    say: "consists of, contains, made from",
  },
  { idiom: "libraries of others", pattern: /(?<!\band )\bof others\b/, say: "third-party; of other NOUNS" },
  {
    idiom: "the server is asked",
    pattern: /(?<!\bquestions (?:that )?)\b(?:is|are|was|were|be|been) asked\b/,
    say: "is requested, is queried, is prompted; or who asks, as the subject",
  },
  {
    idiom: "all that the heads make",
    pattern: /\ball that\b(?! (?:fit|exist|match)\b)/,
    say: "everything that, all NOUNS that",
  },
  {
    idiom: "have it done by workers",
    pattern: /\b(?:have|has|having) (?:it|them|this) (?:done|made|run|read|checked|labelled)\b/,
    say: "the verb: run it on workers",
  },
  {
    idiom: "the file holds rows",
    pattern:
      /\b(?:files?|folders?|director(?:y|ies)|archives?|bundles?|texts?|lines?|messages?|names?|manifests?|pages?|headers?|strings?|records?|columns?|graphs?|checkpoints?|recipes?|it|that|they|which) holds? (?!for\b|good\b|true\b)/,
    say: "contains, has, lists",
  },
  {
    idiom: "the package brings a model",
    pattern: /\bbrings?\b(?! (?:back|up|down|every \w+ up)\b)/,
    say: "has, includes, adds, gains",
  },
  { idiom: "the jobs at hand", pattern: /\bat hand\b/, say: "available, installed, current" },
  { idiom: "it loads nothing but flags", pattern: /\bnothing but\b/, say: "only" },
  {
    idiom: "the layer knows no device",
    pattern: /\bknows? (?:no|of|nothing)\b/,
    say: "does not depend on, does not know, has no",
  },
  {
    idiom: "a class is taken for another",
    pattern: /\btaken for\b/,
    say: "mistaken for, counted as, predicted as",
  },
  {
    idiom: "undefined where files need it",
    pattern: /\b(?:undefined|absent|empty|null|except|the default) where\b/,
    say: "if",
  },
  {
    idiom: "for what no manifest lists",
    pattern: /\bwhat (?:no|is no|are no|is none)\b/,
    say: "NOUNS that ... not",
  },
  { idiom: "rejected by name", pattern: /\brejected by name\b/, say: "rejected with an error that names it" },
  {
    idiom: "as far as the graph shows",
    pattern: /\bas far as (?!(?:we|I|is|this|slm) )/,
    say: "if, the parts that",
  },
];

/** Correct uses: the file, a part of its line, and why it stays. */
export const ALLOWED = [
  {
    file: "packages/report/src/line-chart.ts",
    text: "behind the curves",
    because: "the order in which a chart is drawn",
  },
  {
    file: "packages/tokenizer/src/patterns/program.ts",
    text: "or behind",
    because: "look-ahead and look-behind of regular expressions",
  },
];

export const CALQUES = ROWS.map(({ pattern, ...row }) => ({
  ...row,
  pattern: new RegExp(pattern.source.replaceAll(" ", String.raw`\s+`), "gi"),
}));
