/** The lowering variants of every op. Profiles choose one per op (`profiles.ts`). An unknown name is a compile error. */
import type { Lowering, LoweringTable, OpName } from "@slm/tensor";
import { deltaCache } from "./delta-cache.js";
import type { LoweringContext } from "./context.js";
import { keyRows, decomposedCrossAttention, transposedKeys, valueRows } from "./cross-attention.js";
import {
  cappedLogits,
  exactGelu,
  fastGelu,
  primitiveErfGelu,
  primitiveGelu,
  product,
  rectified,
  residualSum,
  scaledSigmoidProduct,
  sigmoidProduct,
  standardGelu,
} from "./elementwise.js";
import { groupQueryCache, groupQuerySequence } from "./group-query-attention.js";
import { groupedCrossAttention, scaledTransposedKeys } from "./grouped-heads.js";
import {
  gatherFlat,
  gatherLast,
  gatherRows,
  gemmRows,
  matMulOrFused,
  matMulOrGemm,
  onlyPosition,
  positionsByRow,
  positionsFlat,
} from "./linear.js";
import {
  decomposedNorm,
  fusableNorm,
  layerNormalization,
  perHeadNorm,
  scaledNorm,
  standardNorm,
} from "./norms.js";
import { inputBias, rangeBias } from "./padding.js";
import { decomposedSequence } from "./decomposed-attention.js";
import { bufferedCache, growingCache } from "./decomposed-caches.js";
import {
  bufferedRecurrence,
  deltaRecurrence,
  unsupportedRecurrence,
  windowRecurrence,
} from "./recurrence.js";
import { groupedRows, stridedMeans } from "./pool-tokens.js";
import { joinedTokens, mixedRows, mixedTokens, shiftedGrid, shiftedRows, slicedTokens } from "./tokens.js";
import { windowCache } from "./window-cache.js";

type Form<O extends OpName> = (context: LoweringContext) => Lowering<O>;

const VARIANTS = {
  embedding: { Gather: gatherRows, rows: gatherFlat },
  positionRows: {
    Gather: (context) => positionsByRow(context, "error"),
    GatherOrLast: (context) => positionsByRow(context, "last"),
    rows: positionsFlat,
  },
  linear: { MatMulOrFusedMatMul: matMulOrFused, MatMulOrGemm: matMulOrGemm, Gemm: gemmRows },
  rmsNorm: {
    fusablePrimitives: fusableNorm,
    primitives: decomposedNorm,
    scaledPrimitives: scaledNorm,
    RMSNormalization: standardNorm,
  },
  qkNorm: { heads: perHeadNorm },
  silu: { sigmoid: sigmoidProduct },
  multiply: { Mul: product },
  softcap: { Tanh: cappedLogits },
  gelu: { FastGelu: fastGelu, Gelu: standardGelu, primitives: primitiveGelu },
  erfGelu: { Gelu: exactGelu, primitives: primitiveErfGelu },
  relu: { Relu: rectified },
  quickGelu: { sigmoid: scaledSigmoidProduct },
  layerNorm: { LayerNormalization: layerNormalization },
  concatTokens: { Concat: joinedTokens },
  tokensFrom: { Slice: slicedTokens },
  mixTokens: { MatMul: mixedTokens, Gemm: mixedRows },
  shiftGrid: { MatMul: shiftedGrid, Gemm: shiftedRows },
  poolTokens: { strided: stridedMeans, rows: groupedRows },
  add: { Add: residualSum },
  selfAttention: { GroupQueryAttention: groupQuerySequence, decomposed: decomposedSequence },
  cachedAttention: {
    GroupQueryAttention: (context) => groupQueryCache(context, "inside"),
    rotatedGroupQueryAttention: (context) => groupQueryCache(context, "before"),
    decomposed: bufferedCache,
    delta: deltaCache,
    growing: growingCache,
    window: windowCache,
  },
  recurrence: {
    delta: deltaRecurrence,
    buffered: bufferedRecurrence,
    window: windowRecurrence,
    unsupported: unsupportedRecurrence,
  },
  crossKey: { transposed: transposedKeys, scaledTransposed: scaledTransposedKeys, rows: keyRows },
  crossValue: { rows: valueRows },
  lengthBias: { range: rangeBias, input: inputBias },
  crossAttention: {
    grouped: groupedCrossAttention,
    decomposed: (context) => decomposedCrossAttention(context, "transposed"),
    decomposedRows: (context) => decomposedCrossAttention(context, "rows"),
  },
  lastPosition: { Gather: gatherLast, only: onlyPosition },
} as const satisfies {
  readonly [O in Exclude<OpName, "qkNorm">]: Readonly<Record<string, Form<O>>>;
} & { readonly qkNorm: Readonly<Record<string, typeof perHeadNorm>> };

/** The lowering variant of every op. An op without one is a compile error. */
export type LoweringVariants = { readonly [O in OpName]: keyof (typeof VARIANTS)[O] };

/** Creates the lowering table of one graph. Each graph needs its own, because the table remembers which weights the graph has stored. */
export function loweringTable(context: LoweringContext, operators: LoweringVariants): LoweringTable {
  const rmsNorm = VARIANTS.rmsNorm[operators.rmsNorm](context);
  return {
    embedding: VARIANTS.embedding[operators.embedding](context),
    positionRows: VARIANTS.positionRows[operators.positionRows](context),
    linear: VARIANTS.linear[operators.linear](context),
    rmsNorm,
    qkNorm: VARIANTS.qkNorm[operators.qkNorm](context, rmsNorm),
    silu: VARIANTS.silu[operators.silu](),
    multiply: VARIANTS.multiply[operators.multiply](context),
    softcap: VARIANTS.softcap[operators.softcap](),
    gelu: VARIANTS.gelu[operators.gelu](context),
    erfGelu: VARIANTS.erfGelu[operators.erfGelu](context),
    relu: VARIANTS.relu[operators.relu](),
    quickGelu: VARIANTS.quickGelu[operators.quickGelu](context),
    layerNorm: VARIANTS.layerNorm[operators.layerNorm](context),
    concatTokens: VARIANTS.concatTokens[operators.concatTokens](context),
    tokensFrom: VARIANTS.tokensFrom[operators.tokensFrom](context),
    mixTokens: VARIANTS.mixTokens[operators.mixTokens](context),
    shiftGrid: VARIANTS.shiftGrid[operators.shiftGrid](context),
    poolTokens: VARIANTS.poolTokens[operators.poolTokens](context),
    add: VARIANTS.add[operators.add](context),
    selfAttention: VARIANTS.selfAttention[operators.selfAttention](context),
    cachedAttention: VARIANTS.cachedAttention[operators.cachedAttention](context),
    recurrence: VARIANTS.recurrence[operators.recurrence](context),
    crossKey: VARIANTS.crossKey[operators.crossKey](context),
    crossValue: VARIANTS.crossValue[operators.crossValue](context),
    lengthBias: VARIANTS.lengthBias[operators.lengthBias](context),
    crossAttention: VARIANTS.crossAttention[operators.crossAttention](context),
    lastPosition: VARIANTS.lastPosition[operators.lastPosition](),
  };
}
