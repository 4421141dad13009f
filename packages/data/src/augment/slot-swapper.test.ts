import { describe, expect, test } from "vitest";
import type { Row } from "../rows/row.js";
import { replaceSlots, slotSpans } from "./slot-spans.js";
import { SlotSwapper } from "./slot-swapper.js";

const call = (name: string, slots: Record<string, unknown>): string =>
  JSON.stringify({ name, arguments: slots });
const row = (source: string, target: string): Row => ({ source, target });

describe(slotSpans, () => {
  test("ignores ambiguous values: twice in a text, inside words, or missing", () => {
    expect(slotSpans(row("to to be", call("A", { x: "to" })))).toEqual([]);
    expect(slotSpans(row("tomorrow", call("A", { x: "to" })))).toEqual([]);
    expect(slotSpans(row("rate it five", call("A", { x: "5" })))).toEqual([]);
    expect(slotSpans(row("a b", '[{"x": "a"}, {"x": "a"}]'))).toEqual([]);
    expect(slotSpans(row("a b", "no JSON"))).toEqual([]);
    expect(slotSpans(row("new york city", call("A", { city: "new york", place: "york city" })))).toHaveLength(
      1,
    );
  });

  test("keeps spaces of the target's JSON as they are", () => {
    const one = row("wake me at 7", '{"name": "Alarm", "arguments": {"time" :  "7"}}');
    expect(replaceSlots(one, slotSpans(one), ['half "past" 8'])).toEqual(
      row('wake me at half "past" 8', '{"name": "Alarm", "arguments": {"time" :  "half \\"past\\" 8"}}'),
    );
  });
});

describe(SlotSwapper, () => {
  const title = (index: number): string => `song ${100_000 + index * 7_919}`;
  const rows = Array.from({ length: 80 }, (_, index) =>
    row(`play ${title(index)} at ${index % 3}`, call("Play", { track: title(index), level: `${index % 3}` })),
  );
  const swapper = (copies: number, seed = 1): SlotSwapper => {
    const made = new SlotSwapper({ copies }, seed);
    for (const one of rows) made.learn(one);
    return made;
  };
  const never = (): boolean => false;

  test("synthesizes values for open-ended keys, but not for a closed list", () => {
    const made = rows.flatMap((one, index) => [...swapper(4).copies(one, index, never)]);
    expect(made.length).toBeGreaterThan(100);
    const known = new Set(rows.map((_, index) => title(index)));
    let synthetic = 0;
    for (const { target } of made) {
      const { track, level } = (JSON.parse(target) as { arguments: Record<string, string> }).arguments;
      expect(["0", "1", "2"]).toContain(level);
      expect(track).toMatch(/^song \d+$/);
      if (!known.has(track!)) synthetic++;
    }
    expect(synthetic / made.length).toBeGreaterThan(0.1);
    expect(synthetic / made.length).toBeLessThan(0.9);
  });
});
