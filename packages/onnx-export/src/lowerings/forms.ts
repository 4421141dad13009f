/** Every form an op can be lowered to. Profiles choose one per op (`profiles.ts`); a name that is no form does not compile. */
import type { Lowering, LoweringTable, OpName } from "@slm/tensor";
import { appendedCache } from "./appended-cache.js";
import type { LoweringContext } from "./context.js";
import { keyRows, productCrossAttention, transposedKeys, valueRows } from "./cross-attention.js";
import {
  cappedLogits,
  fastGelu,
  primitiveGelu,
  product,
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
} from "./linear.js";
import { fusableNorm, headsNorm, layerNormalization, productNorm, standardNorm } from "./norms.js";
import { inputBias, rangeBias } from "./padding.js";
import { productSequence } from "./product-attention.js";
import { bufferedCache, growingCache, windowCache } from "./product-caches.js";
import { joinedTokens, mixedTokens, shiftedGrid, slicedTokens } from "./tokens.js";

type Form<O extends OpName> = (context: LoweringContext) => Lowering<O>;

export const FORMS = {
  embedding: { Gather: gatherRows, rows: gatherFlat },
  linear: { MatMulOrFusedMatMul: matMulOrFused, MatMulOrGemm: matMulOrGemm, Gemm: gemmRows },
  rmsNorm: { fusablePrimitives: fusableNorm, primitives: productNorm, RMSNormalization: standardNorm },
  headNorm: { heads: headsNorm },
  silu: { sigmoid: sigmoidProduct },
  multiply: { Mul: product },
  softcap: { Tanh: cappedLogits },
  gelu: { FastGelu: fastGelu, Gelu: standardGelu, primitives: primitiveGelu },
  quickGelu: { sigmoid: scaledSigmoidProduct },
  layerNorm: { LayerNormalization: layerNormalization },
  concatTokens: { Concat: joinedTokens },
  tokensFrom: { Slice: slicedTokens },
  mixTokens: { MatMul: mixedTokens },
  shiftGrid: { MatMul: shiftedGrid },
  add: { Add: residualSum },
  selfAttention: { GroupQueryAttention: groupQuerySequence, products: productSequence },
  cachedAttention: {
    GroupQueryAttention: (context) => groupQueryCache(context, "inside"),
    rotatedGroupQueryAttention: (context) => groupQueryCache(context, "before"),
    products: bufferedCache,
    appended: appendedCache,
    growing: growingCache,
    window: windowCache,
  },
  crossKey: { transposed: transposedKeys, scaledTransposed: scaledTransposedKeys, rows: keyRows },
  crossValue: { rows: valueRows },
  lengthBias: { range: rangeBias, input: inputBias },
  crossAttention: {
    grouped: groupedCrossAttention,
    products: (context) => productCrossAttention(context, "transposed"),
    rowProducts: (context) => productCrossAttention(context, "rows"),
  },
  lastPosition: { Gather: gatherLast, only: onlyPosition },
} as const satisfies {
  readonly [O in Exclude<OpName, "headNorm">]: Readonly<Record<string, Form<O>>>;
} & { readonly headNorm: Readonly<Record<string, typeof headsNorm>> };

/** The form of every op: an op without one does not compile. */
export type OperatorForms = { readonly [O in OpName]: keyof (typeof FORMS)[O] };

/** The rows of one graph in the forms of its device. A table is made for each graph: it remembers what that graph has stored. */
export function loweringTable(context: LoweringContext, operators: OperatorForms): LoweringTable {
  const rmsNorm = FORMS.rmsNorm[operators.rmsNorm](context);
  return {
    embedding: FORMS.embedding[operators.embedding](context),
    linear: FORMS.linear[operators.linear](context),
    rmsNorm,
    headNorm: FORMS.headNorm[operators.headNorm](context, rmsNorm),
    silu: FORMS.silu[operators.silu](),
    multiply: FORMS.multiply[operators.multiply](),
    softcap: FORMS.softcap[operators.softcap](),
    gelu: FORMS.gelu[operators.gelu](context),
    quickGelu: FORMS.quickGelu[operators.quickGelu](context),
    layerNorm: FORMS.layerNorm[operators.layerNorm](context),
    concatTokens: FORMS.concatTokens[operators.concatTokens](context),
    tokensFrom: FORMS.tokensFrom[operators.tokensFrom](context),
    mixTokens: FORMS.mixTokens[operators.mixTokens](context),
    shiftGrid: FORMS.shiftGrid[operators.shiftGrid](context),
    add: FORMS.add[operators.add](context),
    selfAttention: FORMS.selfAttention[operators.selfAttention](context),
    cachedAttention: FORMS.cachedAttention[operators.cachedAttention](context),
    crossKey: FORMS.crossKey[operators.crossKey](context),
    crossValue: FORMS.crossValue[operators.crossValue](context),
    lengthBias: FORMS.lengthBias[operators.lengthBias](context),
    crossAttention: FORMS.crossAttention[operators.crossAttention](context),
    lastPosition: FORMS.lastPosition[operators.lastPosition](),
  };
}
