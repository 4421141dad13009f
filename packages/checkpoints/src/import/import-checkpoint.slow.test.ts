import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder, withCode } from "@slm/core/testing";
import { describe, expect, test } from "vitest";
import { readCheckpoint } from "../checkpoint.js";
import { type ExternalCheckpoint, type ExternalTensor } from "../external-checkpoint.js";
import { readHuggingFaceDirectory } from "./hugging-face-directory.js";
import { importConfig } from "./mapping/import-config.js";
import { importDecoderOnly, writeImported } from "./import-checkpoint.js";

const FIXTURES = join(import.meta.dirname, "../../fixtures/import");

const root = temporaryFolder({ each: true });

const externalOf = (name: string): Promise<ExternalCheckpoint> =>
  readHuggingFaceDirectory(join(FIXTURES, name));

/** A fixture with changed settings in its configuration. */
async function withSettings(
  name: string,
  settings: Readonly<Record<string, unknown>>,
): Promise<ExternalCheckpoint> {
  const external = await externalOf(name);
  return { ...external, config: { ...external.config, ...settings } };
}

/** A fixture with one tensor changed or removed. */
async function withTensor(
  name: string,
  tensor: string,
  change: (tensor: ExternalTensor) => ExternalTensor | undefined,
): Promise<ExternalCheckpoint> {
  const external = await externalOf(name);
  return {
    ...external,
    tensors: external.tensors.flatMap((other) => (other.name === tensor ? (change(other) ?? []) : other)),
  };
}

describe(importConfig, () => {
  test.each([
    ["llama", { architectures: ["MixtralForCausalLM"] }, "architecture MixtralForCausalLM is not supported"],
    [
      "llama",
      { rope_scaling: { rope_type: "yarn", factor: 2 } },
      'rope_scaling of type "yarn" is not supported',
    ],
    ["llama", { rope_scaling: { rope_type: "llama3", factor: 2 } }, "low_freq_factor"],
    ["llama", { hidden_act: "gelu" }, "hidden_act 'gelu' is not supported"],
    ["llama", { mlp_bias: true }, "mlp_bias without attention_bias"],
    ["llama", { quantization_config: { bits: 4 } }, "quantization_config"],
    ["phi3", { partial_rotary_factor: 0.5 }, "partial_rotary_factor is 0.5"],
    [
      "phi3",
      { rope_scaling: { type: "longrope", short_factor: [1], long_factor: [1] } },
      "longrope needs 4 factors",
    ],
    [
      "gemma3",
      { layer_types: ["full_attention", "chunked_attention", "full_attention"] },
      "chunked_attention",
    ],
    ["gemma3", { layer_types: ["full_attention"] }, "layer_types has 1 entries for 3 layers"],
    ["gemma3", { sliding_window: null }, "there is no sliding_window"],
    ["qwen2", { eos_token_id: null }, "there is no eos_token_id"],
    ["qwen2", { num_hidden_layers: 1_000_000 }, "1000000 layers, but there are"],
    ["qwen2", { hidden_size: "32" }, "hidden_size"],
  ])("rejects %s with %o by name", async (name, settings, message) => {
    const external = await withSettings(name, settings);
    expect(() => importConfig(external)).toThrow(message);
    expect(() => importConfig(external)).toThrow(external.where);
  });

  test("reads at most the lengths that the model supports, and less by default", async () => {
    const phi = await externalOf("phi3");
    expect(importConfig(phi).config).toMatchObject({ maxSource: 24, maxTarget: 8 });
    expect(() => importConfig(phi, { maxSource: 60, maxTarget: 5 })).toThrow(withCode("CONFIG_INVALID"));
  });

  test("understands rotary settings as newer versions of the library write them", async () => {
    const gemma = await externalOf("gemma3");
    const { rope_theta, rope_local_base_freq, rope_scaling, ...rest } = gemma.config;
    const rope_parameters = {
      full_attention: { rope_type: "linear", factor: 8, rope_theta },
      sliding_attention: { rope_type: "default", rope_theta: rope_local_base_freq },
    };
    expect(rope_scaling).toMatchObject({ factor: 8 });
    const newer = { ...gemma, config: { ...rest, rope_parameters } };
    expect(importConfig(newer).config).toEqual(importConfig(gemma).config);
  });

  test("finds the windows of older configurations without layer_types", async () => {
    const windows = async (name: string, settings: object): Promise<readonly number[] | undefined> =>
      importConfig(await withSettings(name, { layer_types: null, ...settings })).config.slidingWindow?.layers;
    expect(await windows("gemma2", {})).toEqual([0, 2]);
    expect(await windows("gemma3", { sliding_window_pattern: 2 })).toEqual([0, 2]);
    expect(await windows("qwen2", {})).toEqual([1, 2]);
    expect(await windows("qwen2", { use_sliding_window: false })).toBeUndefined();
  });
});

describe(importDecoderOnly, () => {
  test.each([
    ["a tensor that is missing", () => undefined, "'model.norm.weight' [32] is missing"],
    [
      "a tensor of another shape",
      (tensor: ExternalTensor) => ({ ...tensor, shape: [31] }),
      "should be [32] according to config.json",
    ],
    ["an unused tensor", (tensor: ExternalTensor) => ({ ...tensor, name: "model.norm.bias" }), "is missing"],
  ])("rejects %s", async (_what, change, message) => {
    const external = await withTensor("qwen2", "model.norm.weight", change);
    await expect(importDecoderOnly(external)).rejects.toThrow(message);
  });

  test("rejects tensors that the model has no use for, and numbers that are not finite", async () => {
    const external = await externalOf("qwen2");
    const [first] = external.tensors;
    const more = {
      ...external,
      tensors: [...external.tensors, { ...first!, name: "model.layers.0.mlp.extra.weight" }],
    };
    await expect(importDecoderOnly(more)).rejects.toThrow(withCode("SHAPE_MISMATCH"));
    const twice = { ...external, tensors: [...external.tensors, first!] };
    await expect(importDecoderOnly(twice)).rejects.toThrow(withCode("SHAPE_MISMATCH"));
    const infinite = await withTensor("qwen2", "model.norm.weight", (tensor) => ({
      ...tensor,
      read: () => Promise.resolve(new Float32Array(32).fill(Infinity)),
    }));
    await expect(importDecoderOnly(infinite)).rejects.toThrow(withCode("DATA_INVALID"));
  });

  test("ignores a head that is tied, and rotary tables that some checkpoints keep", async () => {
    const external = await externalOf("llama");
    const table = external.tensors.find(({ name }) => name === "model.embed_tokens.weight")!;
    const kept = [
      { ...table, name: "lm_head.weight" },
      { ...table, name: "model.layers.0.self_attn.rotary_emb.inv_freq" },
    ];
    const { weights } = await importDecoderOnly({ ...external, tensors: [...external.tensors, ...kept] });
    expect(weights.has("head.weight")).toBe(false);
  });
});

/** The same tensors in pieces of this many numbers. None can be read as a whole. */
const inPieces = (external: ExternalCheckpoint, size: number): ExternalCheckpoint => ({
  ...external,
  tensors: external.tensors.map((tensor) => ({
    ...tensor,
    async *readPieces() {
      const values = await tensor.read();
      for (let at = 0; at < values.length; at += size) yield values.slice(at, at + size);
    },
  })),
});

describe("tensors that come in pieces", () => {
  test.each(["gemma3", "phi3", "qwen2"])("result in the same %s, written and in memory", async (name) => {
    const external = await externalOf(name);
    const { weights } = await importDecoderOnly(external);
    expect((await importDecoderOnly(inPieces(external, 100))).weights).toEqual(weights);
    await mkdir(join(root, "whole"));
    await mkdir(join(root, "pieces"));
    await writeImported(external, join(root, "whole"), { dtype: "bfloat16" });
    await writeImported(inPieces(external, 7), join(root, "pieces"), { dtype: "bfloat16" });
    const read = (part: string): Promise<Buffer> => readFile(join(root, part, "model.safetensors"));
    expect((await read("pieces")).equals(await read("whole"))).toBe(true);
  });

  test("are rejected if there are too few or too many, or they contain no numbers", async () => {
    const given = (values: Float32Array): Promise<ExternalCheckpoint> =>
      withTensor("qwen2", "model.norm.weight", (tensor) => ({
        ...tensor,
        async *readPieces() {
          yield await Promise.resolve(values.slice(0, 20));
          yield values.slice(20);
        },
      }));
    for (const count of [31, 33]) {
      const external = await given(new Float32Array(count));
      await expect(importDecoderOnly(external)).rejects.toThrow(withCode("SHAPE_MISMATCH"));
    }
    const infinite = await given(new Float32Array(32).fill(Infinity, 25));
    await expect(importDecoderOnly(infinite)).rejects.toThrow(withCode("DATA_INVALID"));
  });
});

describe(writeImported, () => {
  test.each(["float32", "float16", "bfloat16"] as const)(
    "writes %s that is read back, vectors whole",
    async (dtype) => {
      const external = await externalOf("gemma2");
      const { config, weights } = await importDecoderOnly(external);
      await writeImported(external, root, { dtype });
      const read = await readCheckpoint(root);
      expect(read.config).toEqual(config);
      for (const [name, tensor] of weights) {
        const { shape } = tensor;
        const data = tensor.data as Float32Array;
        const values = read.weights.get(name)!.data as Float32Array;
        const relative = shape.length === 1 ? 0 : { float32: 0, float16: 2 ** -10, bfloat16: 2 ** -8 }[dtype];
        const off = values.findIndex(
          (value, index) => Math.abs(value - data[index]!) > relative * Math.abs(data[index]!) + 1e-6,
        );
        expect(off, name).toBe(-1);
      }
    },
  );

  test("rejects float16 for numbers beyond it", async () => {
    const external = await withTensor("qwen2", "model.embed_tokens.weight", (tensor) => ({
      ...tensor,
      read: () => Promise.resolve(new Float32Array(80 * 32).fill(7e4)),
    }));
    await expect(writeImported(external, root, { dtype: "float16" })).rejects.toThrow(
      withCode("DATA_INVALID"),
    );
  });
});
