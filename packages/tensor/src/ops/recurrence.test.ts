import { beforeAll, describe, expect, test } from "vitest";
import { createEagerEngine } from "../engine/eager-engine.js";
import type { Engine } from "../engine/program.js";
import { numbersOf, random } from "../test-support/numbers.test-support.js";
import { recurrence } from "./recurrence.js";

const [BATCH, LENGTH, WIDTH] = [2, 7, 3];
const inputs = { x: random([BATCH, LENGTH, WIDTH], 1), gate: random([BATCH, LENGTH, WIDTH], 2) };
const whole = { dtype: "float32", shape: [BATCH, LENGTH, WIDTH] } as const;

/** The definition, one state after another. */
function byDefinition(): number[] {
  const [x, gate] = [numbersOf(inputs.x), numbersOf(inputs.gate)];
  const states: number[] = [];
  for (let row = 0; row < BATCH; row++)
    for (let position = 0; position < LENGTH; position++)
      for (let element = 0; element < WIDTH; element++) {
        const at = (row * LENGTH + position) * WIDTH + element;
        const keep = 1 / (1 + Math.exp(-gate[at]!));
        const before = position === 0 ? 0 : states[at - WIDTH]!;
        states.push(keep * before + (1 - keep) * x[at]!);
      }
  return states;
}

let engine: Engine;
beforeAll(async () => {
  engine = await createEagerEngine("js");
});

describe(recurrence, () => {
  test("computes the states of the definition, all at once", async () => {
    const program = await engine.compile({
      name: "whole",
      inputs: { x: whole, gate: whole },
      build: (x) => ({
        states: recurrence({ x: x["x"]!, gate: x["gate"]! }, { capacity: LENGTH }).states,
      }),
    });
    const { fetched } = await program.run({ feeds: inputs, fetch: ["states"] });
    const expected = byDefinition();
    numbersOf(fetched["states"]!).forEach((state, at) => {
      expect(state).toBeCloseTo(expected[at]!, 6);
    });
  });
});
