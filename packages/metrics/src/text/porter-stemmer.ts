/**
 * Stems of English words.
 *
 * Source: Porter 1980, "An algorithm for suffix stripping", Program 14(3), with its steps and terms (measure, *v*, *d, *o), and
 * with the deviations of NLTK's `PorterStemmer` in its default mode, which `rouge-score` uses. The deviations are
 * marked NLTK below.
 */
type Condition = (stem: string) => boolean;

/** A suffix, its replacement, and the condition on the stem before it. */
type Rule = readonly [suffix: string, replacement: string, condition: Condition];

const always: Condition = () => true;
const hasMeasure: Condition = (stem) => measure(stem) > 0;
const hasLongMeasure: Condition = (stem) => measure(stem) > 1;

/** NLTK: words with irregular stems. */
const IRREGULAR: ReadonlyMap<string, string> = new Map([
  ["sky", "sky"],
  ["skies", "sky"],
  ["dying", "die"],
  ["lying", "lie"],
  ["tying", "tie"],
  ["news", "news"],
  ["innings", "inning"],
  ["inning", "inning"],
  ["outings", "outing"],
  ["outing", "outing"],
  ["cannings", "canning"],
  ["canning", "canning"],
  ["howe", "howe"],
  ["proceed", "proceed"],
  ["exceed", "exceed"],
  ["succeed", "succeed"],
]);

const PLURALS: readonly Rule[] = [
  ["sses", "ss", always],
  ["ies", "i", always],
  ["ss", "ss", always],
  ["s", "", always],
];

/** Longer suffixes come before their own suffixes. */
const DOUBLE_SUFFIXES: readonly Rule[] = [
  ["ational", "ate", hasMeasure],
  ["tional", "tion", hasMeasure],
  ["enci", "ence", hasMeasure],
  ["anci", "ance", hasMeasure],
  ["izer", "ize", hasMeasure],
  ["bli", "ble", hasMeasure],
  ["alli", "al", hasMeasure],
  ["entli", "ent", hasMeasure],
  ["eli", "e", hasMeasure],
  ["ousli", "ous", hasMeasure],
  ["ization", "ize", hasMeasure],
  ["ation", "ate", hasMeasure],
  ["ator", "ate", hasMeasure],
  ["alism", "al", hasMeasure],
  ["iveness", "ive", hasMeasure],
  ["fulness", "ful", hasMeasure],
  ["ousness", "ous", hasMeasure],
  ["aliti", "al", hasMeasure],
  ["iviti", "ive", hasMeasure],
  ["biliti", "ble", hasMeasure],
  ["fulli", "ful", hasMeasure], // NLTK
  ["logi", "log", (stem) => hasMeasure(`${stem}l`)], // NLTK: the l counts as part of the stem.
];

const SINGLE_SUFFIXES: readonly Rule[] = [
  ["icate", "ic", hasMeasure],
  ["ative", "", hasMeasure],
  ["alize", "al", hasMeasure],
  ["iciti", "ic", hasMeasure],
  ["ical", "ic", hasMeasure],
  ["ful", "", hasMeasure],
  ["ness", "", hasMeasure],
];

const LAST_SUFFIXES: readonly Rule[] = [
  ["al", "", hasLongMeasure],
  ["ance", "", hasLongMeasure],
  ["ence", "", hasLongMeasure],
  ["er", "", hasLongMeasure],
  ["ic", "", hasLongMeasure],
  ["able", "", hasLongMeasure],
  ["ible", "", hasLongMeasure],
  ["ant", "", hasLongMeasure],
  ["ement", "", hasLongMeasure],
  ["ment", "", hasLongMeasure],
  ["ent", "", hasLongMeasure],
  ["ion", "", (stem) => hasLongMeasure(stem) && /[st]$/u.test(stem)],
  ["ou", "", hasLongMeasure],
  ["ism", "", hasLongMeasure],
  ["ate", "", hasLongMeasure],
  ["iti", "", hasLongMeasure],
  ["ous", "", hasLongMeasure],
  ["ive", "", hasLongMeasure],
  ["ize", "", hasLongMeasure],
];

/** Corrections after the removal of -ed and -ing, so that later steps find their suffixes. */
const REPAIRS: readonly Rule[] = [
  ["at", "ate", always],
  ["bl", "ble", always],
  ["iz", "ize", always],
];

/** The steps in order. Each gets the result of the previous one. */
const STEPS: readonly ((word: string) => string)[] = [
  stripPlural,
  stripPast,
  replaceY,
  replaceDoubleSuffix,
  (word) => applyFirst(SINGLE_SUFFIXES, word),
  (word) => applyFirst(LAST_SUFFIXES, word),
  stripE,
  (word) => (word.endsWith("ll") && hasLongMeasure(word.slice(0, -1)) ? word.slice(0, -1) : word),
];

/**
 * Stem of a lower-case word of letters a to z and digits, which count as consonants.
 *
 * @example porterStem("relational") // "relat"
 */
export function porterStem(word: string): string {
  const irregular = IRREGULAR.get(word);
  if (irregular !== undefined) return irregular;
  return word.length <= 2 ? word : STEPS.reduce((stem, step) => step(stem), word);
}

/** Only the first rule with a matching suffix is tried, whether its condition holds or not. */
function applyFirst(rules: readonly Rule[], word: string): string {
  const rule = rules.find(([suffix]) => word.endsWith(suffix));
  if (rule === undefined) return word;
  const [suffix, replacement, condition] = rule;
  const stem = word.slice(0, word.length - suffix.length);
  return condition(stem) ? stem + replacement : word;
}

/** Step 1a. NLTK: words of four letters keep their e (dies, die). */
function stripPlural(word: string): string {
  return word.length === 4 && word.endsWith("ies") ? word.slice(0, -1) : applyFirst(PLURALS, word);
}

/** Step 1b. NLTK: -ied as -ies. */
function stripPast(word: string): string {
  if (word.endsWith("ied")) return word.slice(0, word.length === 4 ? -1 : -2);
  if (word.endsWith("eed")) return hasMeasure(word.slice(0, -3)) ? word.slice(0, -1) : word;
  const suffix = ["ed", "ing"].find((ending) => word.endsWith(ending));
  if (suffix === undefined) return word;
  const stem = word.slice(0, word.length - suffix.length);
  return consonants(stem).includes(false) ? repairStem(stem) : word;
}

function repairStem(stem: string): string {
  const repaired = applyFirst(REPAIRS, stem);
  if (repaired !== stem) return repaired;
  if (endsInDoubleConsonant(stem)) return /[lsz]$/u.test(stem) ? stem : stem.slice(0, -1);
  return measure(stem) === 1 && endsInShortSyllable(stem) ? `${stem}e` : stem;
}

/** Step 1c. NLTK: only after a consonant that is not the first letter (happy, but not enjoy and by). */
function replaceY(word: string): string {
  const stem = word.slice(0, -1);
  return word.endsWith("y") && stem.length > 1 && consonants(stem).at(-1) === true ? `${stem}i` : word;
}

/** Step 2. NLTK: -alli comes first, and its result goes through the step again. */
function replaceDoubleSuffix(word: string): string {
  let current = word;
  while (current.endsWith("alli") && hasMeasure(current.slice(0, -4))) current = current.slice(0, -2);
  return applyFirst(DOUBLE_SUFFIXES, current);
}

/** Step 5a. */
function stripE(word: string): string {
  if (!word.endsWith("e")) return word;
  const stem = word.slice(0, -1);
  const length = measure(stem);
  return length > 1 || (length === 1 && !endsInShortSyllable(stem)) ? stem : word;
}

/** Whether each letter is a consonant: not a vowel; y is a consonant unless it follows one. */
function consonants(word: string): readonly boolean[] {
  const flags: boolean[] = [];
  for (const letter of word) {
    flags.push(letter === "y" ? flags.at(-1) !== true : !"aeiou".includes(letter));
  }
  return flags;
}

/** Porter's m: how often a consonant follows a vowel. */
function measure(stem: string): number {
  const flags = consonants(stem);
  return flags.filter((isConsonant, index) => isConsonant && flags[index - 1] === false).length;
}

/** Porter's *d. */
function endsInDoubleConsonant(word: string): boolean {
  return word.length >= 2 && word.at(-1) === word.at(-2) && consonants(word).at(-1) === true;
}

/** Porter's *o: ends consonant, vowel, consonant, the last not w, x or y. NLTK: or is vowel, consonant. */
function endsInShortSyllable(word: string): boolean {
  const flags = consonants(word);
  const isShort = flags.at(-1) === true && flags.at(-2) === false;
  if (word.length === 2) return isShort;
  return isShort && flags.at(-3) === true && !/[wxy]$/u.test(word);
}
