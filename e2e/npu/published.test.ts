/**
 * Compiles published encoder-decoders with small random weights with Qualcomm's HTP compiler: every graph completely, in float16 and
 * quantized. All families take minutes; `SLM_TEST_FAMILIES=t5,nllb` chooses some.
 */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder } from "@slm/core/testing";
import { expect, test } from "vitest";
import { chosenFamilies, writeEncoderDecoder } from "../../apps/cli/src/testing/external-encoder-decoder.js";
import { slm } from "../slm-process.js";

const root = temporaryFolder();

test.each(chosenFamilies())(
  "%s: encoder and decoder are taken whole, in float16 and in scheme a16w8",
  async (family) => {
    const at = (name: string): string => join(root, `${family}-${name}`);
    await writeEncoderDecoder(at("published"), family);
    await slm("import", at("published"), "-o", at("model"), "--max-source", "20", "--max-target", "16");
    await slm("export", at("model"), "--target", "npu", "--profile", "qnn", "-o", at("float32"));
    await writeFile(at("rows.jsonl"), `${JSON.stringify({ source: "FEG", target: "GO" })}\n`.repeat(4));
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
  300_000,
);
