import { createHostTensor } from "@slm/runtime";
import { beforeAll, describe, expect, test } from "vitest";
import { createEagerEngine } from "../engine/eager-engine.js";
import type { Engine } from "../engine/program.js";
import { int32, numbersOf, random } from "../test-support/numbers.test-support.js";
import { math } from "../math.js";
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

  test("continues after cached states, whatever later slots of the cache contain", async () => {
    const one = { dtype: "float32", shape: [BATCH, 1, WIDTH] } as const;
    const program = await engine.compile({
      name: "step",
      inputs: {
        x: one,
        gate: one,
        past: { dtype: "float32", shape: [BATCH, 1, LENGTH, WIDTH] },
        at: { dtype: "int32", shape: [1] },
      },
      build: (x) => {
        const { states, presentState } = recurrence(
          { x: x["x"]!, gate: x["gate"]!, pastState: x["past"], pastLength: x["at"] },
          { capacity: LENGTH },
        );
        return { states, present: math.reshape(presentState, [BATCH, 1, LENGTH, WIDTH]) };
      },
    });
    const column = (values: readonly number[], position: number): Float32Array =>
      Float32Array.from({ length: BATCH * WIDTH }, (_, at) => {
        const row = Math.floor(at / WIDTH);
        return values[(row * LENGTH + position) * WIDTH + (at % WIDTH)]!;
      });
    const expected = byDefinition();
    let past = createHostTensor("float32", [BATCH, 1, LENGTH, WIDTH]);
    past.data.fill(1e6 as never);
    for (let position = 0; position < LENGTH; position++) {
      const { fetched } = await program.run({
        feeds: {
          x: createHostTensor("float32", one.shape, column(numbersOf(inputs.x), position)),
          gate: createHostTensor("float32", one.shape, column(numbersOf(inputs.gate), position)),
          past,
          at: int32([1], [position]),
        },
        fetch: ["states", "present"],
      });
      past = fetched["present"]!;
      const states = column(expected, position);
      numbersOf(fetched["states"]!).forEach((state, at) => {
        expect(state).toBeCloseTo(states[at]!, 6);
      });
    }
  });
});
