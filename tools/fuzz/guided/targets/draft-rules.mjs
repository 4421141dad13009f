/** Draft rules of a model: read, then used to continue answers. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DRAFT_RULES_FILE } from "@slm/exported-model";
import {
  draftRulesOf,
  moveKey,
  pairKey,
  parseDraftRules,
  RuleDrafter,
  RulePlaces,
  writeDraftRules,
} from "@slm/generation";

const [SOURCE, ANSWERS] = [
  [4, 5, 6, 5],
  [[], [4], [4, 5], [9, 6, 5]],
];
/** How many entries of an answer are followed. */
const ALIGNMENT = [moveKey(1), moveKey(0), pairKey(4, 4), pairKey(5, 9)].map((key) => ({
  kind: /** @type {const} */ ("alignment"),
  key,
  token: -1,
  chance: 0.6,
}));
/** Rules and tokens of the file's model. */
const MODEL = { draftRules: 3, vocabularySize: 16 };
const ALIGNED_MODEL = { draftRules: 8, vocabularySize: 16 };

export async function seeds() {
  const [first = [], second = []] = [ANSWERS[1], ANSWERS[2]];
  /** @type {number[]} */
  const keys = [];
  new RulePlaces(SOURCE).after(second, (_, key) => (keys.push(key), false));
  const after = [...keys, 7]
    .slice(0, MODEL.draftRules)
    .map((key, at) => ({ kind: /** @type {const} */ ("after"), key, token: at - 1, chance: 0.5 + at / 8 }));
  const places = new RulePlaces(SOURCE, draftRulesOf(ALIGNMENT, MODEL.vocabularySize));
  /** @type {import("@slm/generation").DraftRule[]} */
  const aligned = [];
  /** @type {Parameters<RulePlaces["proceed"]>[1]} */
  const visit = (kind, _, key, copied) => aligned.push({ kind, key, token: copied, chance: 0.8 });
  places.aligned(first, visit, [0, 3]);
  places.proceed(second, visit);
  return [await fileOf(after), await fileOf([...aligned, ...ALIGNMENT])];
}

async function fileOf(/** @type {readonly import("@slm/generation").DraftRule[]} */ rules) {
  const folder = await mkdtemp(join(tmpdir(), "slm-fuzz-draft-rules-"));
  await writeDraftRules(folder, rules);
  const text = await readFile(join(folder, DRAFT_RULES_FILE));
  await rm(folder, { recursive: true });
  return text;
}

export function open() {
  return (/** @type {Uint8Array} */ bytes) => {
    const text = Buffer.from(bytes).toString("utf8");
    const model = text.includes('"alignment"') ? ALIGNED_MODEL : MODEL;
    const rules = parseDraftRules(text, DRAFT_RULES_FILE, model);
    const drafter = new RuleDrafter(rules, SOURCE);
    for (const answer of ANSWERS)
      if (drafter.draft(answer, 20, 2).some((token) => token < 0 || token >= MODEL.vocabularySize))
        throw new Error("drafted a token that the model does not have");
  };
}
