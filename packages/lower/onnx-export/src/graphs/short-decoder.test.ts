import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { GRAPH_IO, readDeviceModel } from "@slm/artifact";
import { createHostTensor } from "@slm/runtime";
import { createCpuRuntime } from "@slm/runtime-cpu";
import { loadTokenizer } from "@slm/tokenizer";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { exportWeights } from "../export-model.js";
import {
  decoderOnly,
  encoderDecoder,
  randomCheckpoint,
  tokenizerDirectory,
} from "../tiny-checkpoint.test-support.js";
import { collectShortlist } from "../weights/shortlist.js";
import { fewTokens, UNSAID_LOGIT } from "./short-decoder.js";

const SHORTLIST = [0, 1, 2, 3, 6, 9];
const source = {
  ...randomCheckpoint(encoderDecoder),
  name: "tiny",
  tokenizerDirectory: await tokenizerDirectory(),
};
const runtime = await createCpuRuntime({ threads: 1 });
let root = "";
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "slm-shortlist-"));
});
afterAll(async () => {
  await runtime.close();
  await rm(root, { recursive: true, force: true });
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

  test("refuses to know nothing", async () => {
    const tokenizer = await loadTokenizer(source.tokenizerDirectory);
    await expect(collectShortlist(tokenizer, texts())).rejects.toMatchObject({ code: "INPUT_MISSING" });
  });
});

describe(fewTokens, () => {
  for (const target of ["cpu", "web"] as const)
    test(`gives the trained model's logits of its tokens and of no other, target ${target}`, async () => {
      const directory = await mkdtemp(join(root, target));
      const settings = { target, outputDirectory: directory, shortlist: SHORTLIST };
      const { parity } = await exportWeights(source, { ...settings, runtime });
      expect(parity!.maxAbs).toBeLessThan(1e-4);
      const model = await readDeviceModel(directory);
      expect(model).toMatchObject({ vocabularySize: 11, shortlist: SHORTLIST.length });

      const decoder = await runtime.load(
        { kind: "file", path: join(directory, "decoder.onnx") },
        { name: "d" },
      );
      const { kvHeads, headDim, decoderLayers } = encoderDecoder;
      const zeros = (...shape: readonly number[]) => createHostTensor("float32", shape);
      const layers = Array.from({ length: decoderLayers }, (_, layer) => layer);
      const cache = [1, kvHeads, 4, headDim];
      const feeds = {
        [GRAPH_IO.targetIds]: createHostTensor("int32", [1, 1], Int32Array.of(9)),
        [GRAPH_IO.pastLength]: createHostTensor("int32", [1], Int32Array.of(0)),
        [GRAPH_IO.sourceBias]: zeros(1, 1, 1, 2),
        ...Object.fromEntries(
          layers.flatMap((layer) => [
            [GRAPH_IO.crossKey(layer), zeros(1, kvHeads, headDim, 2)],
            [GRAPH_IO.crossValue(layer), zeros(1, kvHeads, 2, headDim)],
            [GRAPH_IO.pastKey(layer), zeros(...cache)],
            [GRAPH_IO.pastValue(layer), zeros(...cache)],
          ]),
        ),
      };
      const { fetched } = await decoder.run({ feeds, fetch: [GRAPH_IO.logits] });
      await decoder.release();
      const logits = [...(fetched[GRAPH_IO.logits]!.data as Float32Array)];
      const said = logits.flatMap((logit, token) => (logit > UNSAID_LOGIT / 2 ? [token] : []));
      expect(logits).toHaveLength(11);
      expect(said).toEqual(SHORTLIST);
    });

  test("stores the rows of the list and no whole table in the decoder", async () => {
    const directory = await mkdtemp(join(root, "sizes"));
    await exportWeights(source, { target: "cpu", outputDirectory: directory, shortlist: SHORTLIST });
    const whole = await mkdtemp(join(root, "sizes"));
    await exportWeights(source, { target: "cpu", outputDirectory: whole });
    const bytes = async (folder: string): Promise<number> =>
      (await readDeviceModel(folder)).graphs.decoder.bytes;
    const rows = 11 - SHORTLIST.length;
    expect(await bytes(whole)).toBeGreaterThan((await bytes(directory)) + 4 * 24 * rows - 2000);
    expect((await readFile(join(directory, "config.json"), "utf8")).includes('"vocabularySize": 11')).toBe(
      true,
    );
  });

  test("is refused where the decoder reads the source, and in graphs of fixed sizes", async () => {
    const directory = await mkdtemp(join(root, "refused"));
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
