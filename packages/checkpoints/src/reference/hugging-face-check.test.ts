/**
 * Every published family against its own library. Fixtures: tools/interop/reference/tiny-encoder-decoders.py, with torch 2.8.0 and
 * transformers 4.57.1; that of T5Gemma 2 with transformers 5.24.0.
 */
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createHostTensor } from "@slm/runtime";
import { createEagerEngine, type Engine } from "@slm/tensor";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { encodeSafetensors, readSafetensors } from "../safetensors.js";
import { checkHuggingFace, isHuggingFaceReference } from "./hugging-face-check.js";

const FIXTURES = join(import.meta.dirname, "../../fixtures/encoder-decoders");
const FAMILIES = await readdir(FIXTURES);

let engine: Engine;
beforeAll(async () => {
  engine = await createEagerEngine("js");
});
afterAll(() => engine.close());

/** What the library leaves out where it computes in its own way; elsewhere nothing. */
const LEFT_OUT: Readonly<Record<string, string>> = {
  "t5gemma-defaults":
    "attention softcap 2, which transformers' default attention (sdpa) ignores; in answers, all but the last 3 source positions of " +
    "layers with a window, which transformers' cache drops after the first token",
  "m2m_100-pads": "positions of padding tokens inside answers, which transformers leaves out",
};

test.each(FAMILIES)(
  "%s gives the outputs, answers and searches of its own library",
  async (name) => {
    expect(await isHuggingFaceReference(join(FIXTURES, name))).toBe(true);
    const report = await checkHuggingFace(join(FIXTURES, name), engine);
    // Sums in another order; the families' settings change them by 0.01 and more, an epsilon by 1e-4.
    expect(report.encoderOutput.maxAbs).toBeLessThan(3e-5);
    expect(report.logits.maxAbs).toBeLessThan(6e-5);
    expect(report).toMatchObject({
      greedy: { same: true },
      beams: { same: true },
      searches: { same: true, count: 9 },
      pass: true,
    });
    expect(report.leftOut).toBe(LEFT_OUT[name]);
  },
  120_000,
);

test("the paper's own reference is none of these", async () => {
  const directory = join(FIXTURES, "../mu-reference/tiny-mha");
  expect(await isHuggingFaceReference(directory)).toBe(false);
});

describe("a model that differs", () => {
  let directory = "";
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "families-"));
  });
  afterEach(() => rm(directory, { recursive: true }));

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
    ["t5", { feed_forward_proj: "gated-relu" }, "feed_forward_proj 'gated-relu'"],
    ["bart", { decoder_attention_heads: 4 }, "decoder_attention_heads 4"],
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
    await expect(checkHuggingFace(directory, engine)).rejects.toThrow("num_beam_groups is 2");
  });
});
