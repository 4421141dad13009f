/**
 * Runs a model in Marian's own format, which Firefox uses for translation, through the pipeline: 8-bit weights, SSRU decoder, lexical
 * shortlist, small random weights.
 */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder } from "@slm/core/testing";
import { openGraphModel, type GenerateOptions } from "@slm/inference";
import { createCpuRuntime } from "@slm/runtime-node";
import { serveConfig, startServer } from "@slm/serve";
import { beforeAll, expect, test } from "vitest";
import { runCommand } from "../apps/cli/src/testing/run-command.js";
import {
  floats,
  marianBytes,
  shortlistBytes,
  tinyModel,
  type MarianItem,
} from "../packages/extension-marian/src/testing/marian-bytes.test-support.js";
import { sentencePieceBytes } from "../packages/tokenizer/test-support/sentence-piece-bytes.mjs";

const PIECES = ["</s>", "<unk>", "▁", ...Array.from("klmnopabc")];
/** Types of pieces in a model of SentencePiece. */
const [NORMAL, UNKNOWN, CONTROL] = [1, 2, 3];
/** Float32 sums in another order. */
const PARITY = 2e-4;

const idOf = (piece: string): number => PIECES.indexOf(piece);
/** Texts with an `a` can be answered with `b`; every text with its own letters. */
const LISTS = PIECES.map((piece) => (piece === "a" ? [idOf("b")] : []));
/** The model's preferred answer: `c`, then `b`. */
const HEAD_BIAS = PIECES.map((piece) => ({ c: 60, b: 40 })[piece] ?? 0);

const root = temporaryFolder();
beforeAll(async () => {
  const items = tinyModel(PIECES.length);
  await imported("plain", items);
  await imported(
    "model",
    items.map((item) =>
      item.name === "decoder_ff_logit_out_b" ? floats(item.name, [1, PIECES.length], HEAD_BIAS) : item,
    ),
  );
});

const at = (name: string): string => join(root, name);

async function result(command: string, argv: readonly string[]): Promise<Record<string, unknown>> {
  const { exitCode, json, stderr } = await runCommand(command, [...argv, "--json"]);
  expect(exitCode, `${command}: ${stderr} ${JSON.stringify(json).slice(0, 500)}`).toBe(0);
  return (json as { result: Record<string, unknown> }).result;
}

/** Imports a directory in Mozilla's published layout. */
async function imported(name: string, items: readonly MarianItem[]): Promise<void> {
  const published = at(`published-${name}`);
  await mkdir(published);
  const pieces = PIECES.map((text, id) => ({ text, score: -id, type: [CONTROL, UNKNOWN][id] ?? NORMAL }));
  const files = {
    "model.klab.intgemm.alphas.bin": marianBytes(items),
    "vocab.klab.spm": sentencePieceBytes({ pieces, trainer: { 3: 1 } }),
    "lex.klab.s2t.bin": shortlistBytes(LISTS),
  };
  for (const [file, bytes] of Object.entries(files)) await writeFile(join(published, file), bytes);
  await result("import", [published, "-o", at(name), "--max-source", "20", "--max-target", "16"]);
}

const answer = async (model: string, prompt: string, ...more: readonly string[]): Promise<unknown> =>
  (await result("generate", [model, "--prompt", prompt, "--max-tokens", "4", ...more]))["text"];

test("is exported with its shortlist, and says only what its source allows", async () => {
  // Graphs for target gpu need a GPU; graphs for target web run on the CPU here.
  for (const target of ["cpu", "gpu", "web"]) {
    const { parity } = await result("export", [at("model"), "--target", target, "-o", at(target)]);
    expect((parity as { maxAbs: number }).maxAbs, target).toBeLessThan(PARITY);
    const model = JSON.parse(await readFile(join(at(target), "model.json"), "utf8")) as object;
    expect(model, target).toMatchObject({ stateWidth: 8, lexicalShortlist: true });
  }
  for (const target of ["cpu", "web"]) {
    expect([await answer(at(target), "a"), await answer(at(target), "ac")], target).toEqual(["bbbb", "cccc"]);
    expect(await answer(at(target), "kl"), target).not.toMatch(/[abc]/);
  }
});

test("graphs of an NPU leave the shortlist to their host: the same answers, quantized and in bundles too", async () => {
  const npu = ["--target", "npu", "--profile", "qnn"];
  const { parity } = await result("export", [at("model"), ...npu, "-o", at("npu")]);
  expect((parity as { maxAbs: number }).maxAbs).toBeLessThan(PARITY);
  const { supported } = await result("analyze", [at("npu"), "--target", "npu", "--profile", "qnn"]);
  expect(supported).toBe(true);
  await writeFile(at("rows.jsonl"), `${JSON.stringify({ source: "klm", target: "klm" })}\n`.repeat(4));
  const calibration = ["--calibration", at("rows.jsonl")];
  await result("quantize", [at("npu"), "--scheme", "a16w8", ...calibration, "-o", at("a16w8")]);
  await result("deploy", [at("npu"), "-o", at("bundle")]);
  const answers = async (name: string): Promise<unknown[]> => {
    const texts: unknown[] = [];
    for (const prompt of ["a", "ac", "kl", "mmlk"]) texts.push(await answer(at(name), prompt));
    return texts;
  };
  const expected = await answers("cpu");
  for (const name of ["npu", "bundle"]) expect(await answers(name), name).toEqual(expected);
  for (const name of ["npu", "a16w8", "bundle"]) expect(await answer(at(name), "a"), name).toBe("bbbb");
});

test("answers the same in beams of one, with weights of 8 and 4 bits, and to clients that share a batch", async () => {
  const { text } = await result("generate", [at("cpu"), "--prompt", "klm", "--beams", "1"]);
  expect(await answer(at("cpu"), "klm", "--beams", "3")).toEqual(expect.any(String));
  await result("quantize", [at("cpu"), "--scheme", "int8-dynamic", "-o", at("int8")]);
  expect(await answer(at("int8"), "a")).toBe("bbbb");
  await result("quantize", [at("cpu"), "--scheme", "int4-block", "--block-size", "16", "-o", at("int4")]);
  expect(await answer(at("int4"), "a")).toBe("bbbb");
  const server = await startServer({
    config: serveConfig.parse({ port: 0 }),
    bundle: at("cpu"),
    openEngine: () => createCpuRuntime({ threads: 1 }),
  });
  const ask = async (source: string, settings: object = {}): Promise<string> => {
    const response = await fetch(`${server.url}/v1/completions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ prompt: source, ...settings }),
    });
    const { choices } = (await response.json()) as { choices: { text: string }[] };
    return choices[0]!.text;
  };
  try {
    const sources = ["a", "klm", "ac", "klm", "a"];
    const texts = await Promise.all(sources.map((source) => ask(source)));
    expect([texts[1], texts[3]]).toEqual([text, text]);
    // This row draws from only the most probable token, from logits that leave the device. Other rows use the device's picks.
    const drawn = { temperature: 1, top_k: 1, seed: 1 };
    const mixed = sources.map((source, row) => ask(source, row % 2 === 0 ? drawn : {}));
    expect(await Promise.all(mixed)).toEqual(texts);
    expect(texts[0]).toMatch(/^b+$/);
    expect(texts[4]).toBe(texts[0]);
    expect(texts[2]).toMatch(/^c+$/);
  } finally {
    await server.stop();
  }
});

test("answers the same whether tokens that may answer are listed once for a batch or in every step", async () => {
  const runtime = await createCpuRuntime({ threads: 1 });
  const divided = await openGraphModel(at("cpu"), runtime);
  // Graphs of target web are loaded unchanged: they return logits of the whole vocabulary.
  const whole = await openGraphModel(at("web"), runtime);
  const texts = ["a", "klm", "ac", "mmlk", "b"];
  const sampled: GenerateOptions = { strategy: { kind: "sample", temperature: 1.5 }, seed: 7 };
  const beams: GenerateOptions = { strategy: { kind: "beam", beams: 3, lengthPenalty: 1 } };
  try {
    for (const options of [{}, sampled, beams])
      for (const batchSize of [1, 2, 5]) {
        const request = { ...options, batchSize, maxTokens: 8 };
        const [mine, theirs] = [await divided.generate(texts, request), await whole.generate(texts, request)];
        expect(mine.map(({ text }) => text)).toEqual(theirs.map(({ text }) => text));
        mine.forEach(({ logProbability }, row) => {
          expect(logProbability).toBeCloseTo(theirs[row]!.logProbability, 4);
        });
      }
  } finally {
    await divided.close();
    await whole.close();
    await runtime.close();
  }
});

test("is fine-tuned on labels, from its own weights", async () => {
  const rows = Array.from({ length: 60 }, (_, row) => {
    const text = Array.from(
      { length: 3 },
      (_letter, place) => "klmnop"[Math.floor(row / 6 ** place) % 6],
    ).join("");
    return `${JSON.stringify({ source: text, target: text })}\n`;
  });
  await writeFile(at("train.jsonl"), rows.slice(0, 48).join(""));
  await writeFile(at("dev.jsonl"), rows.slice(48, 54).join(""));
  await writeFile(at("test.jsonl"), rows.slice(54).join(""));
  const config = JSON.parse(await readFile(join(at("plain"), "config.json"), "utf8")) as object;
  const options = Object.fromEntries(
    Object.entries(config).filter(([key]) => key !== "vocabularySize" && key !== "tokens"),
  );
  const student = { shape: "imported", config: options };
  const recipe = {
    metrics: ["cer"],
    data: { train: at("train.jsonl"), dev: at("dev.jsonl"), test: at("test.jsonl") },
    tokenizer: { kind: "pretrained", model: at("plain") },
    distill: {
      student,
      initialize: { student: at("plain") },
      loss: { forwardKl: 0, crossEntropy: 1 },
      steps: 100,
      warmupSteps: 5,
      batchSize: 16,
      evaluateEvery: 100,
      evaluateRows: 6,
    },
  };
  await writeFile(at("recipe.yaml"), JSON.stringify(recipe));
  await result("run", [at("recipe.yaml"), "--out", at("run")]);
  const log = await readFile(join(at("run"), "distill", "metrics.jsonl"), "utf8");
  const losses = log
    .trim()
    .split("\n")
    .flatMap((line) => (JSON.parse(line) as { crossEntropy?: number }).crossEntropy ?? []);
  expect(losses.at(-1)).toBeLessThan(0.8 * losses[0]!);
});
