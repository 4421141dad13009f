/** Text functions of exported models against the tokenizers that they are made from. */
import { copyFile, mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder } from "@slm/core/testing";
import {
  compileModel,
  PortableModel,
  readModule,
  writeCFiles,
  type CompiledModel,
  type TextSupport,
} from "@slm/c-export";
import { createRandom } from "@slm/generation";
import { initializeWeights, type ModelConfig } from "@slm/model";
import { createTokenizer, type Tokenizer, type TokenizerFiles } from "@slm/tokenizer";
import { describe, expect, test } from "vitest";
import { buildAndRun, SANITIZED } from "./build-and-run.js";
import { BUILDS, type Build } from "./builds.test-support.js";
import { greedyAnswer } from "./greedy-answer.js";
import { expectedText, expectedTokens, MAX_SOURCE, MAX_TARGET, TEXT_CASES, tinyModel } from "./text-cases.js";
import { hardBytes, hardTexts, hardTokens } from "./text-inputs.js";

const SEED = Number(process.env["SLM_SEED"] ?? Date.now() % 2 ** 31);
/** Texts for each tokenizer. */
const TEXTS = 4000;
/** Rounds of the fuzz test, each with other weights and four texts. */
const ROUNDS = 1500;

const folder = temporaryFolder();

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
/** The text of bytes; undefined if they are not UTF-8. */
function textOf(bytes: Uint8Array): string | undefined {
  try {
    return utf8.decode(bytes);
  } catch {
    return undefined;
  }
}

interface Exported {
  readonly directory: string;
  readonly tokenizer: Tokenizer;
  readonly compiled: CompiledModel;
  readonly kind: TextSupport["kind"];
}

/** An exported model with random weights and a tokenizer. */
async function exported(
  files: TokenizerFiles,
  architecture: ModelConfig["architecture"] = "encoder-decoder",
): Promise<Exported> {
  const tokenizer = createTokenizer(files);
  const config = tinyModel(tokenizer, architecture);
  const compiled = compileModel(
    { config, weights: initializeWeights(config, createRandom(1).next) },
    "float32",
  );
  const directory = await mkdtemp(join(folder, "model-"));
  const { text } = await writeCFiles(directory, "model", config, compiled, files);
  await copyFile(join(import.meta.dirname, "text.c"), join(directory, "text.c"));
  return { directory, tokenizer, compiled, kind: text.kind };
}

/** The lines that text.c prints for requests. */
function answersOf(build: Build, directory: string, requests: readonly string[]): readonly string[] {
  const input = `${requests.join("\n")}\n`;
  const output = buildAndRun(build, { directory, files: ["text.c", "model.c"], args: ["model.bin"], input });
  return output.split("\n").map((line) => line.trim());
}

/** The build, with the check that decoded tokens are the text again. */
const restoring = (build: Build): Build => ({ ...build, flags: [...build.flags, "-DRESTORES"] });

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

test.each(Object.entries(TEXT_CASES))(
  "%s",
  async (name, { files, own, isForAllBuilds = false, isLossy = false }) => {
    const { tokenizer, directory, kind } = await exported(await files());
    const texts = hardTexts(own, SEED, TEXTS).map((text) => new TextEncoder().encode(text));
    const inputs = [...texts, ...hardBytes(own, SEED, TEXTS / 4), Buffer.from("a".repeat(20_000))];
    const tokens = hardTokens(tokenizer.vocabularySize, SEED, TEXTS / 2);
    const expected = [
      ...inputs.map((bytes) => {
        const text = textOf(bytes);
        return text === undefined ? "-20" : expectedTokens(tokenizer, text);
      }),
      ...tokens.map((ids) => expectedText(tokenizer, ids)),
    ];
    const requests = [
      ...inputs.map((bytes) => `E ${hex(bytes)}`),
      ...tokens.map((ids) => `D ${ids.join(" ")}`),
    ];
    const accepted = expected.filter((line) => !line.startsWith("-")).length;
    process.stdout.write(
      `${name}: ${accepted} of ${expected.length} requests have a result, SLM_SEED=${SEED}\n`,
    );
    expect(accepted).toBeGreaterThan(expected.length / 4);
    for (const [build, settings] of Object.entries(BUILDS)) {
      if (!isForAllBuilds && settings !== SANITIZED) continue;
      const lines = answersOf(
        kind === "bpe" && !isLossy ? restoring(settings) : settings,
        directory,
        requests,
      );
      const wrong = expected.flatMap((line, at) =>
        lines[at] === line ? [] : [{ request: requests[at], expected: line, got: lines[at] }],
      );
      expect(wrong.slice(0, 5), `${build}, SLM_SEED=${SEED}`).toEqual([]);
    }
  },
);

describe.each(["encoder-decoder", "decoder-only"] as const)("%s", (architecture) => {
  test.each([
    "the quick start's symbols",
    "BPE, spaces joined",
    "BPE of BART, with tokens around sources",
    "Unigram of T5",
  ])("answers texts with %s", async (name) => {
    const { files, own } = TEXT_CASES[name]!;
    const { directory, tokenizer, compiled } = await exported(await files(), architecture);
    const model = await PortableModel.open(await readModule(), compiled);
    const texts = [...own, own.join(""), ...hardTexts(own, SEED, 300)].filter((text) => !text.includes("\0"));
    const expected = texts.map((text) => {
      const ids = expectedTokens(tokenizer, text);
      if (ids.startsWith("-")) return ids;
      const source = ids.split(" ").map(Number);
      // The BOS token is part of a decoder-only model's source.
      if (architecture === "decoder-only" && source.length === MAX_SOURCE) return "-4";
      return expectedText(
        tokenizer,
        greedyAnswer(model, { source, most: MAX_TARGET, tokens: tokenizer.tokens }),
      );
    });
    const requests = texts.map((text) => `A ${hex(new TextEncoder().encode(text))}`);
    expect(answersOf(SANITIZED, directory, requests).slice(0, -1), `SLM_SEED=${SEED}`).toEqual(expected);
  });
});

test.each(["the quick start's symbols", "BPE, spaces joined", "Unigram of T5"])(
  "refuses weights of another length or digest, and survives altered ones and random texts: %s",
  async (name) => {
    const { directory } = await exported(await TEXT_CASES[name]!.files());
    await copyFile(join(import.meta.dirname, "fuzz.c"), join(directory, "fuzz.c"));
    const settings = SANITIZED;
    const build = { ...settings, flags: [...settings.flags, "-std=c11"] };
    const args = [String(SEED), String(ROUNDS)];
    const output = buildAndRun(build, { directory, files: ["fuzz.c", "model.c"], args });
    expect(output, `SLM_SEED=${SEED}`).toBe(`${ROUNDS} rounds\n`);
  },
);
