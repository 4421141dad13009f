import { describe, expect, test } from "vitest";
import { selectDevice } from "../settings/profiles.js";
import { encoderDecoder, randomCheckpoint } from "../tiny-checkpoint.test-support.js";
import { graphSource } from "./record.js";
import {
  MIN_POSITIONS,
  transformersDecoderGraph,
  transformersDevice,
  transformersEncoderGraph,
} from "./transformers-graphs.js";

const device = transformersDevice(selectDevice({ target: "web", precision: "float16" }));
const source = graphSource(randomCheckpoint(encoderDecoder), device);
const encoder = transformersEncoderGraph(source);
const decoder = transformersDecoderGraph(source);

const signature = (values: typeof decoder.outputs): string[] =>
  values.map(({ name, dtype, shape }) => `${name} ${dtype}[${shape?.join(",") ?? "?"}]`);

describe(transformersDecoderGraph, () => {
  test("has the inputs that the library feeds, with numbers where it makes empty caches", () => {
    const past = (side: string): string[] =>
      ["key", "value"].map(
        (part) => `past_key_values.1.${side}.${part} float16[batch_size,2,past_${side}_sequence_length,16]`,
      );
    const inputs = signature(decoder.inputs);
    expect(inputs).toEqual(expect.arrayContaining([...past("decoder"), ...past("encoder")]));
    expect(inputs.slice(0, 3)).toEqual([
      "encoder_attention_mask int64[batch_size,encoder_sequence_length]",
      "input_ids int64[batch_size,decoder_sequence_length]",
      "encoder_hidden_states float16[batch_size,encoder_sequence_length,24]",
    ]);
  });

  test("gives a present value for every past one, and float32 logits of every position", () => {
    const expected = decoder.inputs
      .filter(({ name }) => name.startsWith("past_key_values."))
      .map(({ name }) => name.replace("past_key_values", "present"));
    const [logits, ...presents] = signature(decoder.outputs);
    expect(logits).toBe("logits float32[batch_size,decoder_sequence_length,11]");
    expect(presents.map((value) => value.split(" ")[0]).sort()).toEqual(expected.sort());
  });

  test("branches nowhere and names every node once", () => {
    for (const { nodes } of [encoder, decoder]) {
      const names = nodes.map(({ name }) => name);
      expect(new Set(names).size).toBe(names.length);
      expect(nodes.map(({ opType }) => opType)).not.toContain("If");
    }
  });

  test("has positions for as many tokens as the library may ask for", () => {
    expect(decoder.initializers.get("rotary.cos")?.shape[0]).toBe(MIN_POSITIONS);
  });
});

describe(transformersEncoderGraph, () => {
  test("has the inputs and the output of the library's encoders", () => {
    expect(signature(encoder.inputs)).toEqual([
      "input_ids int64[batch_size,encoder_sequence_length]",
      "attention_mask int64[batch_size,encoder_sequence_length]",
    ]);
    expect(signature(encoder.outputs)).toEqual([
      "last_hidden_state float16[batch_size,encoder_sequence_length,24]",
    ]);
  });
});
