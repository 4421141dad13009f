/** Attention over whole sequences, as compositions: self-attention, and cross-attention to a source. */
import { SlmError } from "@slm/core";
import { tf } from "../recording/tf.js";
import { attend, checkScores, foldKeyValue, foldQuery, groupOf, unfoldQuery, withSource } from "./attend.js";
import { defineOp } from "./lowering.js";
import { causalMask, lengthMask, maskBias, windowMask } from "./masks.js";
import { checkRelative, sequenceRelativeBias } from "./relative-bias.js";
import { turnOf } from "./rotary.js";
import { expectShape } from "./shape-check.js";

export const selfAttention = defineOp("selfAttention", (inputs, attributes) => {
  const { query, key, value, lengths, mask, relativeBias } = inputs;
  const [batch, length] = query.shape as [number, number];
  const { heads, kvHeads, headDim } = attributes;
  expectShape("selfAttention", "query", query, [batch, length, heads * headDim]);
  expectShape("selfAttention", "key", key, [batch, length, kvHeads * headDim]);
  checkScores("selfAttention", attributes);
  const relative = checkRelative("selfAttention", relativeBias, attributes);
  if (inputs.sourceKey !== undefined && relative !== undefined)
    throw new SlmError("UNEXPECTED", "selfAttention: a relative bias is not supported in merged attention");
  const turn = turnOf(length, headDim, attributes);
  const tokens = mask ?? (lengths === undefined ? undefined : lengthMask(lengths, length));
  const keyMask = tokens === undefined ? undefined : tf.reshape(tokens, [batch, 1, 1, 1, length]);
  // Masks are multiplied before they become a bias, so that a row without any allowed key stays uniform over all keys.
  const near =
    attributes.window === undefined
      ? undefined
      : windowMask(length, attributes.window, attributes.windowAfter);
  const places = attributes.causal ? causalMask(length, attributes.window) : near;
  const allowed =
    keyMask !== undefined && places !== undefined ? tf.mul(keyMask, places) : (keyMask ?? places);
  const keys = {
    key: foldKeyValue(turn(key, kvHeads), attributes),
    value: foldKeyValue(value, attributes),
    bias: allowed === undefined ? undefined : maskBias(allowed),
  };
  const seen = withSource(keys, inputs, [batch, length]);
  const output = attend(foldQuery(turn(query, heads), attributes), seen.key, seen.value, {
    bias: seen.bias,
    relative: relative && sequenceRelativeBias(relative, attributes, length),
    group: groupOf(attributes),
    softcap: attributes.softcap,
  });
  return unfoldQuery(output, attributes, length);
});

export const crossKey = defineOp("crossKey", ({ x }, layout) => {
  const [batch, source] = x.shape as [number, number];
  return tf.transpose(tf.reshape(x, [batch, source, layout.kvHeads, layout.headDim]), [0, 2, 3, 1]);
});

export const crossValue = defineOp("crossValue", ({ x }, layout) => foldKeyValue(x, layout));

export const lengthBias = defineOp("lengthBias", ({ lengths, ids }) => {
  const [batch, source] = ids.shape as [number, number];
  return tf.reshape(maskBias(lengthMask(lengths, source)), [batch, 1, 1, source]);
});

export const crossAttention = defineOp("crossAttention", ({ query, key, value, bias }, layout) => {
  const [batch, target] = query.shape as [number, number];
  const source = key.shape[3]!;
  expectShape("crossAttention", "key", key, [batch, layout.kvHeads, layout.headDim, source]);
  const output = attend(foldQuery(query, layout), tf.transpose(key, [0, 1, 3, 2]), value, {
    bias: bias === undefined ? undefined : tf.reshape(bias, [batch, 1, 1, 1, source]),
    group: groupOf(layout),
    softcap: layout.softcap,
  });
  return unfoldQuery(output, layout, target);
});
