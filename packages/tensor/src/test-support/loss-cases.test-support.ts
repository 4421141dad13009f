/** Small inputs for every loss with all its options, and for dropout. */
import type { HostTensor } from "@slm/runtime";
import { math } from "../math.js";
import { dropout, withDropout } from "../ops/dropout.js";
import type { MaskedLogits } from "../ops/masked-logits.js";
import { ctc } from "../ops/losses/ctc.js";
import { crossEntropy, softTargetCrossEntropy } from "../ops/losses/cross-entropy.js";
import {
  DIVERGENCE_DEFAULTS,
  DIVERGENCE_NAMES,
  DIVERGENCES,
  forwardKl,
  reverseKl,
  type DivergenceName,
  type DivergenceOptions,
} from "../ops/losses/divergences.js";
import { float32, int32, numbersOf, random } from "./numbers.test-support.js";
import type { OpCase, Operands } from "./op-case.test-support.js";

const POSITIONS = 4;
const VOCABULARY = 5;

const lossInputs: Record<string, HostTensor> = {
  logits: random([POSITIONS, VOCABULARY], 1, 2),
  teacher: random([POSITIONS, VOCABULARY], 2, 2),
  labels: int32([POSITIONS], [3, 0, 4, 2]),
  mask: float32([POSITIONS], [1, 1, 0, 1]),
  count: float32([], [3]),
};

const lossCase = (name: string, build: OpCase["build"]): OpCase => ({
  name,
  inputs: lossInputs,
  differentiable: ["logits"],
  build,
});

const maskedLogits = (x: Operands): MaskedLogits => ({
  logits: x["logits"]!,
  mask: x["mask"]!,
  count: x["count"]!,
});

const crossEntropyCases: readonly OpCase[] = [
  lossCase("crossEntropy", (x) => crossEntropy(maskedLogits(x), x["labels"]!)),
  lossCase("crossEntropy, smoothed labels", (x) => crossEntropy(maskedLogits(x), x["labels"]!, 0.2)),
  {
    name: "softTargetCrossEntropy",
    inputs: { ...lossInputs, targets: float32([POSITIONS, VOCABULARY], new Array<number>(20).fill(0.2)) },
    differentiable: ["logits"],
    build: (x) => softTargetCrossEntropy(maskedLogits(x), x["targets"]!),
  },
  lossCase("forwardKl by itself", (x) => forwardKl(maskedLogits(x), x["teacher"]!)),
  lossCase("reverseKl by itself", (x) => reverseKl(maskedLogits(x), x["teacher"]!)),
];

/** Settings to test a divergence with, in addition to its defaults and other temperatures. */
const SETTINGS: { readonly [N in DivergenceName]: readonly Partial<DivergenceOptions>[] } = {
  forwardKl: [],
  reverseKl: [],
  jensenShannon: [{ beta: 0.1 }, { beta: 0.9 }],
};

/** Teacher logits truncated to the most probable tokens: all others have the masked logit. */
function truncated(teacher: HostTensor): HostTensor {
  const values = numbersOf(teacher).map((value, index) => (index % 3 === 2 ? -1e9 : value));
  return float32(teacher.shape, values);
}

/** reverseKl of a truncated teacher is about 1e9: finite, but too large for a difference of float32 values. */
const isBounded = (name: DivergenceName): boolean => name !== "reverseKl";

const divergenceCases: readonly OpCase[] = DIVERGENCE_NAMES.flatMap((name) => {
  const ofSetting = (setting: Partial<DivergenceOptions>): OpCase => {
    const options = { ...DIVERGENCE_DEFAULTS, ...setting };
    const label = [name, ...Object.entries(setting).map(([option, value]) => `${option} ${value}`)];
    return lossCase(label.join(", "), (x) =>
      DIVERGENCES[name].compute(maskedLogits(x), x["teacher"]!, options),
    );
  };
  const cut = { ...lossInputs, teacher: truncated(lossInputs["teacher"]!) };
  const plain = ofSetting({});
  return [
    plain,
    ofSetting({ temperature: 2 }),
    ofSetting({ temperature: 0.5 }),
    ...SETTINGS[name].map(ofSetting),
    ...(isBounded(name) ? [{ ...plain, name: `${name}, truncated teacher`, inputs: cut }] : []),
  ];
});

/** Rows of 2 and 1 labels in 4 frames; token 0 is the blank. */
const ctcCases: readonly OpCase[] = [
  {
    name: "ctc",
    inputs: {
      logits: random([2, 4, 3], 5, 1),
      states: float32(
        [2, 5, 3],
        [1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0],
      ),
      skip: float32([2, 5], [0, 0, 0, 1, 0, 0, 0, 0, 0, 0]),
      end: float32([2, 5], [0, 0, 0, 1, 1, 0, 1, 1, 0, 0]),
      mask: float32([2], [1, 1]),
      count: float32([], [3]),
    },
    differentiable: ["logits"],
    build: (x) =>
      ctc({
        logits: x["logits"]!,
        states: x["states"]!,
        skip: x["skip"]!,
        end: x["end"]!,
        mask: x["mask"]!,
        count: x["count"]!,
      }),
  },
];

const dropoutCase: OpCase = {
  name: "dropout, two masks",
  inputs: {
    x: random([2, 3], 1),
    first: float32([2, 3], [2, 0, 2, 2, 0, 0]),
    second: float32([2, 3], [0, 2, 2, 2, 0, 2]),
  },
  differentiable: ["x"],
  build: (x) =>
    withDropout([x["first"]!, x["second"]!], () => dropout(math.square(math.add(dropout(x["x"]!), 1)))),
};

/** Cases of every loss and of dropout. */
export const LOSS_CASES: readonly OpCase[] = [
  ...crossEntropyCases,
  ...divergenceCases,
  ...ctcCases,
  dropoutCase,
];
