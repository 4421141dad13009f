/**
 * A server verifies drafts of every row. The answers equal those of plain greedy decoding, and each row advances by its number of accepted
 * tokens.
 */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder } from "@slm/core/testing";
import { readCheckpoint } from "@slm/checkpoints";
import { deployToDirectory } from "@slm/deploy";
import { openGraphModel, type Generation } from "@slm/inference";
import { encoderDecoderConfig } from "@slm/model";
import { exportCheckpoint, exportWeights } from "@slm/onnx-export";
import { quantizeDirectory } from "@slm/quantization";
import { learnDraftRules, type DraftRule } from "@slm/generation";
import type { Runtime } from "@slm/runtime";
import { createCpuRuntime } from "@slm/runtime-node";
import { serveConfig } from "@slm/serve";
import { loadTokenizer } from "@slm/tokenizer";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { DRAFTED_ROWS } from "../packages/serve/src/batching/draft-steps.js";
import { openBatchedModel } from "../packages/serve/src/model/open-batched-model.js";
import { LONGEST, SPELLED, sourcesOf, spellerRules, tokensOf, trainedSpeller } from "./trained-speller.js";

let runtime: Runtime;
const workspace = temporaryFolder();
let checkpoint: string;
const sources = sourcesOf(40, LONGEST, 77, SPELLED);

beforeAll(async () => {
  runtime = await createCpuRuntime({ inThread: true, threads: 1 });
  checkpoint = await trainedSpeller(workspace, runtime);
}, 240_000);

afterAll(() => runtime.close());

test("a bundle drafts as the model that it was made of", async () => {
  const [model, outputDirectory] = [join(workspace, "bundled-model"), join(workspace, "bundle")];
  await mkdir(model);
  const draftRules = await spellerRules(checkpoint);
  await exportCheckpoint({
    checkpointDirectory: checkpoint,
    target: "cpu",
    outputDirectory: model,
    draftRules,
  });
  await mkdir(outputDirectory);
  await deployToDirectory({ model, outputDirectory, card: {} });
  const plain = await plainAnswers(outputDirectory);
  const generator = await openGraphModel(outputDirectory, runtime);
  expect(generator.speculation).toEqual({ tokens: 12, reason: undefined });
  const drafted = await generator.generate(sources, { batchSize: 1 });
  await generator.close();
  expect(drafted.map(({ tokens }) => tokens)).toEqual(plain.map(({ tokens }) => tokens));
  const runs = drafted.reduce((sum, { stepsMs }) => sum + stepsMs.length, 0);
  expect(tokensOf(drafted) / runs).toBeGreaterThan(1.3);
});

async function plainAnswers(directory: string): Promise<readonly Generation[]> {
  const generator = await openGraphModel(directory, runtime, { draftTokens: 0 });
  const answers = await generator.generate(sources, { batchSize: 1 });
  await generator.close();
  return answers;
}

/** Rules learnt from the model's answers to the test's own sources, so that every answer is known. */
async function rulesOf(directory: string): Promise<readonly DraftRule[]> {
  const generator = await openGraphModel(directory, runtime, { draftTokens: 0 });
  const asked = Array.from({ length: 5 }, () => sources).flat();
  const answers = await generator.generate(asked);
  await generator.close();
  const tokenizer = await loadTokenizer(directory);
  const pairs = asked.map((text, at) => ({
    source: tokenizer.encodeSource(text),
    target: answers[at]!.tokens,
  }));
  return learnDraftRules(pairs, tokenizer.tokens.eos);
}

const FOR_CPU = { target: "cpu" } as const;

describe.each([
  ["short answers, drafted for where one row is active", 18, false, FOR_CPU],
  ["long answers, drafted for in every row", 150, true, FOR_CPU],
  [
    "answers of graphs for a GPU, drafted for where one row is active",
    ...[150, false, { target: "gpu", profile: "webgpu" }],
  ],
] as const)("%s", (_name, maxTarget, draftsEveryRow, device) => {
  const directories: string[] = [];

  beforeAll(async () => {
    const { config, weights } = await readCheckpoint(checkpoint);
    const longer = encoderDecoderConfig.parse({ ...config, maxTarget });
    const source = { config: longer, weights, name: "tiny", tokenizerDirectory: checkpoint };
    const [first, float32, integer] = ["first", "float32", "integer"].map((part) =>
      join(workspace, `served-${device.target}-${maxTarget}-${part}`),
    ) as [string, string, string];
    for (const folder of [first, float32]) await mkdir(folder);
    await exportWeights(source, { ...device, outputDirectory: first });
    const draftRules = await rulesOf(first);
    await exportWeights(source, { ...device, outputDirectory: float32, draftRules });
    await mkdir(integer);
    const scheme = device.target === "cpu" ? "cpu" : "int8-block";
    await quantizeDirectory({ modelDirectory: float32, outputDirectory: integer, scheme });
    directories.push(float32, integer);
  });

  test.each([1, 4, 7])(
    "answers alike at %i connections, rows going on by what holds",
    async (connections) => {
      for (const directory of directories) {
        const plain = await plainAnswers(directory);
        const { answers, drafted, accepted, steps } = await serve(directory, sources, connections);
        expect(answers).toEqual(plain.map(({ text }) => text));
        expect(accepted).toBeLessThanOrEqual(drafted);
        if (!draftsEveryRow && connections > 1) continue;
        if (connections > DRAFTED_ROWS) continue;
        expect(accepted).toBeGreaterThan(0.3 * drafted);
        // Known answers end within a few steps, so rows are often free until the next request comes.
        if (connections > 1) continue;
        expect(steps * connections).toBeLessThan(0.9 * tokensOf(plain) + 10 * connections);
      }
    },
  );
});

/** Answers of a server with this many concurrent clients, and the tokens that its steps verified. */
async function serve(
  directory: string,
  sources: readonly string[],
  connections: number,
): Promise<{
  readonly answers: readonly string[];
  readonly drafted: number;
  readonly accepted: number;
  readonly steps: number;
}> {
  const seen = { drafted: 0, accepted: 0, steps: 0 };
  const served = await openBatchedModel(directory, await createCpuRuntime({ threads: 1 }), {
    maxRows: 8,
    maxWaiting: 64,
    limits: serveConfig.parse({}),
    onStep: () => {
      seen.steps++;
    },
    onDrafts: (drafted, accepted) => {
      seen.drafted += drafted;
      seen.accepted += accepted;
    },
  });
  const tokenizer = await loadTokenizer(directory);
  const { signal } = new AbortController();
  const answers = sources.map(() => "");
  let next = 0;
  const ask = async (): Promise<void> => {
    for (let at = next++; at < sources.length; at = next++) {
      const source = tokenizer.encodeSource(sources[at]!);
      const prepared = await served.prepare({ source, rules: served.rulesOf(undefined), signal });
      answers[at] = (await prepared.run()).text;
    }
  };
  await Promise.all(Array.from({ length: connections }, ask));
  await served.close();
  return { answers, ...seen };
}
