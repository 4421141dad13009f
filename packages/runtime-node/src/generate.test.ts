import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { temporaryFolder } from "@slm/core/testing";
import type { DeviceModel } from "@slm/exported-model";
import { writeTinyModel } from "@slm/exported-model/testing";
import { type StepDecoder, type Strategy, decode } from "@slm/generation";
import { type Model, openModel } from "@slm/inference";
import { writeOnnx } from "@slm/onnx";
import type { Runtime } from "@slm/runtime";
import { loadTokenizer } from "@slm/tokenizer";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createCpuRuntime } from "./cpu-runtime.js";
import {
  HEAD_DIM,
  VOCABULARY,
  tinyDecoder,
  tinyEncoder,
  tinyLogits,
  tinyWeights,
} from "./tiny-device-model.test-support.js";

const MAX_TARGET = 12;
const TOKENS = { pad: 0, bos: 1, eos: 2, unknown: 3 };
const SOURCES = ["abc", "d", "abcdab", "cc", "a", "dcba", "bd"];
/** A seed whose model generates varied texts, short ones and ones of maximum length, with and without an encoder. */
const WEIGHTS = tinyWeights(1986);

/** Recomputes every step from all ids fed so far: no cache, no padding, no batch. */
class PlainDecoder implements StepDecoder {
  readonly rows: number;
  readonly vocabularySize = VOCABULARY;
  readonly #source: readonly number[];
  #fed: readonly (readonly number[])[];

  constructor(rows: number, source: readonly number[], prefix: readonly number[]) {
    this.rows = rows;
    this.#source = source;
    this.#fed = Array.from({ length: rows }, () => prefix);
  }

  step(tokens: Int32Array): Promise<Float32Array> {
    this.#fed = this.#fed.map((ids, row) => [...ids, tokens[row]!]);
    return Promise.resolve(
      Float32Array.from(this.#fed.flatMap((ids) => tinyLogits(WEIGHTS, this.#source, ids))),
    );
  }

  permuteRows(rows: readonly number[]): Promise<void> {
    this.#fed = rows.map((row) => this.#fed[row]!);
    return Promise.resolve();
  }
}

/** @param target decoders for cpu also pick tokens themselves */
async function writeModel(
  folder: string,
  architecture: DeviceModel["architecture"],
  target: DeviceModel["target"] = "cpu",
): Promise<void> {
  const hasSource = architecture === "encoder-decoder";
  if (hasSource) await writeOnnx(tinyEncoder(WEIGHTS), join(folder, "encoder.onnx"));
  await writeOnnx(tinyDecoder(WEIGHTS, hasSource), join(folder, "decoder.onnx"));
  await writeTinyModel(folder, {
    architecture,
    target,
    parameters: 4 * VOCABULARY * HEAD_DIM,
    vocabularySize: VOCABULARY,
    headDim: HEAD_DIM,
    maxTarget: MAX_TARGET,
    tokens: TOKENS,
  });
}

const STRATEGIES: readonly Strategy[] = [
  { kind: "greedy" },
  { kind: "beam", beams: 4, lengthPenalty: 1 },
  { kind: "beam", beams: 3, lengthPenalty: 0 },
];

describe.each(["encoder-decoder", "decoder-only"] as const)("a tiny %s model", (architecture) => {
  const folder = temporaryFolder();
  let runtime: Runtime;
  let generator: Model;

  beforeAll(async () => {
    await writeModel(folder, architecture);
    runtime = await createCpuRuntime({ threads: 1 });
    generator = await openModel(folder, runtime);
  });

  afterAll(async () => {
    await generator.close();
    await runtime.close();
  });

  test.each(STRATEGIES)(
    "generates what the plain function gives, in batches and alone: %j",
    async (strategy) => {
      const tokenizer = await loadTokenizer(folder);
      const maxTokens = 6;
      const expected = await Promise.all(
        SOURCES.map(async (source) => {
          const ids = tokenizer.encodeSource(source);
          const rows = strategy.kind === "beam" ? strategy.beams : 1;
          const [encoded, prefix] = architecture === "encoder-decoder" ? [ids, []] : [[], ids];
          const decoder = new PlainDecoder(rows, encoded, prefix);
          return (await decode(decoder, { ...TOKENS, maxTokens, strategy }))[0]!.tokens;
        }),
      );
      expect(new Set(expected.map(String)).size).toBeGreaterThan(1);
      for (const batchSize of [1, 3, 16]) {
        const results = await generator.generate(SOURCES, { strategy, maxTokens, batchSize });
        expect(results.map(({ tokens }) => tokens)).toEqual(expected);
      }
    },
  );

  test("picks the same tokens in the graph, step by step in the worker, as from logits", async () => {
    const elsewhere = await mkdtemp(join(tmpdir(), "slm-device-model-"));
    await writeModel(elsewhere, architecture, "web");
    const plain = await openModel(elsewhere, runtime);
    for (const batchSize of [1, 3, 16]) {
      for (const options of [{}, { stop: ["Y"] }, { maxTokens: 1 }]) {
        const pieces = SOURCES.map(() => "");
        const onToken = (row: number, piece: string): void => {
          pieces[row]! += piece;
        };
        const answers = await generator.generate(SOURCES, { ...options, batchSize, onToken });
        const expected = await plain.generate(SOURCES, { ...options, batchSize });
        const told = ({ text, tokens, reason }: (typeof answers)[number]): object => ({
          text,
          tokens,
          reason,
        });
        expect(answers.map(told)).toEqual(expected.map(told));
        expect(pieces).toEqual(answers.map(({ text }) => text));
        for (const { stepsMs, tokens, finished } of answers) {
          expect(stepsMs).toHaveLength(tokens.length + (finished ? 1 : 0));
          expect(stepsMs).toEqual(stepsMs.toSorted((x, y) => x - y));
        }
      }
    }
    await plain.close();
    await rm(elsewhere, { recursive: true });
  });

  test("is interrupted after a token, and continues with the next request", async () => {
    const stopping = new AbortController();
    let tokens = 0;
    const interrupted = generator.generate(["abcdab"], {
      onToken: () => {
        tokens++;
        stopping.abort();
      },
      signal: stopping.signal,
    });
    await expect(interrupted).rejects.toMatchObject({ code: "INTERRUPTED" });
    expect(tokens).toBe(1);
    await generator.generate(SOURCES);
  });

  test("warms up, and rejects a source with an unknown symbol", async () => {
    await generator.warmUp();
    await expect(generator.generate(["abx"])).rejects.toMatchObject({ code: "DATA_INVALID" });
  });
});
