/**
 * Greedy decoding with drafts must return the tokens of plain greedy decoding, in fewer runs. With random weights, drafts for new sources
 * are mostly wrong, which shows that wrong drafts do not change answers. A trained student shows that correct drafts save runs.
 */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { openGraphModel, type GenerateOptions, type Generation } from "@slm/inference";
import { profilesOf } from "@slm/devices";
import type { EncoderDecoderConfig } from "@slm/model";
import { exportCheckpoint, type ExportChoice } from "@slm/onnx-export";
import { createCpuRuntime } from "@slm/runtime-node";
import { createWebRuntime } from "@slm/runtime-web";
import * as ort from "onnxruntime-web/wasm";
import { beforeAll, describe, expect, test } from "vitest";
import { DraftingModels, MODELS, random, told, type Drafting } from "./drafting-models.js";
import { LONGEST, SPELLED, sourcesOf, spellerRules, tokensOf, trainedSpeller } from "./trained-speller.js";

const models = new DraftingModels();
const open: DraftingModels["open"] = (...given) => models.open(...given);

const runsOf = (answers: readonly Generation[]): number =>
  answers.reduce((sum, { stepsMs }) => sum + stepsMs.length, 0);

/** Checks that answers equal those of plain greedy decoding and need no more runs. */
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
  let directory = "";
  let web = "";
  const known = sourcesOf(40, config.maxSource, 7);

  beforeAll(async () => {
    directory = await models.withRules(config, { target: "cpu" }, known);
    web = await models.withRules(config, { target: "web" }, known);
  });

  test.each([
    ["rules", {}, {}],
    ["one token of the rules", { draftTokens: 1 }, {}],
    ["prompt lookup", { promptLookup: 5 }, {}],
    ["rules, and a limit", {}, { maxTokens: 6 }],
    ["rules, and a stop sequence", {}, { stop: ["C D", "E"] }],
  ])("answers as plain greedy decoding does: %s", async (_case, drafting, options) => {
    const { runs, tokens } = await expectGreedy(directory, known, drafting, options);
    expect(runs).toBeLessThan(tokens);
    await expectGreedy(directory, sourcesOf(25, config.maxSource, 1), drafting, options);
  });

  test("answers alike in WebAssembly, as the web page does", async () => {
    const names = await readdir(web);
    const files = new Map(
      await Promise.all(
        names.map(async (name) => [join(web, name), await readFile(join(web, name))] as const),
      ),
    );
    ort.env.wasm.numThreads = 1;
    const runtime = createWebRuntime(ort, { provider: "wasm", threads: 1, files });
    const sources = sourcesOf(6, config.maxSource, 4);
    const expected = await (await open(directory, { draftTokens: 0 })).generate(sources);
    for (const drafting of [{}, { promptLookup: 3 }]) {
      const generator = await openGraphModel(web, runtime, drafting);
      expect((await generator.generate(sources, { batchSize: 1 })).map(told)).toEqual(expected.map(told));
      await generator.close();
    }
    await runtime.close();
  });
});

describe("a model with draft rules", () => {
  const known = sourcesOf(60, random.maxSource, 7);

  const withRules = (config: EncoderDecoderConfig, choice: ExportChoice): Promise<string> =>
    models.withRules(config, choice, known);

  test.each(profilesOf("gpu"))("answers as plain greedy decoding does on target gpu: %s", async (profile) => {
    const directory = await withRules(random, { target: "gpu", profile });
    const { runs, tokens } = await expectGreedy(directory, known, {});
    expect(runs).toBeLessThan(tokens);
  });

  test("follows its rules in graphs of fixed sizes that read several tokens, and says where they do not", async () => {
    const sizes = { target: "npu", buckets: [random.maxSource] } satisfies ExportChoice;
    const chunked = await withRules(random, { ...sizes, chunk: 4 });
    await expectGreedy(chunked, known.slice(0, 20), {});
    const single = await open(await withRules(random, sizes));
    expect(single.speculation).toMatchObject({
      tokens: 0,
      reason: expect.stringContaining("--chunk") as string,
    });
  });

  test("is none of a decoder-only model's, and of no other layout", async () => {
    await expect(withRules(random, { target: "cpu", layout: "transformers.js" })).rejects.toMatchObject({
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
    checkpoint = await trainedSpeller(await models.newDirectory(), models.runtime);
    cpu = join(models.workspace, "trained-cpu");
    const draftRules = await spellerRules(checkpoint);
    await exportCheckpoint({
      checkpointDirectory: checkpoint,
      target: "cpu",
      outputDirectory: cpu,
      draftRules,
    });
  }, 240_000);

  test("takes fewer runs, with the answers of plain greedy decoding", async () => {
    const { runs, tokens } = await expectGreedy(cpu, sources, {});
    expect(tokens / runs).toBeGreaterThan(1.3);
  });

  test.each(["cpu", "int4-block"] as const)("answers alike with weights of scheme %s", async (scheme) => {
    const quantized = await models.quantized(cpu, scheme);
    // ONNX Runtime has different kernels of 4-bit products for one row and for several.
    const { runs, tokens } = await expectGreedy(quantized, sources, {}, {}, 2);
    expect(tokens / runs).toBeGreaterThan(1.3);
  });

  test("is decoded plainly, with the reason, where drafts would change answers, and drafts asked for are rejected", async () => {
    const quantized = await models.quantized(cpu, "int8-dynamic");
    const generator = await open(quantized);
    expect(generator.speculation).toMatchObject({
      tokens: 0,
      reason: expect.stringContaining("int8-dynamic") as string,
    });
    const answers = await generator.generate(sources.slice(0, 3), { batchSize: 1 });
    expect(runsOf(answers)).toBe(tokensOf(answers));
    await expect(openGraphModel(quantized, models.runtime, { draftTokens: 2 })).rejects.toMatchObject({
      code: "OP_UNSUPPORTED",
    });
  });

  test("answers alike in a worker, whose runs follow one another without the caller", async () => {
    const worker = await createCpuRuntime({ threads: 1 });
    const generator = await openGraphModel(cpu, worker);
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

  test("rejects more drafts than a run verifies, and any of a model without rules", async () => {
    await expect(openGraphModel(cpu, models.runtime, { draftTokens: 65 })).rejects.toMatchObject({
      code: "USAGE",
      message: expect.stringContaining("from 0 to 64") as string,
    });
    const plain = await models.random(random, { target: "cpu" });
    await expect(openGraphModel(plain, models.runtime, { draftTokens: 1 })).rejects.toMatchObject({
      code: "USAGE",
    });
    expect((await open(plain)).speculation).toEqual({ tokens: 0, reason: undefined });
  });
});
