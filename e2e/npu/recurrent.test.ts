/** A decoder with a recurrence in place of self-attention, as Firefox's translators have, compiled by Qualcomm's HTP compiler. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { slm } from "../slm-process.js";
import { writeSpellerTokenizer } from "../trained-speller.js";

const shape = {
  architecture: "encoder-decoder",
  ...{ width: 32, heads: 2, kvHeads: 2, headDim: 16, feedForward: 64 },
  ...{ encoderLayers: 2, decoderLayers: 2, maxSource: 20, maxTarget: 20, activation: "relu" },
  ...{ decoderRecurrence: "ssru", norm: "layer", normPlacement: "post" },
  positions: { kind: "sinusoidal", spacing: "half", first: 0 },
  vocabularySize: 80,
  tokens: { pad: 0, bos: 1, eos: 2, unknown: 3 },
};

let root = "";
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "slm-npu-recurrent-"));
});
afterAll(() => rm(root, { recursive: true, force: true }));

test("a recurrent decoder is taken whole, in float16 and in scheme a16w8, of one token and of four", async () => {
  const at = (name: string): string => join(root, name);
  await writeFile(at("shape.json"), JSON.stringify(shape));
  await slm("model", "init", at("shape.json"), "-o", at("model"));
  await writeSpellerTokenizer(at("model"));
  await rm(at("model/manifest.json"), { force: true }); // It lists the files as they were.
  const npu = ["--target", "npu", "--profile", "qnn", "--chunk", "4"];
  await slm("export", at("model"), ...npu, "-o", at("float32"));
  await writeFile(at("rows.jsonl"), `${JSON.stringify({ source: "feg", target: "F E G" })}\n`.repeat(4));
  const calibration = ["--calibration", at("rows.jsonl")];
  await slm("quantize", at("float32"), "--scheme", "a16w8", ...calibration, "-o", at("a16w8"));
  for (const precision of ["float32", "a16w8"]) {
    const { chips } = await slm("compile", at(precision), "--soc", "sm8650", "-o", at(`${precision}-sm8650`));
    expect(chips, precision).toMatchObject([{ soc: "sm8650" }]);
  }
});
