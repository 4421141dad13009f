/** The lowerings of every op. Of the variants in this table, profiles choose one per op (`profiles.ts`). An op without a lowering is a compile error. */
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
  gelu: { FastGelu: fastGelu, Gelu: standardGelu, primitives: primitiveGelu },
  erfGelu: { Gelu: exactGelu, primitives: primitiveErfGelu },
  mixTokens: { MatMul: mixedTokens, Gemm: mixedRows },
  shiftGrid: { MatMul: shiftedGrid, Gemm: shiftedRows },
  poolTokens: { strided: stridedMeans, rows: groupedRows },
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
  lengthBias: { range: rangeBias, input: inputBias },
  crossAttention: {
    grouped: groupedCrossAttention,
    decomposed: (context) => decomposedCrossAttention(context, "transposed"),
    decomposedRows: (context) => decomposedCrossAttention(context, "rows"),
  },
  lastPosition: { Gather: gatherLast, only: onlyPosition },
} as const satisfies { readonly [O in OpName]?: Readonly<Record<string, Form<O>>> };

type ChosenOp = keyof typeof VARIANTS;

/** The ops that have one lowering, which is used on every device. */
const COMMON: {
  readonly [O in Exclude<OpName, ChosenOp>]: (
    context: LoweringContext,
    rmsNorm: Lowering<"rmsNorm">,
  ) => Lowering<O>;
} = {
  qkNorm: perHeadNorm,
  silu: sigmoidProduct,
  multiply: product,
  softcap: cappedLogits,
  relu: rectified,
  quickGelu: scaledSigmoidProduct,
  layerNorm: layerNormalization,
  concatTokens: joinedTokens,
  tokensFrom: slicedTokens,
  add: residualSum,
  crossValue: valueRows,
};

/** The lowering variant of every op that has several. An op without one is a compile error. */
export type LoweringVariants = { readonly [O in ChosenOp]: keyof (typeof VARIANTS)[O] };

/** Creates the lowering table of one graph. Each graph needs its own, because the table remembers which weights the graph has stored. */
export function loweringTable(context: LoweringContext, variants: LoweringVariants): LoweringTable {
  const forms: Readonly<Record<ChosenOp, Readonly<Record<string, (context: LoweringContext) => unknown>>>> =
    VARIANTS;
  const chosen = Object.fromEntries(
    Object.entries(forms).map(([op, form]) => [op, form[variants[op as ChosenOp]]!(context)]),
  ) as Pick<LoweringTable, ChosenOp>;
  const common = Object.fromEntries(
    Object.entries(COMMON).map(([op, form]) => [op, form(context, chosen.rmsNorm)]),
  ) as Omit<LoweringTable, ChosenOp>;
  return { ...chosen, ...common };
}
