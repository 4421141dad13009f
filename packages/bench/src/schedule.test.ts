import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { interleave } from "./schedule.js";

describe(interleave, () => {
  test("gives every model every prompt of its turn once per round", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 1, max: 10 }),
        fc.nat(),
        (models, prompts, runs, seed) => {
          const turns = interleave(models, prompts, runs, seed);
          expect(turns).toHaveLength(models * runs);
          for (let run = 0; run < runs; run += 1) {
            const round = turns.slice(run * models, (run + 1) * models);
            expect(round.map(({ model }) => model).sort()).toEqual(
              Array.from({ length: models }, (_, at) => at),
            );
            expect(round.every(({ prompt }) => prompt === run % prompts)).toBe(true);
          }
        },
      ),
    );
  });

  test("repeats itself for a seed and lets each model go first sometimes", () => {
    const turns = interleave(3, 1, 40, 7);
    expect(turns).toEqual(interleave(3, 1, 40, 7));
    expect(turns).not.toEqual(interleave(3, 1, 40, 8));
    const first = turns.filter((_, at) => at % 3 === 0).map(({ model }) => model);
    expect(new Set(first)).toEqual(new Set([0, 1, 2]));
  });
});
