import type { ModelOutline, UntypedValue } from "@slm/onnx";
import { describe, expect, test } from "vitest";
import { decoderSignature } from "./decoder-signature.js";

const ids: UntypedValue = { name: "input_ids", dtype: "int64", shape: ["batch", "length"] };
const logits: UntypedValue = { name: "logits", dtype: "float32", shape: ["batch", "length", 40] };
const cache = (
  name: string,
  shape: readonly (string | number)[] = ["batch", 2, "past", 8],
): UntypedValue => ({ name, dtype: "float32", shape });
const PAST = ["past_key_values.0.key", "past_key_values.0.value"];
const PRESENT = ["present.0.key", "present.0.value"];

const outline = (inputs: readonly UntypedValue[], outputs: readonly UntypedValue[]): ModelOutline => ({
  name: "model",
  nodes: [],
  initializers: new Map(),
  inputs,
  outputs,
  irVersion: 10,
  opsets: { "": 21 },
  metadata: {},
  producer: "",
  omitted: [],
});
const signature = (
  inputs: readonly UntypedValue[],
  outputs: readonly UntypedValue[],
): ReturnType<typeof decoderSignature> => decoderSignature(outline(inputs, outputs), "m.onnx");

describe(decoderSignature, () => {
  test("knows the names of Hugging Face's exports", () => {
    const mask: UntypedValue = { name: "attention_mask", dtype: "int64", shape: ["batch", "total"] };
    const found = signature(
      [ids, mask, ...PAST.map((name) => cache(name))],
      [logits, ...PRESENT.map((name) => cache(name))],
    );
    expect([...found.inputs.keys()]).toEqual(["input_ids", "attention_mask"]);
    expect(found.caches).toEqual(
      PAST.map((past, at) => ({ past, present: PRESENT[at], dtype: "float32", heads: 2, headDim: 8 })),
    );
    expect([found.logits, found.vocabularySize]).toEqual(["float32", 40]);
  });

  test("accepts a graph without caches, and logits of any vocabulary size", () => {
    const found = signature([ids], [{ name: "logits", dtype: "float16" }]);
    expect(found).toMatchObject({ caches: [], logits: "float16", vocabularySize: undefined });
  });

  test.each<[string, readonly UntypedValue[], readonly UntypedValue[], string]>([
    ["no tokens", [], [logits], "input 'input_ids' is missing"],
    ["no logits", [ids], [{ ...logits, name: "hidden" }], "output 'logits' is missing"],
    [
      "an encoder's states",
      [ids, { ...ids, name: "encoder_hidden_states" }],
      [logits],
      "'encoder_hidden_states'",
    ],
    ["tokens as floats", [{ ...ids, dtype: "float32" }], [logits], "'input_ids' is float32"],
    ["tokens with three axes", [{ ...ids, shape: [1, 2, 3] }], [logits], "'input_ids' has 3 axes"],
    ["logits as integers", [ids], [{ ...logits, dtype: "int64" }], "'logits' is int64"],
    ["a cache that is not returned", [ids, cache(PAST[0]!)], [logits], "no output 'present.0.key'"],
    [
      "a key without its value",
      [ids, cache(PAST[0]!)],
      [logits, cache(PRESENT[0]!)],
      "input 'past_key_values.0.value' is missing",
    ],
    [
      "a missing layer",
      [ids, ...PAST.map((name) => cache(name.replace("0", "1")))],
      [logits, ...PRESENT.map((name) => cache(name.replace("0", "1")))],
      "input 'past_key_values.0.key' is missing",
    ],
    [
      "caches without numbers for their heads",
      [ids, ...PAST.map((name) => cache(name, ["batch", "heads", "past", 8]))],
      [logits, ...PRESENT.map((name) => cache(name))],
      "with numbers for kvHeads and headDim",
    ],
    [
      "caches of different types",
      [ids, ...PAST.map((name) => cache(name))],
      [logits, ...PRESENT.map((name): UntypedValue => ({ ...cache(name), dtype: "float16" }))],
      "'present.0.key' is float16",
    ],
  ])("rejects %s, by name", (_what, inputs, outputs, message) => {
    expect(() => signature(inputs, outputs)).toThrow(message);
  });
});
