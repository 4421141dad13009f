/** Compiles models with student options that change the graphs with Qualcomm's HTP compiler. */
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder } from "@slm/core/testing";
import { expect, test } from "vitest";
import { slm } from "../slm-process.js";
import { writeLetterTokenizer } from "../letter-models.js";

const shape = {
  architecture: "encoder-decoder",
  width: 32,
  heads: 2,
  kvHeads: 2,
  headDim: 16,
  feedForward: 64,
  encoderLayers: 2,
  decoderLayers: 2,
  maxSource: 20,
  maxTarget: 20,
  vocabularySize: 80,
  tokens: { pad: 0, bos: 1, eos: 2, unknown: 3 },
};

const OPTIONS: Readonly<Record<string, object>> = {
  // Instead of self-attention, like Firefox's translators.
  "a recurrence in the decoder": {
    decoderRecurrence: "ssru",
    norm: "layer",
    normPlacement: "post",
    activation: "relu",
    positions: { kind: "sinusoidal", spacing: "half", first: 0 },
  },
  "pooled tokens": { encoderPooling: { afterLayers: [1], group: 2 } },
};

const root = temporaryFolder();

test.each(Object.entries(OPTIONS))(
  "%s: taken whole, in float16 and in scheme a16w8",
  async (name, change) => {
    const at = (path: string): string => join(root, name, path);
    await slm("model", "init", await written(name, { ...shape, ...change }), "-o", at("model"));
    await writeLetterTokenizer(at("model"));
    await rm(at("model/manifest.json"), { force: true }); // The manifest lists the original files.
    const npu = ["--target", "npu", "--profile", "qnn"];
    await slm("export", at("model"), ...npu, "-o", at("float32"));
    await writeFile(at("rows.jsonl"), `${JSON.stringify({ source: "feg", target: "F E G" })}\n`.repeat(4));
    const calibration = ["--calibration", at("rows.jsonl")];
    await slm("quantize", at("float32"), "--scheme", "a16w8", ...calibration, "-o", at("a16w8"));
    for (const precision of ["float32", "a16w8"]) {
      const { chips } = await slm(
        "compile",
        at(precision),
        "--soc",
        "sm8650",
        "-o",
        at(`${precision}-sm8650`),
      );
      expect(chips, precision).toMatchObject([{ soc: "sm8650" }]);
    }
  },
);

/** File of a model's shape. */
async function written(name: string, model: object): Promise<string> {
  const file = join(root, `${name}.json`);
  await writeFile(file, JSON.stringify(model));
  return file;
}
