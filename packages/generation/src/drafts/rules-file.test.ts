import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder } from "@slm/core/testing";
import { COPIED, partsOf, tokenOf, type DraftRule } from "./rule-table.js";
import { beforeEach, describe, expect, test } from "vitest";
import { DRAFT_RULES_FILE } from "@slm/exported-model";
import { readDraftRules, writeDraftRules } from "./rules-file.js";

const RULES: readonly DraftRule[] = [
  { kind: "alignment", key: -5, token: COPIED, chance: 1 },
  { kind: "after", key: 7, token: 3, chance: 0.4 },
  { kind: "after", key: 2 ** 31 - 1, token: 0, chance: 0 },
];

const directory = temporaryFolder({ each: true });
beforeEach(async () => {
  await writeDraftRules(directory, RULES);
});

const model = { draftRules: 3, vocabularySize: 4 };

describe("draft-rules.json", () => {
  test("reads the rules that were written", async () => {
    const read = await readDraftRules(directory, model);
    const said = RULES.map(({ key }) => [tokenOf(read, key), partsOf(read, key)]);
    expect(said).toEqual(RULES.map(({ token, chance }) => [token, Math.round(255 * chance)]));
    expect([tokenOf(read, 8), partsOf(read, 8)]).toEqual([0, 0]);
    expect(read.kinds).toEqual(["after", "alignment"]);
  });

  test("is rejected if it contradicts model.json or the vocabulary", async () => {
    await expect(readDraftRules(directory, { ...model, draftRules: 4 })).rejects.toMatchObject({
      code: "DATA_INVALID",
      message: expect.stringContaining("model.json lists 4 rules, the file has 3") as string,
    });
    await expect(readDraftRules(directory, { ...model, vocabularySize: 3 })).rejects.toMatchObject({
      code: "DATA_INVALID",
      message: expect.stringContaining("rule 0: token 3 is not among the model's 3 tokens") as string,
    });
  });

  test("is rejected with a code, however it is corrupted", async () => {
    const file = join(directory, DRAFT_RULES_FILE);
    const whole = JSON.parse(await readFile(file, "utf8")) as Record<string, unknown>;
    const wrong: readonly Record<string, unknown>[] = [
      { keys: "AAAA" },
      { tokens: "not base64!" },
      { chances: 3 },
      { keys: "AAAAAAAAAAAAAAAA" },
      { kinds: { after: 1_000_001 } },
      { chances: "////////" },
      { tokens: "/////w==" },
      { schemaVersion: 2 },
      { more: 1 },
      { kinds: { after: 3, alignment: 1 } },
      { kinds: { after: 3, alignment: 0 } },
      { kinds: { after: 1.5, alignment: 1.5 } },
      { kinds: { after: 2, others: 1 } },
      { kinds: { after: 4e9 } },
      { kinds: ["after"] },
      { kinds: undefined },
    ];
    for (const change of wrong) {
      await writeFile(file, JSON.stringify({ ...whole, ...change }));
      await expect(readDraftRules(directory, model), JSON.stringify(change)).rejects.toMatchObject({
        code: expect.stringMatching(/^(?:DATA|CONFIG)_INVALID$/) as string,
      });
    }
    await rm(file);
    await expect(readDraftRules(directory, model)).rejects.toMatchObject({ code: "INPUT_MISSING" });
  });
});
