/** Text functions of exported models against the tokenizers that they are made from. */
import { execFileSync } from "node:child_process";
import { copyFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compileModel, PortableModel, readModule, writeCFiles, type CompiledModel } from "@slm/c-export";
import { createRandom } from "@slm/generation";
import { initializeWeights, type ModelConfig } from "@slm/model";
import { createTokenizer, type Tokenizer, type TokenizerFiles } from "@slm/tokenizer";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { BUILDS, STRICT } from "./builds.test-support.js";
import { expectedText, expectedTokens, MAX_SOURCE, MAX_TARGET, TEXT_CASES, tinyModel } from "./text-cases.js";
import { hardBytes, hardTexts, hardTokens } from "./text-inputs.js";

const SEED = Number(process.env["SLM_SEED"] ?? Date.now() % 2 ** 31);
/** Texts for each tokenizer. */
const TEXTS = 4000;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "slm-text-"));
  process.stdout.write(`texts from SLM_SEED=${SEED}\n`);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
/** The text of bytes; undefined if they are not UTF-8. */
function textOf(bytes: Uint8Array): string | undefined {
  try {
    return utf8.decode(bytes);
  } catch {
    return undefined;
  }
}

/** The greedy answer as `NAME_answer` defines it. */
function greedy(
  model: PortableModel,
  source: readonly number[],
  isEncoderDecoder: boolean,
): readonly number[] {
  const answer: number[] = [];
  if (isEncoderDecoder) model.encode(source);
  else model.rewind(0);
  let logits = model.step(isEncoderDecoder ? [1] : [...source, 1]);
  while (answer.length < MAX_TARGET - 1) {
    const token = logits.indexOf(Math.max(...logits));
    if (token === 2) break;
    answer.push(token);
    logits = model.step([token]);
  }
  return answer;
}

interface Built {
  readonly directory: string;
  readonly tokenizer: Tokenizer;
  readonly config: ModelConfig;
  readonly compiled: CompiledModel;
}

async function build(
  files: TokenizerFiles,
  architecture: ModelConfig["architecture"] = "encoder-decoder",
): Promise<Built> {
  const tokenizer = createTokenizer(files);
  const config = tinyModel(tokenizer.vocabularySize, architecture);
  const compiled = compileModel(
    { config, weights: initializeWeights(config, createRandom(1).next) },
    "float32",
  );
  const directory = await mkdtemp(join(folder, "model-"));
  const { text } = await writeCFiles(directory, "model", config, compiled, files);
  expect(text.kind).not.toBe("none");
  await copyFile(join(import.meta.dirname, "text.c"), join(directory, "text.c"));
  return { directory, tokenizer, config, compiled };
}

/** Compiles the program, runs it, and returns its lines. */
function run(directory: string, name: keyof typeof BUILDS, requests: readonly string[]): readonly string[] {
  const { compiler, flags, emulator = [] } = BUILDS[name]!;
  const options = { cwd: directory, encoding: "utf8", maxBuffer: 2 ** 28 } as const;
  execFileSync(compiler, [...STRICT, ...flags, "text.c", "model.c", "-o", "text", "-lm"], options);
  const [program, ...rest] = [...emulator, "./text", "model.bin"];
  return execFileSync(program!, rest, { ...options, input: `${requests.join("\n")}\n` })
    .split("\n")
    .map((line) => line.trim());
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

describe.each(Object.entries(TEXT_CASES))("%s", (name, { files, own }) => {
  test("has the same tokens and texts from every compiler", async () => {
    const built = await build(await files());
    const { tokenizer, directory } = built;
    const texts = hardTexts(own, SEED, TEXTS).map((text) => new TextEncoder().encode(text));
    const inputs = [...texts, ...hardBytes(own, SEED, TEXTS / 4), Buffer.from("a".repeat(20_000))];
    const tokens = hardTokens(tokenizer.vocabularySize, SEED, TEXTS / 2);
    const expected = [
      ...inputs.map((bytes) => {
        const text = textOf(bytes);
        return text === undefined ? "-10" : expectedTokens(tokenizer, text);
      }),
      ...tokens.map((ids) => expectedText(tokenizer, ids)),
    ];
    const requests = [
      ...inputs.map((bytes) => `E ${hex(bytes)}`),
      ...tokens.map((ids) => `D ${ids.join(" ")}`),
    ];
    const counted = { tokens: expected.filter((line) => !line.startsWith("-")).length, all: expected.length };
    process.stdout.write(`${name}: ${counted.tokens} of ${counted.all} have tokens or a text\n`);
    expect(counted.tokens).toBeGreaterThan(counted.all / 4);
    for (const compiler of Object.keys(BUILDS)) {
      const lines = run(directory, compiler, requests);
      const wrong = expected.flatMap((line, at) =>
        lines[at] === line ? [] : [{ request: requests[at], expected: line, got: lines[at] }],
      );
      expect(wrong.slice(0, 5), compiler).toEqual([]);
    }
  });
});

describe.each(["encoder-decoder", "decoder-only"] as const)("an %s model", (architecture) => {
  test.each(["the quick start's symbols", "BPE, spaces joined"])("answers texts with %s", async (name) => {
    const { files, own } = TEXT_CASES[name]!;
    const { directory, tokenizer, compiled } = await build(await files(), architecture);
    const model = await PortableModel.open(await readModule(), compiled);
    const texts = [...own, own.join(""), ...hardTexts(own, SEED, 300)].filter((text) => !text.includes("\0"));
    const expected = texts.map((text) => {
      const ids = expectedTokens(tokenizer, text);
      if (ids.startsWith("-")) return ids;
      const source = ids.split(" ").map(Number);
      if (architecture === "decoder-only" && source.length === MAX_SOURCE) return "-4";
      return expectedText(tokenizer, greedy(model, source, architecture === "encoder-decoder"));
    });
    const requests = texts.map((text) => `A ${hex(new TextEncoder().encode(text))}`);
    for (const compiler of Object.keys(BUILDS).filter((one) => /sanitizers|any x86/u.test(one)))
      expect(run(directory, compiler, requests).slice(0, -1), compiler).toEqual(expected);
  });
});
