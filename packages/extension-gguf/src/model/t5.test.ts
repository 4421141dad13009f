import { describe, expect, test } from "vitest";
import {
  f32,
  ggufBytes,
  temporaryGguf,
  text,
  u32,
  type TensorSpec,
  type TypedValue,
} from "../testing/gguf-bytes.test-support.js";
import { openGgufCheckpoint } from "./external-checkpoint.js";
import { t5Checkpoint } from "./t5.js";

const WIDTH = 8;

/** A file with one layer on each side, of width 8 with two heads of 3. */
const t5File = (
  metadata: Readonly<Record<string, TypedValue | undefined>> = {},
  tensors: readonly TensorSpec[] = [],
): Promise<string> => {
  const all: Readonly<Record<string, TypedValue | undefined>> = {
    "general.architecture": text("t5"),
    "t5.block_count": u32(2),
    "t5.embedding_length": u32(WIDTH),
    "t5.feed_forward_length": u32(16),
    "t5.attention.head_count": u32(2),
    "t5.attention.key_length": u32(3),
    "t5.attention.relative_buckets_count": u32(8),
    "t5.attention.layer_norm_rms_epsilon": f32(1e-6),
    "t5.decoder_start_token_id": u32(0),
    "tokenizer.ggml.eos_token_id": u32(1),
    "tokenizer.ggml.padding_token_id": u32(0),
    ...metadata,
  };
  const pairs = Object.entries(all).flatMap(([key, value]) =>
    value === undefined ? [] : [[key, value] as const],
  );
  return temporaryGguf(
    ggufBytes({
      metadata: Object.fromEntries(pairs),
      tensors: [{ name: "token_embd.weight", shape: [5, WIDTH] }, ...tensors],
    }),
  );
};

const tensor = (name: string): TensorSpec => ({ name: `${name}.weight`, shape: [1] });

describe(t5Checkpoint, () => {
  test("has the settings of the file, and those that its tensors tell", async () => {
    const { config } = await openGgufCheckpoint(await t5File({ "t5.decoder_block_count": u32(1) }));
    expect(config).toEqual({
      architectures: ["T5ForConditionalGeneration"],
      model_type: "t5",
      is_encoder_decoder: true,
      vocab_size: 5,
      d_model: WIDTH,
      d_kv: 3,
      d_ff: 16,
      num_layers: 2,
      num_decoder_layers: 1,
      num_heads: 2,
      relative_attention_num_buckets: 8,
      relative_attention_max_distance: 128,
      layer_norm_epsilon: 1e-6,
      feed_forward_proj: "relu",
      tie_word_embeddings: true,
      decoder_start_token_id: 0,
      eos_token_id: 1,
      pad_token_id: 0,
    });
  });

  test.each<[string, Record<string, TypedValue | undefined>, readonly TensorSpec[], RegExp]>([
    [
      "an encoder alone",
      { "general.architecture": text("t5encoder") },
      [],
      /encoder of a T5 without its decoder/,
    ],
    [
      "a tensor of other models",
      {},
      [tensor("blk.0.attn_q")],
      /'blk.0.attn_q.weight' does not belong to a model of family t5/,
    ],
    ["cross-attention of the encoder", {}, [tensor("enc.blk.0.cross_attn_q")], /does not belong/],
    ["a layer number that is none", {}, [tensor("enc.blk.01.attn_q")], /does not belong/],
    ["a missing size", { "t5.attention.key_length": undefined }, [], /'t5.attention.key_length' is missing/],
    [
      "fewer heads of keys",
      { "t5.attention.head_count_kv": u32(1) },
      [],
      /t5.attention.head_count_kv is 1, expected 2/,
    ],
    [
      "narrower values",
      { "t5.attention.value_length": u32(2) },
      [],
      /t5.attention.value_length is 2, expected 3/,
    ],
    [
      "a start that is no token",
      { "t5.decoder_start_token_id": f32(0.5) },
      [],
      /decoder_start_token_id is 0.5/,
    ],
  ])("rejects %s", async (_, metadata, tensors, message) => {
    await expect(openGgufCheckpoint(await t5File(metadata, tensors))).rejects.toThrow(
      expect.objectContaining({ code: "DATA_INVALID", message: expect.stringMatching(message) as string }),
    );
  });
});
