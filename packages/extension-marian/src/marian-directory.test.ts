import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder } from "@slm/core/testing";
import { crossCaches, decode, encode, outputHead, type EncoderDecoderConfig } from "@slm/model";
import { createHostTensor, type HostTensor } from "@slm/runtime";
import { createEagerEngine, lengthBias } from "@slm/tensor";
import { describe, expect, test } from "vitest";
import { importEncoderDecoder } from "@slm/checkpoints";
import { isMarianDirectory, marianFiles, readMarianModel } from "./marian-directory.js";
import {
  floats,
  marianBytes,
  settingsItem,
  tinyModel,
  TINY_SETTINGS,
  type MarianItem,
} from "./testing/marian-bytes.test-support.js";
import { marianLogits } from "./testing/marian-reference.test-support.js";

const root = temporaryFolder();

async function directory(
  name: string,
  items: readonly MarianItem[],
  files: Readonly<Record<string, string>> = { "vocab.ende.spm": "" },
): Promise<string> {
  const folder = join(root, name);
  await mkdir(folder);
  await writeFile(join(folder, "model.ende.intgemm.alphas.bin"), marianBytes(items));
  for (const [file, text] of Object.entries(files)) await writeFile(join(folder, file), text);
  return folder;
}

const int32 = (values: readonly number[]): HostTensor =>
  createHostTensor("int32", [1, values.length], Int32Array.from(values));

/** Logits of the imported model, except that of its start token. */
async function importedLogits(
  { config, weights }: { config: EncoderDecoderConfig; weights: ReadonlyMap<string, HostTensor> },
  source: readonly number[],
  target: readonly number[],
): Promise<number[][]> {
  const engine = await createEagerEngine("js");
  const fed = [config.tokens.bos, ...target.slice(0, -1)];
  const feeds = {
    ...Object.fromEntries(weights),
    source: int32(source),
    lengths: createHostTensor("int32", [1], Int32Array.of(source.length)),
    target: int32(fed),
  };
  const program = await engine.compile({
    name: "imported",
    inputs: Object.fromEntries(
      Object.entries(feeds).map(([name, { dtype, shape }]) => [
        name,
        { dtype: dtype as "float32" | "int32", shape },
      ]),
    ),
    build: (x) => {
      const [ids, lengths] = [x["source"]!, x["lengths"]!];
      const cross = crossCaches(config, x, encode(config, x, ids, { lengths }).states);
      const context = { cross, bias: lengthBias({ lengths, ids }, {}) };
      return { logits: outputHead(config, x, decode(config, x, x["target"]!, { source: context })) };
    },
  });
  const { fetched } = await program.run({ feeds, fetch: ["logits"] });
  const { vocabularySize } = config;
  const data = fetched["logits"]!.data as Float32Array;
  return target.map((_, at) => [...data.subarray(at * vocabularySize, (at + 1) * vocabularySize - 1)]);
}

describe(readMarianModel, () => {
  test("has Marian's results for 8-bit and float matrices", async () => {
    const items = tinyModel();
    const [source, target] = [
      [3, 5, 2, 0],
      [4, 1, 1, 0],
    ];
    const expected = marianLogits(items, source, target);
    const folder = await directory("tiny", items);
    expect(isMarianDirectory(folder)).toBe(true);
    const imported = await importEncoderDecoder(await readMarianModel(await marianFiles(folder)));
    expect(imported.config.tokens).toEqual({ pad: 6, bos: 6, eos: 0, unknown: 1 });
    const actual = await importedLogits(imported, source, target);
    actual.forEach((logits, at) => {
      logits.forEach((logit, token) => {
        expect(logit).toBeCloseTo(expected[at]![token]!, 4);
      });
    });
  });

  test("turns float matrices, which are stored by inputs", async () => {
    const items = tinyModel().map((item) =>
      item.name === "decoder_l1_ffn_W1"
        ? floats(
            item.name,
            [8, 12],
            Array.from({ length: 96 }, (_, at) => at),
          )
        : item,
    );
    const { tensors } = await readMarianModel(await marianFiles(await directory("float", items)));
    const tensor = tensors.find(({ name }) => name === "decoder_l1_ffn_W1")!;
    expect(tensor.shape).toEqual([12, 8]);
    expect([...(await tensor.read()).subarray(0, 9)]).toEqual([0, 12, 24, 36, 48, 60, 72, 84, 1]);
  });

  test.each([
    [
      "transformer-decoder-autoreg: rnn",
      "transformer-decoder-autoreg: self-attention",
      /autoreg is "self-attention"/,
    ],
    ["dec-cell: ssru", "dec-cell: gru", /dec-cell is "gru"/],
    ['transformer-preprocess: ""', "transformer-preprocess: n", /preprocess is "n"/],
    ["tied-embeddings-all: true", "tied-embeddings-all: false", /tied-embeddings-all is false/],
    ["transformer-ffn-activation: relu", "transformer-ffn-activation: tanh", /'tanh' is not supported/],
    ["transformer-heads: 2", "transformer-heads: 3", /3 does not divide dim-emb 8/],
    ["enc-depth: 2", "enc-depth: 3", /encoder_l3_/],
    ["dim-emb: 8", "dim-emb: [", /not YAML/],
  ])("rejects a model with %s as %s", async (from, to, message) => {
    const items = tinyModel().map((item) =>
      item.name === "special:model.yml" ? settingsItem(TINY_SETTINGS.replace(from, to)) : item,
    );
    const files = await marianFiles(await directory(to.replace(/\W/g, ""), items));
    await expect(readMarianModel(files).then((external) => importEncoderDecoder(external))).rejects.toThrow(
      message,
    );
  });
});

describe(marianFiles, () => {
  const SETTINGS = "models: [model.ende.intgemm.alphas.bin]\nvocabs: [vocab.ende.spm, vocab.ende.spm]\n";

  test("reads the files in the settings, and how the model is decoded", async () => {
    const folder = await directory("named", tinyModel(), {
      "vocab.ende.spm": "",
      "lex.bin": "",
      "config.yml": `${SETTINGS}shortlist: [lex.bin, false]\nbeam-size: 4\nnormalize: 0.6\nword-penalty: 0\n`,
    });
    const files = await marianFiles(folder);
    expect(files).toMatchObject({
      shortlist: join(folder, "lex.bin"),
      vocabulary: join(folder, "vocab.ende.spm"),
    });
    expect((await readMarianModel(files)).generation).toMatchObject({ num_beams: 4, length_penalty: 0.6 });
  });

  test.each([
    ["two vocabularies", { "srcvocab.spm": "", "trgvocab.spm": "" }, /has srcvocab.spm and trgvocab.spm/],
    ["no vocabulary", {}, /has no \*\.spm/],
    [
      "a word penalty",
      { "vocab.ende.spm": "", "config.yml": `${SETTINGS}word-penalty: 0.5\n` },
      /word-penalty/,
    ],
    ["a model outside", { "config.yml": "models: [../m.bin]\nvocabs: [v.spm]\n" }, /\.\.\/m\.bin/],
    [
      "different vocabularies",
      { "config.yml": "models: [m.bin]\nvocabs: [a.spm, b.spm]\n" },
      /source and target differ/,
    ],
  ])("rejects %s", async (name, files, message) => {
    const folder = await directory(name.replaceAll(" ", "-"), tinyModel(), files);
    await expect(marianFiles(folder)).rejects.toThrow(message);
  });

  test("says how a model is converted that is there only as Marian trains it", async () => {
    const folder = join(root, "trained");
    await mkdir(folder);
    const trained = "model.npz.best-perplexity.npz";
    for (const file of [trained, "source.spm", "decoder.yml"]) await writeFile(join(folder, file), "");
    expect(isMarianDirectory(folder)).toBe(true);
    await expect(marianFiles(folder)).rejects.toMatchObject({
      code: "DATA_INVALID",
      message: expect.stringContaining(trained) as string,
      suggestions: [`marian-conv --from ${trained} --to model.bin`],
    });
    await writeFile(join(folder, "model.bin"), marianBytes(tinyModel()));
    expect((await marianFiles(folder)).model).toBe(join(folder, "model.bin"));
    await writeFile(join(folder, "config.json"), "{}");
    expect(isMarianDirectory(folder)).toBe(false);
  });
});
