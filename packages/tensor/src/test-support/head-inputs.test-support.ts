/** Queries, keys and values for attention cases. */
import type { HostTensor } from "@slm/runtime";
import type { HeadLayout } from "../ops/signatures.js";
import type { Tensor } from "../recording/tf.js";
import { random } from "./numbers.test-support.js";
import type { Operands } from "./op-case.test-support.js";

export const LAYOUTS: readonly (HeadLayout & { readonly label: string })[] = [
  { label: "one head per KV head", heads: 2, kvHeads: 2, headDim: 4, headOrder: "grouped" },
  { label: "grouped heads", heads: 4, kvHeads: 2, headDim: 2, headOrder: "grouped" },
  { label: "modulo heads", heads: 4, kvHeads: 2, headDim: 2, headOrder: "modulo" },
  { label: "one KV head", heads: 3, kvHeads: 1, headDim: 2, headOrder: "modulo" },
];

export const BATCH = 2;

export function headInputs(
  { heads, kvHeads, headDim }: HeadLayout,
  length: number,
): Record<string, HostTensor> {
  return {
    query: random([BATCH, length, heads * headDim], 1),
    key: random([BATCH, length, kvHeads * headDim], 2),
    value: random([BATCH, length, kvHeads * headDim], 3),
  };
}

export const heads = (x: Operands): { query: Tensor; key: Tensor; value: Tensor } => ({
  query: x["query"]!,
  key: x["key"]!,
  value: x["value"]!,
});

export const QKV = ["query", "key", "value"];
