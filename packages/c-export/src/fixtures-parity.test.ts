/** Compiled models against the logits that transformers computed for tiny published models. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { importEncoderDecoder, readHuggingFaceDirectory, readSafetensors } from "@slm/checkpoints";
import { beforeAll, describe, expect, test } from "vitest";
import { compileModel, PortableModel, readModule } from "./index.js";

const FIXTURES = join(import.meta.dirname, "../../checkpoints/fixtures/encoder-decoders");

let module: WebAssembly.Module;
beforeAll(async () => {
  module = await WebAssembly.compile(await readModule());
});

interface Row {
  readonly source: readonly number[];
  readonly target: readonly number[];
  readonly logits: Float32Array;
}

/** Rows whose padding, if any, is at the end. */
async function rowsOf(directory: string): Promise<readonly Row[]> {
  const { tensors } = await readSafetensors(join(directory, "expected.safetensors"));
  const numbers = (name: string): { readonly shape: readonly number[]; readonly data: readonly number[] } => {
    const { shape, data } = tensors.get(name)!;
    return { shape, data: Array.from(data as Iterable<number | bigint>, Number) };
  };
  const [source, mask, target, logits] = ["input_ids", "attention_mask", "decoder_input_ids", "logits"].map(
    numbers,
  );
  const [batch, length] = source!.shape as [number, number];
  const [, targetLength] = target!.shape as [number, number];
  const vocabulary = logits!.shape[2]!;
  return Array.from({ length: batch }, (_, row): Row | undefined => {
    const own = mask!.data.slice(row * length, (row + 1) * length);
    const tokens = own.filter((value) => value !== 0).length;
    if (own.slice(0, tokens).some((value) => value === 0)) return undefined;
    return {
      source: source!.data.slice(row * length, row * length + tokens),
      target: target!.data.slice(row * targetLength, (row + 1) * targetLength),
      logits: Float32Array.from(
        logits!.data.slice(row * targetLength * vocabulary, (row + 1) * targetLength * vocabulary),
      ),
    };
  }).filter((row) => row !== undefined);
}

const largestDifference = (a: Float32Array, b: Float32Array): number =>
  a.reduce((most, value, at) => Math.max(most, Math.abs(value - b[at]!)), 0);

/** transformers leaves the softcap of t5gemma-defaults out, so its logits are not the model's. */
const isReference = (name: string): boolean => name !== "t5gemma-defaults";

describe.each(readdirSync(FIXTURES).filter(isReference))("a tiny model of %s", (name) => {
  const directory = join(FIXTURES, name);

  test("has transformers' logits, step by step and several tokens at once", async () => {
    const rows = await rowsOf(directory);
    const checkpoint = await importEncoderDecoder(await readHuggingFaceDirectory(directory), {
      maxSource: Math.max(...rows.map(({ source }) => source.length)),
      maxTarget: Math.max(...rows.map(({ target }) => target.length)),
    });
    const model = await PortableModel.open(module, compileModel(checkpoint, "float32"));
    for (const { source, target, logits } of rows) {
      model.encode(source);
      const steps = target.map((token) => Float32Array.from(model.step([token])));
      expect(largestDifference(Float32Array.from(steps.flatMap((step) => [...step])), logits)).toBeLessThan(
        2e-4,
      );
      model.rewind(1);
      const rest = Float32Array.from(model.step(target.slice(1), target.length - 1));
      expect(largestDifference(rest, logits.subarray(model.vocabulary))).toBeLessThan(2e-4);
    }
  });
});
