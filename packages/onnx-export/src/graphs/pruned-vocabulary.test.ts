import { mkdtemp, readFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder } from "@slm/core/testing";
import { decoderGraph, readDeviceModel } from "@slm/exported-model";
import { loadTokenizer } from "@slm/tokenizer";
import { beforeAll, describe, expect, test } from "vitest";
import { exportWeights } from "../export-checkpoint.js";
import {
  decoderOnly,
  encoderDecoder,
  randomCheckpoint,
  tokenizerDirectory,
} from "../tiny-checkpoint.test-support.js";
import { collectShortlist } from "../weights/shortlist.js";
import { fewTokens } from "./pruned-vocabulary.js";

const SHORTLIST = [0, 1, 2, 3, 6, 9];
const root = temporaryFolder();
const source = { ...randomCheckpoint(encoderDecoder), name: "tiny", tokenizerDirectory: "" };
beforeAll(async () => {
  source.tokenizerDirectory = await tokenizerDirectory(root);
});

async function* texts(...list: readonly string[]): AsyncGenerator<string> {
  for (const text of list) yield await Promise.resolve(text);
}

describe(collectShortlist, () => {
  test("takes the special tokens, the answers' tokens and single characters, and leaves out the rest", async () => {
    const tokenizer = await loadTokenizer(source.tokenizerDirectory);
    const ids = await collectShortlist(tokenizer, texts("X", "X X"));
    expect(ids).toEqual([...ids].sort((a, b) => a - b));
    expect(ids).toEqual(expect.arrayContaining([...tokenizer.encodeTarget("X"), 0, 1, 2, 3]));
  });

  test("rejects an empty list of answers", async () => {
    const tokenizer = await loadTokenizer(source.tokenizerDirectory);
    await expect(collectShortlist(tokenizer, texts())).rejects.toMatchObject({ code: "INPUT_MISSING" });
  });
});

describe(fewTokens, () => {
  test("stores the rows of the list and no whole table in the decoder", async () => {
    const directory = await mkdtemp(join(root, "sizes"));
    await exportWeights(source, { target: "cpu", outputDirectory: directory, shortlist: SHORTLIST });
    const whole = await mkdtemp(join(root, "sizes"));
    await exportWeights(source, { target: "cpu", outputDirectory: whole });
    const bytes = async (folder: string): Promise<number> =>
      decoderGraph(await readDeviceModel(folder)).bytes;
    expect(await readDeviceModel(directory)).toMatchObject({
      vocabularySize: 11,
      shortlist: SHORTLIST.length,
    });
    const rows = 11 - SHORTLIST.length;
    expect(await bytes(whole)).toBeGreaterThan((await bytes(directory)) + 4 * 24 * rows - 2000);
    expect((await readFile(join(directory, "config.json"), "utf8")).includes('"vocabularySize": 11')).toBe(
      true,
    );
  });

  test("is rejected if the decoder reads the source, and in static graphs", async () => {
    const directory = await mkdtemp(join(root, "rejected"));
    const settings = { outputDirectory: directory, shortlist: SHORTLIST };
    await expect(exportWeights(source, { ...settings, target: "npu" })).rejects.toMatchObject({
      code: "OP_UNSUPPORTED",
    });
    const other = { ...source, ...randomCheckpoint(decoderOnly) };
    await expect(exportWeights(other, { ...settings, target: "cpu" })).rejects.toMatchObject({
      code: "OP_UNSUPPORTED",
    });
  });
});
