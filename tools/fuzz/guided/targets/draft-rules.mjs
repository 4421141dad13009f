/** Draft rules of a model: read, and asked how answers go on. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SlmError } from "@slm/core";
import { DRAFT_RULES_FILE, parseDraftRules, writeDraftRules } from "@slm/exported-model";
import { RuleDrafter, RulePlaces } from "@slm/runtime";

export { SlmError };
export const words = ['"keys":"', '"tokens":"', '"chances":"', "AAAA", "/////w==", "=", "null", "[]", "{}"];

const [SOURCE, ANSWERS] = [
  [4, 5, 6, 5],
  [[], [4], [4, 5], [9, 6, 5]],
];
/** Rules and tokens of the model that the file is of. */
const MODEL = { draftRules: 3, vocabularySize: 16 };

export async function seeds() {
  const keys = [];
  new RulePlaces(SOURCE).after(ANSWERS[2], (_, key) => (keys.push(key), false));
  const folder = await mkdtemp(join(tmpdir(), "slm-fuzz-draft-rules-"));
  const rules = [...keys, 7].slice(0, MODEL.draftRules);
  await writeDraftRules(
    folder,
    rules.map((key, at) => ({ key, token: at - 1, chance: 0.5 + at / 8 })),
  );
  const text = await readFile(join(folder, DRAFT_RULES_FILE));
  await rm(folder, { recursive: true });
  return [text];
}

export function open() {
  return (bytes) => {
    const rules = parseDraftRules(Buffer.from(bytes).toString("utf8"), DRAFT_RULES_FILE, MODEL);
    const drafter = new RuleDrafter(rules, SOURCE);
    for (const answer of ANSWERS)
      if (drafter.draft(answer, 20, 2).some((token) => token < 0 || token >= MODEL.vocabularySize))
        throw new Error("drafted a token that the model does not have");
  };
}
