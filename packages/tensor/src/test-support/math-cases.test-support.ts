/** Small inputs for the primitives that optimizers and objectives use in addition to ops. */
import { math } from "../math.js";
import type { Tensor } from "../recording/tf.js";
import { float32, int32, random } from "./numbers.test-support.js";
import type { OpCase, Operands } from "./op-case.test-support.js";

export const MATH_CASES: readonly OpCase[] = [
  {
    name: "math: div, minimum, sqrt, square, sub",
    inputs: { a: random([2, 3], 1), b: float32([2, 3], [1, 2, 3, 0.5, 1.5, 2.5]) },
    differentiable: ["a", "b"],
    build: (x: Operands): Tensor => {
      const [a, b] = [x["a"]!, x["b"]!];
      return math.sub(math.div(a, b), math.minimum(math.sqrt(b), math.square(a)));
    },
  },
  {
    name: "math: split, concat, sum",
    inputs: { a: random([6], 1), b: random([2], 2) },
    differentiable: ["a", "b"],
    build: (x: Operands): Tensor => {
      const [a, b] = [x["a"]!, x["b"]!];
      const [first, second] = math.split(a, [2, 4], 0);
      return math.mul(math.concat([second!, b, first!], 0), math.sum(a));
    },
  },
  {
    name: "math: gatherRows",
    inputs: { x: random([4, 2], 1), rows: int32([5], [3, 0, 0, 2, 3]) },
    differentiable: ["x"],
    build: (x: Operands): Tensor => math.gatherRows(x["x"]!, x["rows"]!),
  },
];
