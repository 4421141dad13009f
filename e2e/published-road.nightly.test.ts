/**
 * Runs every published family with small random weights through the whole pipeline: import, fine-tuning on labels (all weights and
 * adapters), use as a teacher, export to every target, analysis for NPUs, quantization to four bits, and serving.
 */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder } from "@slm/core/testing";
import { createCpuRuntime } from "@slm/runtime-node";
import { serveConfig, startServer } from "@slm/serve";
import { describe, expect, test } from "vitest";
import {
  chosenFamilies,
  writeEncoderDecoder,
  type PublishedName,
} from "../apps/cli/src/testing/external-encoder-decoder.js";
import { runCommand } from "../apps/cli/src/testing/run-command.js";

const root = temporaryFolder();

/** Float32 sums in another order. */
const PARITY = 2e-4;

async function result(command: string, argv: readonly string[]): Promise<Record<string, unknown>> {
  const { exitCode, json, stderr } = await runCommand(command, [...argv, "--json"]);
  expect(exitCode, `${command}: ${stderr} ${JSON.stringify(json).slice(0, 500)}`).toBe(0);
  return (json as { result: Record<string, unknown> }).result;
}

/** Languages for multilingual models, which have different tokenizers. */
const LANGUAGES: Readonly<Partial<Record<PublishedName, { readonly targetLanguage: string }>>> = {
  nllb: { targetLanguage: "fra_Latn" },
  m2m_100: { targetLanguage: "fr" },
  "mbart-50": { targetLanguage: "fr_XX" },
  mbart: { targetLanguage: "ro_RO" },
};

/** Shuffled words of three letters that every tokenizer of these tests supports. */
const WORDS = Array.from({ length: 216 }, (_, at) =>
  Array.from(
    { length: 3 },
    (_letter, place) => "klmnop"[Math.floor(((at * 59) % 216) / 6 ** place) % 6],
  ).join(""),
);

/** Writes rows whose targets are their sources. @returns the file */
async function writeCopies(file: string, texts: readonly string[]): Promise<string> {
  const rows = texts.map((text) => `${JSON.stringify({ source: text, target: text })}\n`);
  await writeFile(file, rows.join(""));
  return file;
}

/** Sections of a recipe that learns to copy words, from labels only. */
async function copying(root_: string, model: string, distill: object): Promise<object> {
  return {
    metrics: ["cer", "exactMatch"],
    data: {
      train: await writeCopies(`${root_}-train.jsonl`, WORDS.slice(0, 168)),
      dev: await writeCopies(`${root_}-dev.jsonl`, WORDS.slice(168, 192)),
      test: await writeCopies(`${root_}-test.jsonl`, WORDS.slice(192)),
    },
    tokenizer: { kind: "pretrained", model },
    distill: {
      loss: { forwardKl: 0, crossEntropy: 1 },
      batchSize: 32,
      evaluateRows: 24,
      ...distill,
    },
  };
}

interface LogLine {
  readonly crossEntropy?: number;
  readonly forwardKl?: number;
  readonly "dev.exactMatch"?: number;
}

const readLog = async (run: string): Promise<readonly LogLine[]> => {
  const text = await readFile(join(run, "distill", "metrics.jsonl"), "utf8");
  return text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as LogLine);
};

/** All families need ten minutes on one core. */
describe.each(chosenFamilies())("%s", (family) => {
  const at = (name: string): string => join(root, `${family}-${name}`);

  test("is imported, exported to every target, quantized to four bits, and served", async () => {
    await writeEncoderDecoder(at("published"), family);
    await result("import", [at("published"), "-o", at("model"), "--max-source", "20", "--max-target", "16"]);
    const targets = [
      ["cpu"],
      ["web"],
      ["gpu"],
      ["npu", "--profile", "qnn"],
      ["npu", "--profile", "openvino"],
      ["npu", "--profile", "coreml"],
      ["npu", "--profile", "vitisai"],
    ];
    for (const [target = "", ...profile] of targets) {
      const directory = at([target, ...profile].join("-"));
      const { parity } = await result("export", [
        at("model"),
        "--target",
        target,
        ...profile,
        "-o",
        directory,
      ]);
      expect((parity as { maxAbs: number }).maxAbs, target).toBeLessThan(PARITY);
      if (target !== "npu") continue;
      const { supported, confirmedBy } = await result("analyze", [directory, "--target", "npu", ...profile]);
      expect(supported, profile.join(" ")).toBe(confirmedBy === null ? null : true);
    }
    const languages = LANGUAGES[family];
    const source = languages === undefined ? "DAB" : "sea";
    const languageFlags = languages === undefined ? [] : ["--target-language", languages.targetLanguage];
    const { bytesBefore, bytesAfter } = await result("quantize", [
      at("cpu"),
      "--scheme",
      "int4-block",
      "--block-size",
      "16",
      "-o",
      at("int4"),
    ]);
    expect(Number(bytesAfter)).toBeLessThan(Number(bytesBefore));
    const flags = ["--prompt", source, "--max-tokens", "6", "--temperature", "0"];
    const { text } = await result("generate", [at("int4"), ...flags, ...languageFlags]);
    const server = await startServer({
      config: serveConfig.parse({ port: 0 }),
      bundle: at("int4"),
      openEngine: () => createCpuRuntime({ threads: 1 }),
    });
    const response = await fetch(`${server.url}/generate`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ source, maxTokens: 6, ...languages }),
    });
    const { results } = (await response.json()) as { results: { text: string }[] };
    await server.stop();
    expect(results[0]!.text).toBe(text);
  }, 180_000);

  /** The imported model's shape, as in a recipe. */
  const shapeOf = async (): Promise<Record<string, unknown>> => {
    const config = JSON.parse(await readFile(join(at("model"), "config.json"), "utf8")) as object;
    return Object.fromEntries(
      Object.entries(config).filter(([key]) => key !== "vocabularySize" && key !== "tokens"),
    );
  };

  const train = async (name: string, distill: object, sections: object = {}): Promise<string> => {
    const recipe = at(`${name}.yaml`);
    const copies = await copying(at(name), at("model"), distill);
    await writeFile(recipe, JSON.stringify({ ...copies, ...sections }));
    await result("run", [recipe, "--out", at(name)]);
    return at(name);
  };

  test("is fine-tuned on labels, from its own weights", async () => {
    const run = await train("fine-tuned", {
      student: { shape: "imported", config: await shapeOf() },
      initialize: { student: at("model") },
      steps: 100,
      warmupSteps: 5,
      evaluateEvery: 100,
    });
    const losses = (await readLog(run)).flatMap(({ crossEntropy }) => crossEntropy ?? []);
    expect(losses.at(-1)).toBeLessThan(0.8 * losses[0]!);
  }, 180_000);

  test("learns by adapters alone, and teaches a smaller student of slm's own shape", async () => {
    const run = await train("adapted", {
      student: { shape: "imported", config: await shapeOf() },
      initialize: { student: at("model") },
      steps: 100,
      warmupSteps: 5,
      learningRate: 0.005,
      evaluateEvery: 100,
    });
    const losses = (await readLog(run)).flatMap(({ crossEntropy }) => crossEntropy ?? []);
    expect(losses.at(-1)).toBeLessThan(losses[0]!);
    const taught = await train(
      "taught",
      {
        student: {
          width: 32,
          heads: 2,
          kvHeads: 2,
          headDim: 16,
          feedForward: 48,
          encoderLayers: 1,
          decoderLayers: 1,
          maxSource: 20,
          maxTarget: 16,
        },
        loss: { forwardKl: 1, crossEntropy: 0 },
        steps: 150,
        warmupSteps: 5,
        evaluateEvery: 150,
      },
      { teacher: { kind: "checkpoint", path: join(run, "distill") } },
    );
    const divergences = (await readLog(taught)).flatMap(({ forwardKl }) => forwardKl ?? []);
    expect(divergences.at(-1)).toBeLessThan(0.8 * divergences[0]!);
  }, 180_000);

  test("is trained to copy words, and still copies them in eight and four bits, and as an NPU counts", async () => {
    const { encoderHeads, encoderWidth, decoderFeedForward, ...shape } = await shapeOf();
    const encoderLayers = Math.max(2, Number(shape["encoderLayers"]));
    const sizes = { width: 48, headDim: 16, feedForward: 96, encoderLayers, decoderLayers: 2 };
    const widths = encoderWidth === undefined ? {} : { encoderWidth: 64 };
    const wider = encoderHeads === undefined ? {} : { encoderHeads: { heads: 4, kvHeads: 4, headDim: 8 } };
    const decoders = decoderFeedForward === undefined ? {} : { decoderFeedForward: 64 };
    const run = await train("trained", {
      student: { shape: "imported", config: { ...shape, ...sizes, ...widths, ...wider, ...decoders } },
      steps: 1500,
      warmupSteps: 50,
      evaluateEvery: 250,
    });
    const found = (await readLog(run)).flatMap((line) => line["dev.exactMatch"] ?? []);
    expect(Math.max(...found)).toBeGreaterThan(0.75);
    await result("export", [join(run, "distill"), "-o", at("float32")]);
    const gated = ["--data", at("trained-test.jsonl"), "--gate", "cer:0.05"];
    const passes = async (directory: string, scheme: string, ...more: readonly string[]): Promise<void> => {
      const flags = ["--scheme", scheme, ...more, "-o", at(`trained-${scheme}`)];
      const { gate } = await result("quantize", [directory, ...flags, ...gated]);
      expect(gate, scheme).toMatchObject({ metric: "cer", pass: true });
    };
    await passes(at("float32"), "int8-dynamic");
    await passes(at("float32"), "int4-block", "--block-size", "16");
    // As on an NPU, simulated.
    await result("export", [
      join(run, "distill"),
      "--target",
      "npu",
      "--profile",
      "qnn",
      "-o",
      at("trained-npu"),
    ]);
    await passes(at("trained-npu"), "a16w8", "--calibration", at("trained-train.jsonl"));
  }, 300_000);
});
