/**
 *
 * Learns draft rules from training pairs. Candidates are counted on nine of ten pairs. The tenth pair calibrates how often rules of each kind are
 * right. Rules that no pair needs are dropped, and so are alignment rules if answers do not follow their sources.
 */
import { draftRulesOf, MOST_RULES, type DraftRule, type RuleKind } from "../rule-table.js";
import { RuleDrafter } from "../rules.js";
import { learnAlignment, spreadPairs, type TokenPair } from "./learn-alignment.js";
import { RuleLearner, type Candidate } from "./rule-learner.js";

/** Maximum number of answer tokens that rules are learnt from, in evenly spaced pairs. More tokens take minutes and a gigabyte and add little. */
export const MOST_ANSWER_TOKENS = 400_000;

/** One of this many pairs is held out. */
const HELD_OUT = 10;

/** Minimum number of places at which a rule about the source must have been the best rule. */
const LEAST_USES = 2;

/** Kinds that can be dropped for a task, the kinds that cost the host most time first. */
const OPTIONAL: readonly RuleKind[] = ["given", "copy", "continue", "aligned", "proceed", "after"];

/** A kind is kept if it raises the tokens per run on the held-out pairs by this factor, with at most {@link MOST_DRAFTS} draft tokens. */
const LEAST_GAIN = 1.005;
const MOST_DRAFTS = 12;

/**
 * Learns draft rules for an encoder-decoder's answers, from evenly spaced pairs with at most {@link MOST_ANSWER_TOKENS} answer tokens.
 *
 * @param end id of the token after an answer (EOS)
 */
export function learnDraftRules(pairs: readonly TokenPair[], end: number): readonly DraftRule[] {
  const some = spreadPairs(pairs, MOST_ANSWER_TOKENS);
  const counted = some.filter((_, at) => at % HELD_OUT !== HELD_OUT - 1);
  const held = some.filter((_, at) => at % HELD_OUT === HELD_OUT - 1);
  const alignment = learnAlignment(counted);
  const learner = new RuleLearner(end, draftRulesOf(alignment, Infinity));
  learner.count(counted);
  for (const pair of held) learner.calibrate(pair);
  const kept = worthwhile(learner.candidates(), alignment, (rules) => tokensPerRun(rules, held, end));
  const entries = kept.some(({ kind }) => ALIGNED_KINDS.has(kind)) ? alignment : [];
  return [...surest(used(kept, some, entries), MOST_RULES - entries.length), ...entries];
}

/** The `most` rules with the highest chances, in their order. */
export function surest(rules: readonly DraftRule[], most: number): readonly DraftRule[] {
  if (rules.length <= most) return rules;
  const chosen = new Set(rules.toSorted((a, b) => b.chance - a.chance).slice(0, Math.max(0, most)));
  return rules.filter((rule) => chosen.has(rule));
}

/** Kinds of rules that need an alignment. */
const ALIGNED_KINDS: ReadonlySet<RuleKind> = new Set<RuleKind>(["aligned", "proceed"]);

/** The rules of the kinds that improve drafts for this task. */
function worthwhile(
  rules: readonly Candidate[],
  alignment: readonly DraftRule[],
  rateOf: (rules: readonly DraftRule[]) => number,
): readonly Candidate[] {
  let kept = rules;
  let rate = rateOf([...kept, ...alignment]);
  for (const kind of OPTIONAL) {
    const others = kept.filter((rule) => rule.kind !== kind);
    const rateWithout = others.length === kept.length ? rate : rateOf([...others, ...alignment]);
    if (rate >= LEAST_GAIN * rateWithout) continue;
    kept = others;
    rate = rateWithout;
  }
  return kept;
}

/** The rules that are used at some place of the pairs. @param alignment entries that align answers with their sources */
function used(
  rules: readonly Candidate[],
  pairs: readonly TokenPair[],
  alignment: readonly DraftRule[],
): readonly DraftRule[] {
  const uses = usesOf([...rules, ...alignment], pairs);
  return rules.filter(({ kind, key }) => kind === "after" || (uses.get(key) ?? 0) >= LEAST_USES);
}

/** How often each rule is the best rule in these pairs, by its key. */
function usesOf(rules: readonly DraftRule[], pairs: readonly TokenPair[]): ReadonlyMap<number, number> {
  const table = draftRulesOf(rules, Infinity);
  const uses = new Map<number, number>();
  for (const { source, target } of pairs) {
    const drafter = new RuleDrafter(table, source);
    for (let at = 0; at <= target.length; at++) {
      const { key } = drafter.next(target.slice(0, at));
      uses.set(key, (uses.get(key) ?? 0) + 1);
    }
  }
  return uses;
}

/** Tokens per run, including EOS, if every run verifies what the rules draft. */
function tokensPerRun(rules: readonly DraftRule[], pairs: readonly TokenPair[], end: number): number {
  const table = draftRulesOf(rules, Infinity);
  let [runs, tokens] = [0, 0];
  for (const { source, target } of pairs) {
    const drafter = new RuleDrafter(table, source);
    tokens += target.length + 1;
    for (let at = 0; at <= target.length; runs++) {
      const drafted = drafter.draft(target.slice(0, at), MOST_DRAFTS, end);
      const wrong = drafted.findIndex((token, place) => token !== target[at + place]);
      at += (wrong === -1 ? drafted.length : wrong) + 1;
    }
  }
  return runs === 0 ? 0 : tokens / runs;
}
