/**
 * Greedy decoding with draft heads: the tokens of plain greedy decoding, in fewer runs. Models with random weights, whose heads are mostly
 * wrong, show that wrong drafts change nothing; a trained student shows that right ones save runs.
 */
import { mkdir, mkdtemp, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { loadGenerator, loadModel, fewerDrafts, type GenerateOptions, type Generation } from "@slm/inference";
import { profilesOf } from "@slm/devices";
import { readDeviceModel } from "@slm/exported-model";
import type { EncoderDecoderConfig } from "@slm/model";
import { exportModel, type ExportChoice } from "@slm/onnx-export";
import { readOnnx, type Graph } from "@slm/onnx";
import { quantizeDirectory } from "@slm/quantization";
import { createCpuRuntime } from "@slm/runtime-node";
import { createWebRuntime } from "@slm/runtime-web";
import { perRowDecoder } from "@slm/serve";
import * as ort from "onnxruntime-web/wasm";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { graphDrafts } from "./draft-graphs.js";
import { DraftingModels, MODELS, random, told, weightsOf, type Drafting } from "./drafting-models.js";
import { HEADS, LONGEST, SPELLED, sourcesOf, tokensOf, trainedSpeller } from "./trained-speller.js";

let models: DraftingModels;
const open: DraftingModels["open"] = (...given) => models.open(...given);

beforeAll(async () => {
  models = await DraftingModels.make();
});

afterAll(() => models.close());

const runsOf = (answers: readonly Generation[]): number =>
  answers.reduce((sum, { stepsMs }) => sum + stepsMs.length, 0);

/** Answers as plain greedy decoding gives them, in no more runs. */
async function expectGreedy(
  directory: string,
  sources: readonly string[],
  drafting: Drafting,
  options: GenerateOptions = {},
  digits = 3,
): Promise<{ readonly runs: number; readonly tokens: number }> {
  const plain = await (
    await open(directory, { draftTokens: 0 })
  ).generate(sources, { ...options, batchSize: 1 });
  const drafted = await (await open(directory, drafting)).generate(sources, { ...options, batchSize: 1 });
  expect(drafted.map(told)).toEqual(plain.map(told));
  drafted.forEach(({ logProbability, stepsMs }, row) => {
    expect(logProbability).toBeCloseTo(plain[row]!.logProbability, digits);
    expect(stepsMs.length).toBeLessThanOrEqual(plain[row]!.stepsMs.length);
  });
  return { runs: runsOf(drafted), tokens: tokensOf(drafted) };
}

describe.each(Object.entries(MODELS))("%s", (_name, config) => {
  const directories: string[] = [];

  beforeAll(async () => {
    for (const seed of [1, 2]) directories.push(await models.exported(config, seed, { target: "cpu" }));
  });

  test.each([
    ["all heads", {}, {}],
    ["one head", { draftTokens: 1 }, {}],
    ["all heads, and prompt lookup", { promptLookup: 4 }, {}],
    ["prompt lookup alone", { promptLookup: 5, draftTokens: 0 }, {}],
    ["all heads, and a limit", {}, { maxTokens: 6 }],
    ["all heads, and a stop sequence", {}, { stop: ["C D", "E"] }],
  ])("answers as plain greedy decoding does: %s", async (_case, drafting, options) => {
    for (const [at, directory] of directories.entries())
      await expectGreedy(directory, sourcesOf(25, config.maxSource, at + 1), drafting, options);
  });

  test("drafts what the trained model's heads say", async () => {
    const found = await graphDrafts(models.runtime, directories[0]!, config, weightsOf(config, 1));
    expect(found.graph).toEqual(found.eager);
  });

  test("answers alike in WebAssembly, as the web page does", async () => {
    const directory = await models.exported(config, 1, { target: "web" });
    const names = await readdir(directory);
    const files = new Map(
      await Promise.all(
        names.map(async (name) => [join(directory, name), await readFile(join(directory, name))] as const),
      ),
    );
    ort.env.wasm.numThreads = 1;
    const web = createWebRuntime(ort, { provider: "wasm", threads: 1, files });
    const sources = sourcesOf(6, config.maxSource, 4);
    const expected = await (await open(directories[0]!, { draftTokens: 0 })).generate(sources);
    for (const drafting of [{}, { promptLookup: 3 }]) {
      const generator = await loadGenerator(directory, web, drafting);
      expect((await generator.generate(sources, { batchSize: 1 })).map(told)).toEqual(expected.map(told));
      await generator.close();
    }
    await web.close();
  });

  test("gives up its heads where rows have positions of their own, as in a server's batches", async () => {
    const editDecoder = (graph: Graph): Graph => perRowDecoder(fewerDrafts(graph, 0));
    const served = await loadModel(directories[0]!, models.runtime, { editDecoder });
    expect(served.decoder.outputNames).toContain("best_ids");
    expect(served.decoder.outputNames).not.toContain("draft_ids");
    await served.close();
  });

  test("computes as many drafts as are verified, and none for batches of several rows", async () => {
    const graph = await readOnnx(join(directories[0]!, "decoder.onnx"));
    const sizes = Array.from({ length: HEADS + 1 }, (_, count) => fewerDrafts(graph, count).nodes.length);
    expect(sizes.at(-1)).toBe(graph.nodes.length);
    for (let count = 1; count <= HEADS; count++) {
      expect(sizes[count]).toBeGreaterThan(sizes[count - 1]!);
      const outputs = fewerDrafts(graph, count).outputs.filter(({ name }) => name === "draft_ids");
      expect(outputs.map(({ shape }) => shape)).toEqual([["batch", count]]);
    }
    const model = await loadModel(directories[0]!, models.runtime, { draftTokens: 1 });
    expect(model.decoder.outputNames).toContain("draft_ids");
    expect((await model.plainDecoder()).outputNames).not.toContain("draft_ids");
    await model.close();
  });

  test("decodes batches of several rows one token at a time, with the same answers", async () => {
    const sources = sourcesOf(9, config.maxSource, 3);
    const generator = await open(directories[0]!);
    const together = await generator.generate(sources, { batchSize: 4 });
    const alone = await generator.generate(sources, { batchSize: 1 });
    expect(together.map(told)).toEqual(alone.map(told));
    expect(runsOf(alone)).toBeLessThanOrEqual(runsOf(together));
  });
});

describe("a model with draft rules", () => {
  const plain = { ...random, draftHeads: undefined };
  const known = sourcesOf(60, random.maxSource, 7);

  const withRules = (config: EncoderDecoderConfig, choice: ExportChoice): Promise<string> =>
    models.withRules(config, choice, known);

  test.each([
    ["its rules alone", plain, {}, {}],
    ["two drafts at most", plain, { draftTokens: 2 }, {}],
    ["a limit", plain, {}, { maxTokens: 6 }],
    ["prompt lookup instead", plain, { promptLookup: 4 }, {}],
    ["its heads too", random, {}, {}],
  ])("answers as plain greedy decoding does: %s", async (_case, config, drafting, options) => {
    const directory = await withRules(config, { target: "cpu" });
    const { runs, tokens } = await expectGreedy(directory, known, drafting, options);
    expect(runs).toBeLessThan(tokens);
    await expectGreedy(directory, sourcesOf(25, random.maxSource, 8), drafting, options);
  });

  test.each(profilesOf("gpu"))("answers as plain greedy decoding does on target gpu: %s", async (profile) => {
    const directory = await withRules(plain, { target: "gpu", profile });
    const { runs, tokens } = await expectGreedy(directory, known, {});
    expect(runs).toBeLessThan(tokens);
  });

  test("says so in model.json, and its quantized form still drafts", async () => {
    const directory = await withRules(plain, { target: "cpu" });
    const { draftRules } = await readDeviceModel(directory);
    expect(draftRules).toBeGreaterThan(0);
    const quantized = await mkdtemp(join(models.workspace, "quantized-"));
    await quantizeDirectory({ modelDirectory: directory, scheme: "int4-block", outputDirectory: quantized });
    expect(await readDeviceModel(quantized)).toMatchObject({ draftRules });
    const generator = await open(quantized);
    expect(generator.drafts).toEqual({ tokens: 0, byRules: 12, reason: undefined });
    await expectGreedy(quantized, known.slice(0, 20), {}, {}, 1);
  });

  test("decodes batches of several rows in the same decoder, with the same answers", async () => {
    const generator = await open(await withRules(plain, { target: "cpu" }));
    const together = await generator.generate(known, { batchSize: 4 });
    const alone = await generator.generate(known, { batchSize: 1 });
    expect(together.map(told)).toEqual(alone.map(told));
    expect(runsOf(alone)).toBeLessThan(runsOf(together));
  });

  test("follows its rules in graphs of fixed sizes that read several tokens, and says where they do not", async () => {
    const sizes = { target: "npu", buckets: [random.maxSource] } satisfies ExportChoice;
    const chunked = await withRules(plain, { ...sizes, chunk: 4 });
    await expectGreedy(chunked, known.slice(0, 20), {});
    const single = await open(await withRules(plain, sizes));
    expect(single.drafts).toMatchObject({ byRules: 0, reason: expect.stringContaining("--chunk") as string });
  });

  test("is none of a decoder-only model's, and of no other layout", async () => {
    await expect(withRules(plain, { target: "cpu", layout: "transformers.js" })).rejects.toMatchObject({
      code: "OP_UNSUPPORTED",
      message: "export: layout transformers.js cannot have draft rules",
    });
  });
});

describe("a trained student", () => {
  let checkpoint: string;
  let cpu: string;
  const sources = sourcesOf(40, LONGEST, 77, SPELLED);

  beforeAll(async () => {
    checkpoint = await trainedSpeller(await mkdtemp(join(models.workspace, "speller-")), models.runtime);
    cpu = join(models.workspace, "trained-cpu");
    await exportModel({ checkpointDirectory: checkpoint, target: "cpu", outputDirectory: cpu });
  }, 240_000);

  test("takes fewer runs, with the answers of plain greedy decoding", async () => {
    const { runs, tokens } = await expectGreedy(cpu, sources, {});
    expect(tokens / runs).toBeGreaterThan(1.3);
  });

  test.each(["cpu", "int4-block"] as const)("answers alike with weights of scheme %s", async (scheme) => {
    const outputDirectory = join(models.workspace, `scheme-${scheme}`);
    await mkdir(outputDirectory);
    await quantizeDirectory({ modelDirectory: cpu, outputDirectory, scheme });
    // ONNX Runtime's product with 4-bit weights has another kernel for one row than for several.
    const { runs, tokens } = await expectGreedy(outputDirectory, sources, {}, {}, 2);
    expect(tokens / runs).toBeGreaterThan(1.3);
  });

  test("is decoded plainly, with the reason, where drafts would change answers, and drafts asked for are rejected", async () => {
    const outputDirectory = join(models.workspace, "trained-int8-dynamic");
    await mkdir(outputDirectory);
    await quantizeDirectory({ modelDirectory: cpu, outputDirectory, scheme: "int8-dynamic" });
    const generator = await open(outputDirectory);
    expect(generator.drafts).toMatchObject({
      tokens: 0,
      reason: expect.stringContaining("int8-dynamic") as string,
    });
    const answers = await generator.generate(sources.slice(0, 3), { batchSize: 1 });
    expect(runsOf(answers)).toBe(tokensOf(answers));
    await expect(loadGenerator(outputDirectory, models.runtime, { draftTokens: 2 })).rejects.toMatchObject({
      code: "OP_UNSUPPORTED",
    });
  });

  test("answers alike with graphs of fixed sizes, whose chunk holds a token and its drafts", async () => {
    const npu = join(models.workspace, "trained-npu");
    const buckets = [8, 20];
    await exportModel({
      checkpointDirectory: checkpoint,
      target: "npu",
      profile: "qnn",
      buckets,
      outputDirectory: npu,
    });
    const generator = await open(npu);
    expect(generator.model.static!.chunk).toBe(HEADS + 1);
    const { runs, tokens } = await expectGreedy(npu, sources, {});
    expect(tokens / runs).toBeGreaterThan(1.3);
    const expected = await (await open(cpu)).generate(sources);
    expect((await generator.generate(sources)).map(told)).toEqual(expected.map(told));
  });

  test("answers alike in a worker, whose runs follow one another without the caller", async () => {
    const worker = await createCpuRuntime({ threads: 1 });
    const generator = await loadGenerator(cpu, worker);
    const expected = await (await open(cpu)).generate(sources, { batchSize: 1 });
    const pieces = sources.map(() => "");
    const found = await generator.generate(sources, {
      batchSize: 1,
      onToken: (row, piece) => {
        pieces[row]! += piece;
      },
    });
    expect(found.map(told)).toEqual(expected.map(told));
    expect(runsOf(found)).toBe(runsOf(expected));
    expect(pieces).toEqual(expected.map(({ text }) => text));
    await generator.close();
    await worker.close();
  });

  test("rejects more drafts than its heads make, and any of a model without heads", async () => {
    await expect(loadGenerator(cpu, models.runtime, { draftTokens: HEADS + 1 })).rejects.toMatchObject({
      code: "USAGE",
      message: expect.stringContaining(`from 0 to ${HEADS}`) as string,
    });
    const { draftHeads, ...without } = random;
    expect(draftHeads).toBe(HEADS);
    const plain = await models.exported(without, 1, { target: "cpu" });
    await expect(loadGenerator(plain, models.runtime, { draftTokens: 1 })).rejects.toMatchObject({
      code: "USAGE",
    });
    expect((await open(plain)).drafts).toEqual({ tokens: 0, byRules: 0, reason: undefined });
  });
});
