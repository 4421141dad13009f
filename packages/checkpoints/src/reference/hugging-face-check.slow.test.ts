/** Tests the check against a published family. e2e/published-families.slow.test.ts runs all families on the engine that users run. */
import { cp, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createHostTensor } from "@slm/runtime";
import { createEagerEngine, type Engine } from "@slm/tensor";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { temporaryFolder, withCode } from "@slm/core/testing";
import { encodeSafetensors, readSafetensors } from "../safetensors.js";
import { checkHuggingFace, isHuggingFaceReference } from "./hugging-face-check.js";

const FIXTURES = join(import.meta.dirname, "../../fixtures/encoder-decoders");

let engine: Engine;
beforeAll(async () => {
  engine = await createEagerEngine("js");
});
afterAll(() => engine.close());

test.each(["t5", "bart"])(
  "the engine without kernels gives %s's outputs, answers and searches of its own library",
  async (name) => {
    const report = await checkHuggingFace(join(FIXTURES, name), engine);
    expect(report).toMatchObject({ pass: true, searches: { same: true, count: 9 } });
  },
  120_000,
);

test("the paper's own reference is none of these", async () => {
  const directory = join(FIXTURES, "../mu-reference/tiny-mha");
  expect(await isHuggingFaceReference(directory)).toBe(false);
});

describe("a model that differs", () => {
  const directory = temporaryFolder({ each: true });

  const changeJson = async (
    file: string,
    change: (value: Record<string, unknown>) => object,
  ): Promise<void> => {
    const path = join(directory, file);
    const value = JSON.parse(await readFile(path, "utf8")) as Record<string, unknown>;
    await writeFile(path, JSON.stringify(change(value)));
  };

  test.each([
    ["t5", "decoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight"],
    ["t5", "encoder.block.1.layer.1.DenseReluDense.wi.weight"],
    ["bart", "model.encoder.embed_positions.weight"],
    ["bart", "final_logits_bias"],
    ["t5gemma", "model.decoder.layers.1.post_cross_attn_layernorm.weight"],
  ])(
    "in %s by its tensor %s fails",
    async (name, tensor) => {
      await cp(join(FIXTURES, name), directory, { recursive: true });
      const path = join(directory, "model.safetensors");
      const { tensors } = await readSafetensors(path);
      const { shape, data } = tensors.get(tensor)!;
      const values = (data as Float32Array).map((value) => value + 0.05 * Math.sign(value));
      await writeFile(
        path,
        encodeSafetensors(new Map([...tensors, [tensor, createHostTensor("float32", shape, values)]])),
      );
      expect((await checkHuggingFace(directory, engine)).pass).toBe(false);
    },
    120_000,
  );

  test("in a token of an answer fails", async () => {
    await cp(join(FIXTURES, "t5"), directory, { recursive: true });
    await changeJson("expected.json", ({ greedy, ...told }) => {
      const [first, second] = greedy as [number[], number[]];
      return { ...told, greedy: [first, second.with(3, 11)] };
    });
    const report = await checkHuggingFace(directory, engine);
    expect(report).toMatchObject({ greedy: { same: false }, beams: { same: true }, pass: false });
  });

  test.each([
    ["t5", { feed_forward_proj: "gated-tanh", dense_act_fn: null }, "feed_forward_proj 'tanh'"],
    ["t5", { dense_act_fn: "mish" }, "dense_act_fn 'mish'"],
    ["bart", { decoder_attention_heads: 3 }, "decoder_attention_heads 3 does not divide d_model 16"],
    ["bart", { activation_function: "laplace" }, "activation_function 'laplace'"],
    ["t5", { model_type: "longt5" }, "model_type 'longt5'"],
    ["t5", { num_layers: 9999 }, "9999 layers"],
  ])("%s with %o is rejected by name", async (name, settings, message) => {
    await cp(join(FIXTURES, name), directory, { recursive: true });
    await changeJson("config.json", (config) => ({ ...config, ...settings }));
    await expect(checkHuggingFace(directory, engine)).rejects.toThrow(message);
  });

  test("a generation setting that is not supported is rejected by name", async () => {
    await cp(join(FIXTURES, "t5"), directory, { recursive: true });
    await changeJson("generation_config.json", (settings) => ({ ...settings, num_beam_groups: 2 }));
    await expect(checkHuggingFace(directory, engine)).rejects.toThrow(withCode("CONFIG_INVALID"));
  });
});
