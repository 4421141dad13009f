import { withCode } from "@slm/core/testing";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
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
import { llama3Factors } from "./rope-scaling.js";

const fixture = (name: string): string => fileURLToPath(new URL(`../../fixtures/${name}`, import.meta.url));

interface Stored {
  readonly shape: readonly number[];
  readonly type: string;
  readonly values: string;
}

const WIDTH = 8;
const norm = (name: string): TensorSpec => ({ name: `${name}.weight`, shape: [WIDTH] });

/** A file of one family with one layer of width 8 and two query heads per key/value head. */
const familyFile = async (
  family: string,
  metadata: Readonly<Record<string, TypedValue>> = {},
  tensors: readonly TensorSpec[] = [],
): Promise<string> => {
  const own = Object.entries(metadata).map(([key, value]) => [
    key.startsWith("general.") || key.startsWith("split.") ? key : `${family}.${key}`,
    value,
  ]);
  return temporaryGguf(
    ggufBytes({
      metadata: {
        "general.architecture": text(family),
        [`${family}.block_count`]: u32(1),
        [`${family}.context_length`]: u32(64),
        [`${family}.embedding_length`]: u32(WIDTH),
        [`${family}.feed_forward_length`]: u32(16),
        [`${family}.attention.head_count`]: u32(2),
        [`${family}.attention.head_count_kv`]: u32(1),
        [`${family}.attention.layer_norm_rms_epsilon`]: f32(1e-6),
        ...(Object.fromEntries(own) as Record<string, TypedValue>),
      },
      tensors: [{ name: "token_embd.weight", shape: [5, WIDTH] }, norm("output_norm"), ...tensors],
    }),
  );
};

const namesOf = async (file: string): Promise<string[]> =>
  (await openGgufCheckpoint(file)).tensors.map(({ name }) => name.replace(/\.weight$/, ""));

describe("a llama file written by the reference package", () => {
  const expected = JSON.parse(readFileSync(fixture("tiny-llama.json"), "utf8")) as Record<string, Stored>;

  test("has every tensor under its Hugging Face name, q and k in Hugging Face's order, bit for bit", async () => {
    const { tensors } = await openGgufCheckpoint(fixture("tiny-llama.gguf"));
    expect(tensors.map(({ name }) => name).sort()).toEqual(Object.keys(expected).sort());
    for (const tensor of tensors) {
      const { shape, type, values } = expected[tensor.name]!;
      expect([tensor.shape, tensor.dtype]).toEqual([shape, type]);
      const numbers = new Float32Array(Uint8Array.from(Buffer.from(values, "base64")).buffer);
      expect(await tensor.read(), tensor.name).toEqual(numbers);
    }
  });

  test("has the configuration that was written", async () => {
    const { config } = await openGgufCheckpoint(fixture("tiny-llama.gguf"));
    expect(config).toEqual({
      architectures: ["LlamaForCausalLM"],
      model_type: "llama",
      hidden_act: "silu",
      vocab_size: 20,
      hidden_size: 32,
      intermediate_size: 64,
      num_hidden_layers: 1,
      num_attention_heads: 2,
      num_key_value_heads: 1,
      head_dim: 16,
      max_position_embeddings: 128,
      rms_norm_eps: 1e-5,
      rope_theta: 100_000,
      rope_scaling: null,
      tie_word_embeddings: true,
      attention_bias: false,
      mlp_bias: false,
      bos_token_id: 1,
      eos_token_id: 2,
      pad_token_id: 0,
    });
  });
});

test("a large tensor comes in pieces that make it up", async () => {
  const numbers = Float32Array.from({ length: 3 << 20 }, (_, index) => index / 7);
  const data = new Uint8Array(numbers.buffer);
  const file = await familyFile("qwen2", {}, [
    { name: "output.weight", shape: [numbers.length / 8, 8], data },
  ]);
  const tensor = (await openGgufCheckpoint(file)).tensors.find(({ name }) => name === "lm_head.weight")!;
  const pieces: Float32Array[] = [];
  for await (const piece of tensor.readPieces!()) pieces.push(piece);
  expect(pieces.map(({ length }) => length)).toEqual([1 << 20, 1 << 20, 1 << 20]);
  const joined = new Float32Array(pieces.flatMap((piece) => [...piece]));
  expect(Buffer.compare(Buffer.from(joined.buffer), data)).toBe(0);
  expect(Buffer.compare(Buffer.from((await tensor.read()).buffer), data)).toBe(0);
});

describe("names by family", () => {
  test("llama with a window is a Mistral", async () => {
    const { config } = await openGgufCheckpoint(
      await familyFile("llama", { "attention.sliding_window": u32(32) }),
    );
    expect(config).toMatchObject({ architectures: ["MistralForCausalLM"], sliding_window: 32 });
  });

  test("qwen2 has biases, and an output matrix of its own unties the embedding", async () => {
    const file = await familyFile("qwen2", {}, [
      { name: "output.weight", shape: [5, WIDTH] },
      { name: "blk.0.attn_q.bias", shape: [WIDTH] },
      { name: "blk.0.ffn_up.weight", shape: [16, WIDTH] },
    ]);
    expect(await namesOf(file)).toEqual([
      "model.embed_tokens",
      "model.norm",
      "lm_head",
      "model.layers.0.self_attn.q_proj.bias",
      "model.layers.0.mlp.up_proj",
    ]);
    const { config } = await openGgufCheckpoint(file);
    expect(config).toMatchObject({ model_type: "qwen2", tie_word_embeddings: false, attention_bias: true });
  });

  test("qwen3 has norms of queries and keys, and heads wider than their share", async () => {
    const file = await familyFile("qwen3", { "attention.key_length": u32(6) }, [
      { name: "blk.0.attn_q_norm.weight", shape: [6] },
    ]);
    expect(await namesOf(file)).toContain("model.layers.0.self_attn.q_norm");
    const { config } = await openGgufCheckpoint(file);
    expect(config).toMatchObject({ model_type: "qwen3", head_dim: 6 });
  });

  test("phi3 has fused matrices, a window, long factors and heads that rotate in part", async () => {
    const factors = new Uint8Array(Float32Array.of(1.5).buffer);
    const file = await familyFile(
      "phi3",
      {
        "rope.dimension_count": u32(2),
        "attention.sliding_window": u32(32),
        "rope.scaling.original_context_length": u32(16),
      },
      [
        { name: "blk.0.attn_qkv.weight", shape: [16, WIDTH] },
        { name: "blk.0.ffn_up.weight", shape: [32, WIDTH] },
        { name: "rope_factors_long.weight", shape: [1], data: factors },
        { name: "rope_factors_short.weight", shape: [1], data: factors },
      ],
    );
    expect(await namesOf(file)).toEqual([
      "model.embed_tokens",
      "model.norm",
      "model.layers.0.self_attn.qkv_proj",
      "model.layers.0.mlp.gate_up_proj",
    ]);
    const { config } = await openGgufCheckpoint(file);
    expect(config).toMatchObject({
      partial_rotary_factor: 0.5,
      sliding_window: 32,
      original_max_position_embeddings: 16,
      rope_scaling: { rope_type: "longrope", long_factor: [1.5], short_factor: [1.5] },
    });
  });

  test("gemma2 has four norms a layer, stored with one added, and capped logits", async () => {
    const norms = ["attn_norm", "post_attention_norm", "ffn_norm", "post_ffw_norm"];
    const file = await familyFile(
      "gemma2",
      {
        block_count: u32(2),
        attn_logit_softcapping: f32(50),
        final_logit_softcapping: f32(30),
        "attention.sliding_window": u32(32),
      },
      norms.map((name) => ({
        name: `blk.0.${name}.weight`,
        shape: [WIDTH],
        data: new Uint8Array(new Float32Array(WIDTH).fill(1.25).buffer),
      })),
    );
    const { config, tensors } = await openGgufCheckpoint(file);
    expect(tensors.slice(2).map(({ name }) => name.split(".")[3])).toEqual([
      "input_layernorm",
      "post_attention_layernorm",
      "pre_feedforward_layernorm",
      "post_feedforward_layernorm",
    ]);
    expect(await tensors[2]!.read()).toEqual(new Float32Array(WIDTH).fill(0.25));
    expect(await tensors[0]!.read()).toEqual(new Float32Array(5 * WIDTH));
    expect(config).toMatchObject({
      attn_logit_softcapping: 50,
      final_logit_softcapping: 30,
      layer_types: ["sliding_attention", "full_attention"],
      query_pre_attn_scalar: 4,
    });
  });

  test("gemma3 has global attention in every sixth layer and a base of its own for the others", async () => {
    const file = await familyFile("gemma3", {
      block_count: u32(7),
      "attention.sliding_window": u32(32),
      "rope.scaling.type": text("linear"),
      "rope.scaling.factor": f32(8),
    });
    const { config } = await openGgufCheckpoint(file);
    expect(config).toMatchObject({
      model_type: "gemma3_text",
      rope_local_base_freq: 10_000,
      rope_scaling: { rope_type: "linear", factor: 8 },
    });
    expect((config["layer_types"] as string[]).indexOf("full_attention")).toBe(5);
  });
});

describe("llama3's rotary factors", () => {
  const withFactors = (values: readonly number[]): Promise<string> =>
    familyFile("llama", { "rope.freq_base": f32(500_000), "attention.key_length": u32(64) }, [
      {
        name: "rope_freqs.weight",
        shape: [values.length],
        data: new Uint8Array(Float32Array.from(values).buffer),
      },
    ]);

  test("become the setting that gives them", async () => {
    const file = await withFactors(llama3Factors(32, 500_000, 64));
    const { config, tensors } = await openGgufCheckpoint(file);
    expect(config["rope_scaling"]).toEqual({
      rope_type: "llama3",
      factor: 32,
      low_freq_factor: 1,
      high_freq_factor: 4,
      original_max_position_embeddings: 8192,
    });
    expect(tensors).toHaveLength(2);
  });

  test("are rejected where no setting gives them", async () => {
    const factors = llama3Factors(32, 500_000, 64).map((factor) => Math.sqrt(factor));
    await expect(openGgufCheckpoint(await withFactors(factors))).rejects.toThrow(withCode("DATA_INVALID"));
  });
});

describe("rejections", () => {
  test.each<[string, string, Record<string, TypedValue>, readonly TensorSpec[], RegExp]>([
    ["a family that is not read", "mamba", {}, [], /general.architecture is 'mamba', expected llama, /],
    ["a tensor without a place", "llama", {}, [norm("blk.0.ssm_a")], /'blk.0.ssm_a.weight' does not belong/],
    ["a layer number that is none", "llama", {}, [norm("blk.01.attn_norm")], /does not belong/],
    ["one part of several", "llama", { "split.count": u32(3) }, [], /one of 3 parts; merge them/],
    ["experts", "llama", { expert_count: u32(8) }, [], /mixture of 8 experts/],
    [
      "no layers",
      "llama",
      { block_count: u32(0) },
      [],
      /llama.block_count is 0, expected a whole number from 1/,
    ],
    ["text for a size", "llama", { block_count: text("x") }, [], /block_count is x/],
    [
      "heads that differ by layer",
      "llama",
      { "attention.head_count": u32([2, 4]) },
      [],
      /differs from layer to layer/,
    ],
    [
      "heads that do not divide",
      "llama",
      { "attention.head_count": u32(3) },
      [],
      /3 heads do not divide the width 8/,
    ],
    [
      "narrower values",
      "llama",
      { "attention.value_length": u32(2) },
      [],
      /values of 2 elements with keys of 4/,
    ],
    ["unknown scaling", "llama", { "rope.scaling.type": text("magic") }, [], /rope.scaling.type is 'magic'/],
    [
      "an endless epsilon",
      "llama",
      { "attention.layer_norm_rms_epsilon": f32(Infinity) },
      [],
      /is Infinity, expected a finite/,
    ],
    [
      "q rows that are no pairs",
      "llama",
      {},
      [{ name: "blk.0.attn_q.weight", shape: [6, WIDTH] }],
      /6 rows, which cannot be split into pairs in 2 heads/,
    ],
  ])("%s", async (_, family, metadata, tensors, message) => {
    const file = await familyFile(family, metadata, tensors);
    await expect(openGgufCheckpoint(file)).rejects.toThrow(
      expect.objectContaining({ code: "DATA_INVALID", message: expect.stringMatching(message) as string }),
    );
  });
});
