/** Cases of pooled tokens: groups that do and do not fit, with every kind of padding. */
import { math } from "../math.js";
import { poolTokens } from "../ops/pool-tokens.js";
import { tf, type Tensor } from "../recording/tf.js";
import { BATCH } from "./head-inputs.test-support.js";
import { float32, int32, random } from "./numbers.test-support.js";
import type { OpCase, Operands } from "./op-case.test-support.js";

const LENGTH = 5;

const PADDINGS = [
  { label: "all tokens", inputs: {} },
  { label: "ragged lengths", inputs: { lengths: int32([BATCH], [LENGTH, 2]) } },
  {
    label: "padding in the middle",
    inputs: { mask: float32([BATCH, LENGTH], [1, 0, 1, 1, 1, 0, 0, 0, 1, 1]) },
  },
];

/** The op's output as one row of numbers. */
function pooled(x: Operands, group: number): Tensor {
  const { tokens, lengths, mask } = poolTokens(
    { x: x["x"]!, lengths: x["lengths"], mask: x["mask"] },
    { group },
  );
  const parts = [tokens, lengths && tf.cast(lengths, "float32"), mask].filter((part) => part !== undefined);
  return math.concat(
    parts.map((part) => math.reshape(part, [-1])),
    0,
  );
}

export const poolCases = (): OpCase[] =>
  [2, 3, LENGTH].flatMap((group) =>
    PADDINGS.map(({ label, inputs }) => ({
      name: `poolTokens, groups of ${group}, ${label}`,
      inputs: { x: random([BATCH, LENGTH, 4], 1), ...inputs },
      differentiable: ["x"],
      build: (x: Operands) => pooled(x, group),
    })),
  );
