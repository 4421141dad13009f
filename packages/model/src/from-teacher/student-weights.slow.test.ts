import { withCode } from "@slm/core/testing";
import { createRandom } from "@slm/generation";
import { describe, expect, test } from "vitest";
import type { ModelConfig } from "../config/config.js";
import { parseModelConfig } from "../config/parse-model-config.js";
import { initializeWeights } from "../parameters/weights.js";
import { chooseLayers, type LayerChoice } from "./choose-layers.js";
import { pickTokens } from "./pick-tokens.js";
import { studentOfTeacher, withLayerOptions, type TeacherShapeRequest } from "./student-shape.js";
import { studentFromTeacher, type DecoderOnlyModel, type StudentWeights } from "./student-weights.js";
import { FAMILIES, logitsOf, tinyTeacher, type Family } from "./tiny-teacher.test-support.js";

const families = Object.keys(FAMILIES) as Family[];
const limits = { maxSource: 8, maxTarget: 8 };

interface Start {
  readonly shape: TeacherShapeRequest;
  readonly choice?: LayerChoice;
}

function start(
  teacher: DecoderOnlyModel,
  { shape, choice = "every" }: Start,
): StudentWeights & { readonly config: ModelConfig } {
  const of = teacher.config.decoderLayers;
  const { vocabularySize, tokens } = teacher.config;
  const wanted = parseModelConfig(
    { ...studentOfTeacher(shape, teacher.config), vocabularySize, tokens },
    "test",
  );
  const layers = {
    encoder:
      wanted.architecture === "decoder-only" ? [] : chooseLayers(choice, { count: wanted.encoderLayers, of }),
    decoder: chooseLayers(choice, { count: wanted.decoderLayers, of }),
  };
  const config = parseModelConfig(withLayerOptions(wanted, teacher.config, layers), "test");
  const fresh = initializeWeights(config, createRandom(3).next);
  return { config, ...studentFromTeacher({ config, fresh, teacher, layers }) };
}

const wholeStudent: Start = { shape: { architecture: "decoder-only", decoderLayers: 4, ...limits } };
const encoderDecoder: Start = {
  shape: { architecture: "encoder-decoder", encoderLayers: 2, decoderLayers: 2, ...limits },
};

describe(studentFromTeacher, () => {
  test.each(families)(
    "a decoder-only student of some layers is the teacher without the others: %s",
    async (family) => {
      const teacher = tinyTeacher(family);
      const { config, weights } = start(teacher, {
        shape: { ...wholeStudent.shape, decoderLayers: 2 },
        choice: [1, 2],
      });
      // The removed layers add nothing to the states.
      const silent = new Map(teacher.weights);
      for (const layer of [0, 3])
        for (const [name, tensor] of teacher.weights)
          if (new RegExp(`layers\\.${layer}\\..*(output|down|PostNorm)\\.(weight|bias)`, "u").test(name))
            silent.set(name, { ...tensor, data: new Float32Array(tensor.data.length) });
      const expected = await logitsOf(teacher.config, silent);
      const actual = await logitsOf(config, weights);
      actual.forEach((value, index) => {
        expect(value).toBeCloseTo(expected[index]!, 5);
      });
    },
  );

  test.each(families)(
    "an encoder-decoder whose cross-attention is silent decodes as the teacher does: %s",
    async (family) => {
      const teacher = tinyTeacher(family);
      const all = { ...encoderDecoder, shape: { ...encoderDecoder.shape, decoderLayers: 4 } };
      const { config, weights } = start(teacher, all);
      const silent = new Map(weights);
      for (const [name, tensor] of weights)
        if (/crossAttention(\.output\.|PostNorm\.)/u.test(name))
          silent.set(name, { ...tensor, data: new Float32Array(tensor.data.length) });
      const expected = await logitsOf(teacher.config, teacher.weights);
      const actual = await logitsOf(config, silent);
      actual.forEach((value, index) => {
        expect(value).toBeCloseTo(expected[index]!, 5);
      });
      expect(await logitsOf(config, weights)).not.toEqual(actual);
    },
  );

  test("rejects a student with a setting that differs from the teacher's, by name", () => {
    const teacher = tinyTeacher("llama");
    const { config } = start(teacher, encoderDecoder);
    const layers = { encoder: [0, 3], decoder: [0, 3] };
    const other = { ...config, ropeTheta: 5 };
    expect(() =>
      studentFromTeacher({
        config: other,
        fresh: initializeWeights(other, createRandom(3).next),
        teacher,
        layers,
      }),
    ).toThrow(withCode("CONFIG_INVALID"));
  });
});

test("a teacher with part of its vocabulary returns the logits of that part", async () => {
  const teacher = tinyTeacher("llama");
  const ids = [0, 1, 2, 8, 4, 5, 6, 7, 3].map((id) => [id]);
  const picked = pickTokens(teacher, ids, { ...teacher.config.tokens, unknown: 8 });
  expect(picked.config).toMatchObject({ vocabularySize: 9, tokens: { unknown: 8 } });
  const [own, theirs] = [picked, teacher].map(({ weights }) => weights.get("head.weight")!.data);
  expect(own!.slice(24, 32)).toEqual(theirs!.slice(64, 72));
  expect(await logitsOf(pickTokens(picked, ids, teacher.config.tokens).config, teacher.weights)).toEqual(
    await logitsOf(teacher.config, pickTokens(picked, ids, teacher.config.tokens).weights),
  );
  expect(() => pickTokens(teacher, [[0, 9]], teacher.config.tokens)).toThrow(withCode("DATA_INVALID"));
});

test("a token that the teacher spells with several has the mean of their rows; a token that it cannot spell has the mean of all rows", () => {
  const teacher = tinyTeacher("llama");
  const table = teacher.weights.get("embedding.weight")!;
  const [size, width] = table.shape as [number, number];
  const mean = (ids: readonly number[]): number[] =>
    Array.from({ length: width }, (_, column) =>
      ids.reduce((sum, id) => sum + Number(table.data[id * width + column]) / ids.length, 0),
    );
  const picked = pickTokens(teacher, [[2, 5, 5], [], [7]], teacher.config.tokens);
  const rows = picked.weights.get("embedding.weight")!;
  expect(rows.shape).toEqual([3, width]);
  const all = Array.from({ length: size }, (_, id) => id);
  [...mean([2, 5, 5]), ...mean(all), ...mean([7])].forEach((value, index) => {
    expect(rows.data[index]).toBeCloseTo(value, 6);
  });
});

describe(withLayerOptions, () => {
  test("keeps the RoPE bases of the teacher's layers in both halves", () => {
    const { config } = start(tinyTeacher("gemma"), { ...encoderDecoder, choice: [1, 2] });
    expect(config).toMatchObject({ localRope: { ropeTheta: 20, encoderLayers: [1], decoderLayers: [1] } });
  });

  test("keeps the windows of a decoder-only student's layers", () => {
    const shape = { ...wholeStudent.shape, decoderLayers: 2 };
    const { config } = start(tinyTeacher("gemma"), { shape, choice: [2, 3] });
    expect(config).toMatchObject({ slidingWindow: { window: 8, layers: [0], ropeTheta: 20 } });
    expect(start(tinyTeacher("gemma"), { shape, choice: [1, 3] }).config).not.toHaveProperty("slidingWindow");
  });
});

describe(studentOfTeacher, () => {
  const shapeOf = (family: Family, changes: object, more: object = {}): object =>
    studentOfTeacher({ ...encoderDecoder.shape, ...changes }, tinyTeacher(family, more).config);

  test.each<[RegExp, Family, object, object]>([
    [/sliding window of 8 tokens/u, "gemma", { maxSource: 9 }, {}],
    [/sliding window of 8 tokens/u, "gemma", { maxTarget: 9 }, {}],
    [/caps attention scores/u, "plain", {}, { attentionSoftcap: 50 }],
    [/width 9 is above the teacher's 8/u, "plain", { width: 9 }, {}],
    [/encoderLayers 5 is above the teacher's 4 layers/u, "plain", { encoderLayers: 5 }, {}],
    [/heads must be 2 x kvHeads/u, "plain", { heads: 3 }, {}],
  ])("rejects settings that do not fit this teacher: %s", (message, family, changes, more) => {
    expect(() => shapeOf(family, changes, more)).toThrow(message);
  });
});
