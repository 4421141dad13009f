/** Compares tokens that a decoder picks itself under a constraint with tokens that are chosen here one at a time. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { decode } from "./decode.js";
import { greedy, LONG, PickingDecoder, VOCABULARY } from "./picking-decoder.test-support.js";
import type { TokenConstraint } from "../rules/token-constraint.js";

const MAX_TOKENS = 8;

/**
 * A constraint that forbids the tokens `forbidden` at their places of the text. `isQuick`: whether it can check one token without checking all of
 * them.
 */
function forbidding(forbidden: readonly (readonly number[])[], isQuick: boolean, at = 0): TokenConstraint {
  const allows = (id: number): boolean => forbidden[at]?.includes(id) !== true;
  return {
    allows: (id) => isQuick && allows(id),
    mask: (scores) => {
      for (const id of scores.keys()) if (!allows(id)) scores[id] = -Infinity;
    },
    after: () => forbidding(forbidden, isQuick, at + 1),
  };
}

const options = greedy({ maxTokens: MAX_TOKENS });

test("gives the same tokens as choosing each among the allowed ones, whichever row leaves the constraint first", async () => {
  const places = fc.array(fc.uniqueArray(fc.nat(VOCABULARY - 1), { maxLength: VOCABULARY - 1 }), {
    maxLength: MAX_TOKENS,
  });
  await fc.assert(
    fc.asyncProperty(fc.nat(1000), fc.array(places, { minLength: 1, maxLength: 4 }), async (seed, rows) => {
      const answers = (isQuick: boolean): ReturnType<typeof decode> =>
        decode(new PickingDecoder(rows.length, seed), {
          ...options,
          constraint: (row) => forbidding(rows[row]!, isQuick),
        });
      const [quick, slow] = [await answers(true), await answers(false)];
      for (const [row, { logProbability, ...told }] of quick.entries()) {
        const { logProbability: expected, ...others } = slow[row]!;
        expect(told).toEqual(others);
        // The decoder's own log-probabilities have the precision of float32.
        expect(Math.abs(logProbability - expected)).toBeLessThan(1e-5);
      }
      expect(quick).toHaveLength(slow.length);
    }),
    // The example is -3.83955 nats, and both roundings to four places.
    { numRuns: 300, examples: [[856, [[[], [1], [2]], []]]] },
  );
});

test("costs no extra step while the decoder's picks are allowed, and one for the first pick that is not", async () => {
  const [free] = await decode(new PickingDecoder(1, LONG), options);
  const length = free!.tokens.length;
  expect(length).toBeGreaterThan(2);
  const within = new PickingDecoder(1, LONG);
  const open = await decode(within, { ...options, constraint: () => forbidding([], true) });
  expect(open).toEqual([free]);
  expect(within).toMatchObject({ steps: 0, isOver: true });

  const leaving = new PickingDecoder(1, LONG);
  const third = free!.tokens[2]!;
  const [bound] = await decode(leaving, {
    ...options,
    constraint: () => forbidding([[], [], [third]], true),
  });
  expect(bound!.tokens.slice(0, 2)).toEqual(free!.tokens.slice(0, 2));
  expect(bound!.tokens[2]).not.toBe(third);
  expect(leaving.made).toBe(3);
  expect(leaving.steps).toBe(bound!.tokens.length + (bound!.finished ? 1 : 0) - 2);
});
