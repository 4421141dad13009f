import { expect, test } from "vitest";
import {
  addRule,
  draftRulesOf,
  emptyDraftRules,
  homeOf,
  MOST_RULES,
  partsOf,
  tokenOf,
  type DraftRule,
} from "./rule-table.js";

test("keys of a hostile file that all end alike do not fill one stretch of the table", () => {
  const rules = Array.from({ length: 2 ** 16 }, (_, at): DraftRule => {
    // A table of this size uses 17 bits of a hash. These keys differ in three of them.
    const key = (Math.floor(at / 8) << 18) | 8 | (at % 8);
    return { kind: "after", key, token: at % 100, chance: 1 };
  });
  const table = draftRulesOf(rules, 100);
  let longest = 0;
  let run = 0;
  for (let place = 0; place < table.places.length; place += 3) {
    run = table.places[place] === 0 ? 0 : run + 1;
    longest = Math.max(longest, run);
  }
  expect(longest).toBeLessThan(1000);
  for (const { key, token } of rules.slice(-8))
    expect([tokenOf(table, key), partsOf(table, key)]).toEqual([token, 255]);
});

test("a table of the most rules is filled with fewer than two looks at a place for each", () => {
  const table = emptyDraftRules(MOST_RULES, new Set(["after"]), 100);
  // Keys that follow one another fill one stretch of a table whose places they choose.
  for (let key = 1; key <= MOST_RULES; key++) addRule(table, key, key % 100, 255);
  const capacity = table.places.length / 3;
  let looks = 0;
  for (let place = 0; place < capacity; place++) {
    const key = table.places[3 * place]!;
    if (key !== 0) looks += 1 + ((place - homeOf(table, key) + capacity) % capacity);
  }
  expect(looks).toBeLessThan(2 * MOST_RULES);
});
