/** The decoder-only baseline of `slm bench` has the blocks of the model that it is compared with. */
import { join } from "node:path";
import { SILENT } from "@slm/core";
import { attributeOf, readOnnx } from "@slm/onnx";
import { makeBaseline } from "@slm/models/bench";
import { expect, test } from "vitest";
import { encoderDecoder } from "./random-models.js";
import { TinyModels } from "./tiny-models.js";

const models = new TinyModels({ isCompared: false });
const WIDE = { ...encoderDecoder, width: 64, feedForward: 128 };

/** Bits and block sizes of the products and of the embedding of a directory's decoder. */
async function blocksOf(directory: string): Promise<ReadonlySet<string>> {
  const graph = await readOnnx(join(directory, "decoder.onnx"));
  const quantized = graph.nodes.filter(({ opType }) => /MatMulNBits|GatherBlockQuantized/u.test(opType));
  return new Set(
    quantized.map((node) =>
      [node.opType, attributeOf(node, "bits", "int"), attributeOf(node, "block_size", "int")].join(" "),
    ),
  );
}

test("a baseline has the block size and the embedding's format of its model", async () => {
  const { directory: float32 } = await models.exported(WIDE, { target: "cpu" });
  const like = await models.quantized(float32, "int4-block", {
    weights: { blockSize: 64, embedding: "int4-block" },
  });
  const baseline = await models.newDirectory();
  const context = { progress: SILENT, signal: new AbortController().signal, seed: 1 };
  await makeBaseline({ like, outputDirectory: baseline, context });
  const expected = await blocksOf(like);
  expect(expected).toEqual(new Set(["MatMulNBits 4 64", "GatherBlockQuantized 4 64"]));
  expect(await blocksOf(baseline)).toEqual(expected);
});
