/** ONNX decoders as teachers return the same distributions as the checkpoints from which they were exported. */
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder } from "@slm/core/testing";
import { createRandom } from "@slm/generation";
import { GraphBuilder, int, writeOnnx, type Graph } from "@slm/onnx";
import { initializeWeights } from "@slm/model";
import { writeCheckpoint, writeSafetensors } from "@slm/checkpoints";
import { checkTeacher, importGraph, loadDecoder, loadTeachers, textLogits, type Teacher } from "@slm/teacher";
import { exportWeights } from "@slm/onnx-export";
import { createCpuRuntime } from "@slm/runtime-node";
import { createHostTensor, type Runtime } from "@slm/runtime";
import { createEagerEngine, createOnnxEngine, type Engine } from "@slm/tensor";
import { trainSymbolTokenizer, writeTokenizer } from "@slm/tokenizer";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { decoderOnly } from "./random-models.js";

const config = { ...decoderOnly, maxSource: 12, maxTarget: 10, vocabularySize: 13 };
const { vocabularySize: vocab } = config;

const PAIRS = [
  { source: [5, 6, 7], target: [8, 4] },
  { source: [4], target: [7, 7, 5] },
  { source: [9, 9, 4, 6, 5], target: [] },
];
const SHAPE = { batch: 4, source: 6, target: 5 };
const SOURCES = [[5, 6, 7], [4], [9, 8, 7], [6, 6]].map((ids) => Int32Array.from(ids));

const workspace = temporaryFolder();
let runtime: Runtime;
let engine: Engine;
let checkpoint: Teacher;
let graph: Teacher;

beforeAll(async () => {
  runtime = await createCpuRuntime({ inThread: true, threads: 1 });
  engine = createOnnxEngine(runtime);
  const weights = new Map(initializeWeights(config, createRandom(3).next));
  // Larger than initial weights, so that distributions are far from uniform.
  for (const { shape, data } of weights.values())
    if (shape.length === 2) data.forEach((value, at) => (data[at] = 3 * Number(value)));
  const tokenizerDirectory = join(workspace, "checkpoint");
  await writeTokenizer(
    trainSymbolTokenizer({ sources: ["abcdef"], targets: ["X Y Z"], sourceLowercase: false }),
    tokenizerDirectory,
  );
  await writeCheckpoint(tokenizerDirectory, { config, weights });
  const outputDirectory = join(workspace, "exported");
  await mkdir(outputDirectory);
  const source = { config, weights, name: "tiny", tokenizerDirectory };
  await exportWeights(source, { outputDirectory, runtime, target: "cpu", layout: "transformers.js" });
  await mkdir(join(workspace, "imported"));
  await importGraph(outputDirectory, join(workspace, "imported"), { maxSource: 12, maxTarget: 10 });
  checkpoint = await loadTeachers(engine, tokenizerDirectory);
  graph = await loadTeachers(engine, join(workspace, "imported"));
});
afterAll(async () => {
  await checkpoint.close();
  await graph.close();
  await runtime.close();
});

/** Scores of the loss tokens. */
async function scoresOf(teacher: Teacher): Promise<readonly number[]> {
  const scored = await teacher.score(PAIRS, SHAPE);
  expect(scored.shape).toEqual([SHAPE.batch * SHAPE.target, vocab]);
  const { data } = await engine.download(scored);
  await engine.release([scored]);
  return PAIRS.flatMap(({ target }, row) =>
    Array.from(
      data.subarray(row * SHAPE.target * vocab, (row * SHAPE.target + target.length + 1) * vocab),
      Number,
    ),
  );
}

describe("a decoder with caches", () => {
  test("scores targets as the checkpoint does, whatever the lengths of a batch", async () => {
    const expected = await scoresOf(checkpoint);
    const actual = await scoresOf(graph);
    expect(actual.length).toBe(expected.length);
    actual.forEach((value, at) => {
      expect(value).toBeCloseTo(expected[at]!, 4);
    });
  });

  test.each([{ kind: "greedy" } as const, { kind: "beam", beams: 3, lengthPenalty: 1 } as const])(
    "decodes sources of unequal lengths as the checkpoint does: $kind",
    async (strategy) => {
      const expected = await checkpoint.generate(SOURCES, SHAPE, strategy, () => 0);
      expect(await graph.generate(SOURCES, SHAPE, strategy, () => 0)).toEqual(expected);
      expect(new Set(expected.map((tokens) => tokens.join())).size).toBeGreaterThan(1);
    },
  );

  test("expects at every position what the checkpoint does: as a teacher, and as the directory it came from", async () => {
    const ids = Int32Array.of(5, 6, 7, config.tokens.bos, 8, 4);
    const decoder = await loadDecoder(engine, join(workspace, "imported", "graph", "model.onnx"), vocab);
    const logits = new Float32Array(ids.length * vocab);
    for await (const piece of textLogits(decoder, ids)) logits.set(piece.logits, piece.from * vocab);
    await decoder.session.release();
    const file = join(workspace, "reference.safetensors");
    await writeSafetensors(
      file,
      new Map([
        ["ids", createHostTensor("int32", [1, ids.length], ids)],
        ["logits", createHostTensor("float32", [1, ids.length, vocab], logits)],
      ]),
    );
    const context = { progress: () => undefined, signal: new AbortController().signal };
    for (const directory of ["checkpoint", "exported", "imported"]) {
      const report = await checkTeacher(join(workspace, directory), file, { engine, context });
      expect(report, directory).toMatchObject({
        positions: ids.length,
        rows: 1,
        agreement: 1,
        vocab,
        parameters: checkpoint.parameters,
      });
      expect(report.maxAbs).toBeLessThan(1e-4);
    }
  });

  test("needs an engine that runs graphs", async () => {
    await expect(
      loadTeachers(await createEagerEngine("js"), join(workspace, "imported")),
    ).rejects.toMatchObject({
      code: "CONFIG_INVALID",
    });
  });
});

/** A decoder that depends only on the previous token: its logits are a row of a table. */
function bigramGraph(table: Float32Array, caches: "none" | "stuck" = "none"): Graph {
  const g = new GraphBuilder("bigram");
  const ids = g.input("input_ids", "int64", ["batch", "length"]);
  const rows = g.initializer("table", "float32", [vocab, vocab], table);
  g.output("logits", g.op("Gather", [rows, ids], { attributes: { axis: int(0) } }), "float32", [
    "batch",
    "length",
    vocab,
  ]);
  for (const part of caches === "none" ? [] : ["key", "value"]) {
    const past = g.input(`past_key_values.0.${part}`, "float32", ["batch", 1, "past", 8]);
    g.output(`present.0.${part}`, g.op("Identity", [past]), "float32", ["batch", 1, "past", 8]);
  }
  return g.build();
}

async function directoryOf(name: string, made: Graph): Promise<string> {
  const directory = join(workspace, name);
  const tokenizer = trainSymbolTokenizer({ sources: ["abcdef"], targets: ["X Y Z"], sourceLowercase: false });
  await writeTokenizer(tokenizer, directory);
  await writeOnnx(made, join(directory, "model.onnx"));
  return directory;
}

describe("a decoder without caches", () => {
  const table = Float32Array.from({ length: vocab * vocab }, (_, at) => ((at * 7919) % 101) / 10);

  test("scores and decodes by reading every text again", async () => {
    const directory = await directoryOf("bigram", bigramGraph(table));
    const work = join(workspace, "bigram-teacher");
    await importGraph(directory, work, {});
    const teacher = await loadTeachers(engine, work);
    const scores = await scoresOf(teacher);
    const fed = PAIRS.flatMap(({ target }) => [config.tokens.bos, ...target]);
    expect(scores).toEqual(fed.flatMap((id) => Array.from(table.subarray(id * vocab, (id + 1) * vocab))));
    const [tokens] = await teacher.generate(
      [SOURCES[0]!],
      { ...SHAPE, batch: 1 },
      { kind: "greedy" },
      () => 0,
    );
    let last: number = config.tokens.bos;
    for (const token of tokens!) {
      const row = table.subarray(last * vocab, (last + 1) * vocab);
      expect(token).toBe(row.indexOf(Math.max(...row)));
      last = token;
    }
    await teacher.close();
  });

  test("whose numbers are none is rejected when it is asked", async () => {
    const broken = Float32Array.from(table, (value, at) => (at === 5 * vocab ? Number.NaN : value));
    const directory = await directoryOf("broken", bigramGraph(broken));
    const work = join(workspace, "broken-teacher");
    await importGraph(directory, work, {});
    const teacher = await loadTeachers(engine, work);
    await expect(teacher.score([{ source: [4], target: [5] }], SHAPE)).rejects.toMatchObject({
      code: "DATA_INVALID",
      message: expect.stringContaining("NaN logits") as string,
    });
    await teacher.close();
  });

  test("with caches that do not grow is rejected when it is asked", async () => {
    const directory = await directoryOf("stuck", bigramGraph(table, "stuck"));
    const work = join(workspace, "stuck-teacher");
    await importGraph(directory, work, {});
    const teacher = await loadTeachers(engine, work);
    await expect(teacher.score(PAIRS, SHAPE)).rejects.toMatchObject({
      code: "DATA_INVALID",
      message: expect.stringContaining("'present.0.key' has shape") as string,
    });
    await teacher.close();
  });
});

describe("a directory without a decoder", () => {
  test("names the graphs that are there", async () => {
    const directory = await directoryOf("other-name", bigramGraph(new Float32Array(vocab * vocab)));
    await rm(join(directory, "model.onnx"));
    await writeOnnx(bigramGraph(new Float32Array(vocab * vocab)), join(directory, "mine.onnx"));
    await expect(importGraph(directory, join(workspace, "none"), {})).rejects.toMatchObject({
      code: "INPUT_MISSING",
      suggestions: ["teacher.file: mine.onnx"],
    });
    await importGraph(directory, join(workspace, "mine"), { file: "mine.onnx" });
  });

  test("rejects a path that leaves the directory, and limits beyond the model's positions", async () => {
    const directory = await directoryOf("limits", bigramGraph(new Float32Array(vocab * vocab)));
    await writeFile(join(directory, "config.json"), JSON.stringify({ max_position_embeddings: 16 }));
    await expect(importGraph(directory, join(workspace, "x"), { file: "../a.onnx" })).rejects.toMatchObject({
      code: "DATA_INVALID",
    });
    await expect(importGraph(directory, join(workspace, "x"), { maxSource: 16 })).rejects.toMatchObject({
      code: "CONFIG_INVALID",
    });
  });
});
