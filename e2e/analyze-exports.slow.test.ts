/** Checks our own exports with the rules of their devices, and inferred shapes with those of a real run. */
import { join } from "node:path";
import { analyzePath, inferShapes } from "@slm/analysis";
import { ALL_DEVICES, type ProfileName, type Target } from "@slm/devices";
import { GRAPH_IO } from "@slm/exported-model";
import { createRandom } from "@slm/generation";
import { readOutline } from "@slm/onnx";
import { initializeWeights, visionConfig, type EncoderDecoderConfig } from "@slm/model";
import { createHostTensor } from "@slm/runtime";
import { expect, test } from "vitest";
import { encoderDecoder } from "./random-models.js";
import { TinyModels } from "./tiny-models.js";

const config: EncoderDecoderConfig = {
  ...encoderDecoder,
  width: 32,
  feedForward: 48,
  encoderLayers: 1,
  decoderLayers: 1,
  bias: false,
  maxSource: 16,
  maxTarget: 8,
  vocabularySize: 21,
};

/** Eight patches and a class token that is dropped, pooled to four tokens. */
const seeing: EncoderDecoderConfig = {
  ...config,
  vision: visionConfig.parse({
    tower: {
      image: { resize: { kind: "stretch", height: 16, width: 32 } },
      patch: { height: 8, width: 8 },
      width: 32,
      layers: 1,
      heads: 2,
      feedForward: 48,
      classToken: "dropped",
      activation: "quickGelu",
    },
    projector: { pool: { kind: "average", height: 2, width: 2 } },
  }),
};

const pooling: EncoderDecoderConfig = {
  ...config,
  encoderLayers: 2,
  encoderPooling: { afterLayers: [1], group: 2 },
};

const models = new TinyModels({ threads: 1, isCompared: false });

async function exported(
  target: Target,
  profile?: ProfileName,
  model: EncoderDecoderConfig = config,
): Promise<string> {
  const weights = initializeWeights(model, createRandom(5).next);
  const choice = profile === undefined ? { target } : { target, profile };
  return (await models.exported(model, choice, weights)).directory;
}

const combinations = ALL_DEVICES.filter(({ target }) => target !== "cpu");

test.each(combinations)(
  "what is exported for $target $profile keeps its rules",
  async ({ target, profile }) => {
    for (const model of [config, seeing, pooling]) {
      const directory = await exported(target, profile, model);
      const { findings, supported, confirmedBy } = await analyzePath(directory, { target, profile });
      expect(findings.filter(({ severity }) => severity === "error")).toEqual([]);
      expect(supported).toBe(confirmedBy === null ? null : true);
    }
  },
);

test("inferred shapes are those of a run, with sizes in place of symbols", async () => {
  const directory = await exported("cpu");
  const sizes: Readonly<Record<string, number>> = { batch: 2, source: 5 };
  const path = join(directory, "encoder.onnx");
  const outline = await readOutline(path);
  const { facts, problems } = inferShapes({
    ...outline,
    outputs: outline.outputs.map(({ name }) => ({ name })),
  });
  expect(problems).toEqual([]);
  const session = await models.runtime.load({ kind: "file", path });
  const fetch = outline.outputs.map(({ name }) => name);
  const feeds = {
    [GRAPH_IO.sourceIds]: createHostTensor("int32", [2, 5]),
    [GRAPH_IO.sourceLengths]: createHostTensor("int32", [2], Int32Array.of(5, 3)),
  };
  const { fetched } = await session.run({ feeds, fetch });
  for (const name of fetch)
    expect(facts.of(name).shape?.map((size) => sizes[size] ?? size)).toEqual(fetched[name]?.shape);
  await session.release();
});
