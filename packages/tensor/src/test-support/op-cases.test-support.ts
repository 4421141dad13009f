/** Small inputs for every op and every loss, for the gradient check and the comparison of engines. */
import type { HostTensor } from "@slm/runtime";
import { math } from "../math.js";
import { crossAttention, crossKey, crossValue, lengthBias, selfAttention } from "../ops/attention.js";
import { cachedAttention } from "../ops/cached-attention.js";
import { add, embedding, gelu, qkNorm, lastPosition, linear, positionRows, rmsNorm } from "../ops/basic.js";
import { erfGelu, multiply, quickGelu, relu, silu, softcap } from "../ops/gates.js";
import { layerNorm } from "../ops/layer-norm.js";
import { concatTokens, mixTokens, shiftGrid, tokensFrom } from "../ops/tokens.js";
import type { HeadLayout, OpName } from "../ops/signatures.js";
import type { Tensor } from "../recording/tf.js";
import { BATCH, headInputs, heads, LAYOUTS, QKV } from "./head-inputs.test-support.js";
import { LOSS_CASES } from "./loss-cases.test-support.js";
import { MATH_CASES } from "./math-cases.test-support.js";
import { poolCases } from "./pool-cases.test-support.js";
import { recurrenceCases } from "./recurrence-cases.test-support.js";
import { relativeCases } from "./relative-cases.test-support.js";
import { float32, int32, random, randomIds } from "./numbers.test-support.js";
import type { OpCase, Operands } from "./op-case.test-support.js";

const flat = (...parts: readonly Tensor[]): Tensor =>
  math.concat(
    parts.map((part) => math.reshape(part, [-1])),
    0,
  );

const LENGTH = 3;

const NO_KEY = "a row without any key";

function selfAttentionCases(): OpCase[] {
  const paddings: readonly { readonly label: string; readonly inputs: Record<string, HostTensor> }[] = [
    { label: "all keys", inputs: {} },
    { label: "ragged lengths", inputs: { lengths: int32([BATCH], [LENGTH, 2]) } },
    { label: "padding in the middle", inputs: { mask: float32([BATCH, LENGTH], [1, 0, 1, 1, 1, 1]) } },
    { label: NO_KEY, inputs: { mask: float32([BATCH, LENGTH], [0, 0, 0, 1, 0, 1]) } },
  ];
  return LAYOUTS.flatMap(({ label, ...layout }) =>
    paddings.flatMap((padding) =>
      [false, true].map((causal) => ({
        name: `selfAttention, ${label}, ${padding.label}${causal ? ", causal" : ""}`,
        inputs: { ...headInputs(layout, LENGTH), ...padding.inputs },
        // Without a key the mask dominates the scores: weights are uniform, and finite differences cannot detect a gradient.
        differentiable: padding.label === NO_KEY ? [] : QKV,
        build: (x: Operands) =>
          selfAttention(
            { ...heads(x), lengths: x["lengths"], mask: x["mask"] },
            { ...layout, causal, ropeTheta: 100 },
          ),
      })),
    ),
  );
}

/** Score options of some models: sliding windows, softcaps, rotary frequencies. */
const SCORES = [
  { label: "window", attributes: { window: 2 } },
  { label: "softcap", attributes: { softcap: 0.7 } },
  {
    label: "window, softcap, frequencies",
    attributes: { window: 1, softcap: 2, ropeInverseFrequencies: [0.3] },
  },
] as const;

const GROUPED: HeadLayout = { heads: 4, kvHeads: 2, headDim: 2, headOrder: "grouped" };

function scoreCases(): OpCase[] {
  const past = {
    pastKey: random([BATCH, GROUPED.kvHeads, 4, GROUPED.headDim], 4),
    pastValue: random([BATCH, GROUPED.kvHeads, 4, GROUPED.headDim], 5),
    pastLength: int32([BATCH], [3, 1]),
  };
  const grown = {
    pastKey: random([BATCH, GROUPED.kvHeads, 3, GROUPED.headDim], 4),
    pastValue: random([BATCH, GROUPED.kvHeads, 3, GROUPED.headDim], 5),
    pastLength: int32([1], [3]),
  };
  const cached = (label: string, cache: Record<string, HostTensor>, attributes: object): OpCase => ({
    name: `cachedAttention, ${label}`,
    inputs: { ...headInputs(GROUPED, 1), ...cache },
    differentiable: [...QKV, "pastKey", "pastValue"],
    build: (x) => {
      const inputs = { pastKey: x["pastKey"]!, pastValue: x["pastValue"]!, pastLength: x["pastLength"]! };
      const options = { ...GROUPED, ropeTheta: 100, capacity: 4, ...attributes };
      return cachedAttention({ ...heads(x), ...inputs }, options).output;
    },
  });
  return SCORES.flatMap(({ label, attributes }) => [
    {
      name: `selfAttention, ${label}`,
      inputs: headInputs(GROUPED, LENGTH),
      differentiable: QKV,
      build: (x: Operands) =>
        selfAttention(heads(x), { ...GROUPED, causal: true, ropeTheta: 100, ...attributes }),
    },
    cached(label, past, attributes),
    cached(`${label}, growing`, grown, attributes),
  ]);
}

function cachedAttentionCases(): OpCase[] {
  const capacity = 4;
  /** Full-capacity caches with rows at different positions, and caches that grow. */
  const caches = [
    { kind: "", size: capacity, pastLength: int32([BATCH], [2, 0]) },
    { kind: ", growing", size: 2, pastLength: int32([1], [2]) },
  ];
  const layouts = caches.flatMap((cache) => LAYOUTS.map((layout) => ({ ...cache, ...layout })));
  return layouts.map(({ label, kind, size, pastLength, ...layout }) => ({
    name: `cachedAttention, ${label}${kind}`,
    inputs: {
      ...headInputs(layout, 1),
      pastKey: random([BATCH, layout.kvHeads, size, layout.headDim], 4),
      pastValue: random([BATCH, layout.kvHeads, size, layout.headDim], 5),
      pastLength,
    },
    differentiable: [...QKV, "pastKey", "pastValue"],
    build: (x) => {
      const past = { pastKey: x["pastKey"]!, pastValue: x["pastValue"]!, pastLength: x["pastLength"]! };
      const attributes = { ...layout, ropeTheta: 100, capacity };
      const { output, presentKey, presentValue } = cachedAttention({ ...heads(x), ...past }, attributes);
      return flat(output, presentKey, presentValue);
    },
  }));
}

function crossAttentionCases(): OpCase[] {
  const unbiased: OpCase = {
    name: "crossAttention without a bias",
    inputs: {
      query: random([BATCH, 2, 8], 1),
      key: random([BATCH, 2, 2, LENGTH], 2),
      value: random([BATCH, 2, LENGTH, 2], 3),
    },
    differentiable: QKV,
    build: (x) => crossAttention(heads(x), GROUPED),
  };
  const biased = LAYOUTS.map(({ label, ...layout }): OpCase => ({
    name: `crossAttention, ${label}`,
    inputs: {
      query: random([BATCH, 2, layout.heads * layout.headDim], 1),
      key: random([BATCH, layout.kvHeads, layout.headDim, LENGTH], 2),
      value: random([BATCH, layout.kvHeads, LENGTH, layout.headDim], 3),
      bias: float32([BATCH, 1, 1, LENGTH], [0, 0, 0, 0, -1e9, -1e9]),
    },
    differentiable: QKV,
    build: (x) => crossAttention({ ...heads(x), bias: x["bias"]! }, layout),
  }));
  const capped: OpCase = {
    ...unbiased,
    name: "crossAttention, softcap",
    build: (x) => crossAttention(heads(x), { ...GROUPED, softcap: 0.7 }),
  };
  return [unbiased, ...biased, capped];
}

const unary = (name: string, x: HostTensor, op: (x: Tensor) => Tensor): OpCase => ({
  name,
  inputs: { x },
  differentiable: ["x"],
  build: (inputs) => op(inputs["x"]!),
});

/** Cases per op: an op without cases does not compile. */
export const OP_CASES: { readonly [O in OpName]: readonly OpCase[] } = {
  embedding: [
    {
      name: "embedding, repeated ids",
      inputs: { table: random([5, 3], 1), ids: int32([2, 3], [4, 1, 1, 0, 4, 4]) },
      differentiable: ["table"],
      build: (x) => embedding({ table: x["table"]!, ids: x["ids"]! }, {}),
    },
    {
      name: "embedding, large vocabulary",
      inputs: { table: random([600, 2], 1), ids: randomIds([2, 40], 2, 12) },
      differentiable: ["table"],
      build: (x) => embedding({ table: x["table"]!, ids: x["ids"]! }, {}),
    },
  ],
  positionRows: [
    {
      name: "positionRows from the beginning",
      inputs: { table: random([5, 3], 1), sequence: random([2, 4, 2], 2) },
      differentiable: ["table"],
      build: (x) => positionRows({ table: x["table"]!, sequence: x["sequence"]! }, {}),
    },
    {
      name: "positionRows after a past of each row",
      inputs: { table: random([5, 3], 1), sequence: random([2, 1, 2], 2), pastLength: int32([2], [4, 1]) },
      differentiable: ["table"],
      build: (x) =>
        positionRows({ table: x["table"]!, sequence: x["sequence"]!, pastLength: x["pastLength"] }, {}),
    },
  ],
  linear: [
    {
      name: "linear with bias",
      inputs: { x: random([2, 3, 4], 1), weight: random([5, 4], 2), bias: random([5], 3) },
      differentiable: ["x", "weight", "bias"],
      build: (x) => linear({ x: x["x"]!, weight: x["weight"]!, bias: x["bias"]! }, {}),
    },
    {
      name: "linear without bias",
      inputs: { x: random([3, 4], 1), weight: random([2, 4], 2) },
      differentiable: ["x", "weight"],
      build: (x) => linear({ x: x["x"]!, weight: x["weight"]! }, {}),
    },
  ],
  rmsNorm: [
    {
      name: "rmsNorm",
      inputs: { x: random([2, 3, 4], 1, 2), weight: random([4], 2) },
      differentiable: ["x", "weight"],
      build: (x) => rmsNorm({ x: x["x"]!, weight: x["weight"]! }, { epsilon: 1e-6 }),
    },
    {
      name: "rmsNorm, epsilon as large as the values",
      inputs: { x: random([2, 4], 1, 0.2), weight: random([4], 2) },
      differentiable: ["x", "weight"],
      build: (x) => rmsNorm({ x: x["x"]!, weight: x["weight"]! }, { epsilon: 0.02 }),
    },
  ],
  qkNorm: [
    {
      name: "qkNorm",
      inputs: { x: random([2, 3, 4], 1, 2), weight: random([2], 2) },
      differentiable: ["x", "weight"],
      build: (x) => qkNorm({ x: x["x"]!, weight: x["weight"]! }, { epsilon: 1e-6, headDim: 2 }),
    },
  ],
  silu: [unary("silu", float32([2, 4], [-6, -1, -0.5, 0, 0.1, 1, 2, 6]), (x) => silu({ x }, {}))],
  multiply: [
    {
      name: "multiply",
      inputs: { a: random([2, 3], 1), b: random([2, 3], 2) },
      differentiable: ["a", "b"],
      build: (x) => multiply({ a: x["a"]!, b: x["b"]! }, {}),
    },
  ],
  softcap: [unary("softcap", float32([2, 3], [-30, -2, 0, 0.5, 3, 40]), (x) => softcap({ x }, { limit: 5 }))],
  gelu: [unary("gelu", float32([2, 5], [-6, -2, -1, -0.5, 0, 0.1, 0.75, 1, 2, 6]), (x) => gelu({ x }, {}))],
  erfGelu: [
    unary("erfGelu", float32([2, 5], [-6, -2, -1, -0.5, 0, 0.1, 0.75, 1, 2, 6]), (x) => erfGelu({ x }, {})),
  ],
  relu: [unary("relu", float32([2, 3], [-6, -1, -0.1, 0.1, 2, 6]), (x) => relu({ x }, {}))],
  quickGelu: [
    unary("quickGelu", float32([2, 5], [-6, -2, -1, -0.5, 0, 0.1, 0.75, 1, 2, 6]), (x) =>
      quickGelu({ x }, {}),
    ),
  ],
  layerNorm: [
    {
      name: "layerNorm",
      inputs: { x: random([2, 3, 4], 1, 2), weight: random([4], 2), bias: random([4], 3) },
      differentiable: ["x", "weight", "bias"],
      build: (x) => layerNorm({ x: x["x"]!, weight: x["weight"]!, bias: x["bias"]! }, { epsilon: 1e-5 }),
    },
    {
      name: "layerNorm, epsilon as large as the values",
      inputs: { x: random([2, 4], 1, 0.2), weight: random([4], 2), bias: random([4], 3) },
      differentiable: ["x", "weight", "bias"],
      build: (x) => layerNorm({ x: x["x"]!, weight: x["weight"]!, bias: x["bias"]! }, { epsilon: 0.02 }),
    },
  ],
  concatTokens: [
    {
      name: "concatTokens",
      inputs: { a: random([2, 3, 4], 1), b: random([2, 2, 4], 2) },
      differentiable: ["a", "b"],
      build: (x) => concatTokens({ a: x["a"]!, b: x["b"]! }, {}),
    },
  ],
  tokensFrom: [unary("tokensFrom", random([2, 3, 4], 1), (x) => tokensFrom({ x }, { first: 1 }))],
  mixTokens: [
    {
      name: "mixTokens",
      inputs: { x: random([2, 3, 4], 1) },
      differentiable: ["x"],
      build: (x) =>
        mixTokens({ x: x["x"]! }, { weights: Float32Array.of(0.5, 0.5, 0, 0, 0.25, 0.75), outputs: 2 }),
    },
  ],
  poolTokens: poolCases(),
  shiftGrid: [
    unary("shiftGrid", random([2, 6, 4], 1), (x) =>
      shiftGrid({ x }, { height: 2, width: 3, down: -1, across: 1 }),
    ),
  ],
  add: [
    {
      name: "add without the axis batch",
      inputs: { a: random([2, 3, 4], 1), b: random([3, 4], 2) },
      differentiable: ["a", "b"],
      build: (x) => add({ a: x["a"]!, b: x["b"]! }, {}),
    },
    {
      name: "add",
      inputs: { a: random([2, 3], 1), b: random([2, 3], 2) },
      differentiable: ["a", "b"],
      build: (x) => add({ a: x["a"]!, b: x["b"]! }, {}),
    },
  ],
  selfAttention: [...selfAttentionCases(), ...scoreCases(), ...relativeCases()],
  cachedAttention: cachedAttentionCases(),
  recurrence: recurrenceCases(),
  crossKey: LAYOUTS.map(({ label, ...layout }) => ({
    name: `crossKey, ${label}`,
    inputs: { x: random([BATCH, LENGTH, layout.kvHeads * layout.headDim], 1) },
    differentiable: ["x"],
    build: (x) => crossKey({ x: x["x"]! }, layout),
  })),
  crossValue: LAYOUTS.map(({ label, ...layout }) => ({
    name: `crossValue, ${label}`,
    inputs: { x: random([BATCH, LENGTH, layout.kvHeads * layout.headDim], 1) },
    differentiable: ["x"],
    build: (x) => crossValue({ x: x["x"]! }, layout),
  })),
  lengthBias: [
    {
      name: "lengthBias",
      inputs: { lengths: int32([3], [0, 2, 4]), ids: int32([3, 4], new Array<number>(12).fill(1)) },
      differentiable: [],
      build: (x) => lengthBias({ lengths: x["lengths"]!, ids: x["ids"]! }, {}),
    },
  ],
  crossAttention: crossAttentionCases(),
  lastPosition: [unary("lastPosition", random([2, 3, 4], 1), (x) => lastPosition({ x }, {}))],
};

export const ALL_CASES: readonly OpCase[] = [...Object.values(OP_CASES).flat(), ...LOSS_CASES, ...MATH_CASES];
