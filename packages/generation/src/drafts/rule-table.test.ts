import { expect, test } from "vitest";
import { draftRulesOf, partsOf, tokenOf, type DraftRule } from "./rule-table.js";

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
