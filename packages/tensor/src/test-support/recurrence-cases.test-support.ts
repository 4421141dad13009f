/** Uses of the gated recurrence: whole sequences, and one position after cached states. */
import { math } from "../math.js";
import { recurrence } from "../ops/recurrence.js";
import { float32, int32, random } from "./numbers.test-support.js";
import type { OpCase } from "./op-case.test-support.js";

const [BATCH, LENGTH, WIDTH, CAPACITY] = [2, 5, 3, 4];

const whole: readonly OpCase[] = [
  { label: "all positions", mask: {} },
  {
    label: "padding in the middle",
    mask: { mask: float32([BATCH, LENGTH], [1, 0, 1, 1, 1, 1, 1, 0, 0, 1]) },
  },
].map(({ label, mask }) => ({
  name: `recurrence, ${label}`,
  inputs: { x: random([BATCH, LENGTH, WIDTH], 1), gate: random([BATCH, LENGTH, WIDTH], 2), ...mask },
  differentiable: ["x", "gate"],
  build: (x) => recurrence({ x: x["x"]!, gate: x["gate"]!, mask: x["mask"] }, { capacity: LENGTH }).states,
}));

/** Full caches with rows at different positions, including the first; the same with only new states; and caches that grow. */
const cached: readonly OpCase[] = [
  { label: "cached", size: CAPACITY, at: int32([BATCH], [3, 0]), caches: "full" as const },
  { label: "delta", size: CAPACITY, at: int32([BATCH], [1, 2]), caches: "delta" as const },
  { label: "growing", size: 2, at: int32([1], [2]), caches: "full" as const },
].map(({ label, size, at, caches }) => ({
  name: `recurrence, ${label}`,
  inputs: {
    x: random([BATCH, 1, WIDTH], 1),
    gate: random([BATCH, 1, WIDTH], 2),
    pastState: random([BATCH, 1, size, WIDTH], 3),
    pastLength: at,
  },
  differentiable: ["x", "gate", "pastState"],
  build: (x) => {
    const { states, presentState } = recurrence(
      { x: x["x"]!, gate: x["gate"]!, pastState: x["pastState"], pastLength: x["pastLength"] },
      { capacity: CAPACITY, caches },
    );
    return math.concat([math.reshape(states, [-1]), math.reshape(presentState, [-1])], 0);
  },
}));

export const recurrenceCases = (): readonly OpCase[] => [...whole, ...cached];
