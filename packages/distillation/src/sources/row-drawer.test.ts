import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { RowDrawer } from "./row-drawer.js";

const anyLengths = fc.array(fc.tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 })), {
  minLength: 1,
  maxLength: 30,
});
const side = fc.integer({ min: 1, max: 9 });

describe(RowDrawer, () => {
  test("draws rows that fit, and prefers large ones", () => {
    fc.assert(
      fc.property(
        anyLengths,
        side,
        side,
        fc.infiniteStream(fc.double({ min: 0, max: 0.999, noNaN: true })),
        (lengths, source, target, numbers) => {
          const drawer = new RowDrawer({
            source: Uint16Array.from(lengths, ([one]) => one),
            target: Uint16Array.from(lengths, ([, other]) => other),
          });
          const drawn = drawer.draw(5, { source, target }, () => numbers.next().value as number);
          const fitting = lengths.filter(([one, other]) => one <= source && other <= target);
          const isLarge = ([one, other]: [number, number]): boolean => 2 * one > source || 2 * other > target;
          expect(drawn.length).toBe(fitting.length === 0 ? 0 : 5);
          for (const row of drawn) {
            expect(fitting).toContain(lengths[row]);
            if (fitting.some(isLarge)) expect(isLarge(lengths[row]!)).toBe(true);
          }
        },
      ),
    );
  });

  test("considers only sources if there are no targets", () => {
    const drawer = new RowDrawer({ source: Uint16Array.of(5, 2) });
    expect(drawer.draw(2, { source: 4, target: 1 }, () => 0.9)).toEqual([1, 1]);
  });
});
