/** Cases of attention with biases by distance. */
import { selfAttention } from "../ops/attention.js";
import { cachedAttention } from "../ops/cached-attention.js";
import { BATCH, headInputs, heads, LAYOUTS, QKV } from "./head-inputs.test-support.js";
import { int32, random } from "./numbers.test-support.js";
import type { OpCase } from "./op-case.test-support.js";

/** Biases by distance, and windows in both directions; heads are not rotated. */
export function relativeCases(): OpCase[] {
  const relative = { buckets: 4, maxDistance: 5 };
  const length = 7;
  return LAYOUTS.flatMap(({ label, ...layout }) => {
    const relativeBias = random([relative.buckets, layout.heads], 6);
    const differentiable = [...QKV, "relativeBias"];
    const whole = [false, true].map((causal): OpCase => ({
      name: `selfAttention, relative bias, ${label}${causal ? ", causal" : ", window"}`,
      inputs: { ...headInputs(layout, length), relativeBias },
      differentiable,
      build: (x) =>
        selfAttention(
          { ...heads(x), relativeBias: x["relativeBias"] },
          { ...layout, causal, relative, window: causal ? undefined : 3 },
        ),
    }));
    const caches = [
      { kind: "", size: length, pastLength: int32([BATCH], [6, 2]), form: "full" },
      { kind: ", delta", size: length, pastLength: int32([BATCH], [5, 0]), form: "delta" },
      { kind: ", growing", size: 3, pastLength: int32([1], [3]), form: "full" },
    ] as const;
    const steps = caches.map(({ kind, size, pastLength, form }): OpCase => ({
      name: `cachedAttention, relative bias, ${label}${kind}`,
      inputs: {
        ...headInputs(layout, 1),
        pastKey: random([BATCH, layout.kvHeads, size, layout.headDim], 4),
        pastValue: random([BATCH, layout.kvHeads, size, layout.headDim], 5),
        pastLength,
        relativeBias,
      },
      differentiable: [...differentiable, "pastKey", "pastValue"],
      build: (x) => {
        const past = { pastKey: x["pastKey"]!, pastValue: x["pastValue"]!, pastLength: x["pastLength"]! };
        const inputs = { ...heads(x), ...past, relativeBias: x["relativeBias"] };
        return cachedAttention(inputs, { ...layout, relative, capacity: length, caches: form }).output;
      },
    }));
    return [...whole, ...steps];
  });
}
