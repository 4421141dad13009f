/** A student that is trained for a few seconds to spell words in capitals. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { SILENT } from "@slm/core";
import { createRandom, learnDraftRules, type DraftRule } from "@slm/generation";
import { distill, distillConfig } from "@slm/distillation";
import type { Generation } from "@slm/inference";
import type { Runtime } from "@slm/runtime";
import { createOnnxEngine } from "@slm/tensor";
import { loadTokenizer, trainSymbolTokenizer, writeTokenizer } from "@slm/tokenizer";

export const LETTERS = "abcdefghijklmnop";
export const WORDS = LETTERS.toUpperCase().split("").join(" ");

/** Words of random letters, up to a length. */
export function sourcesOf(
  count: number,
  longest: number,
  seed: number,
  letters = LETTERS,
): readonly string[] {
  const { next } = createRandom(seed);
  return Array.from({ length: count }, () =>
    Array.from(
      { length: 1 + Math.floor(next() * longest) },
      () => letters[Math.floor(next() * letters.length)]!,
    ).join(""),
  );
}

/** Letters and length of the words that the trained student spells. */
export const SPELLED = "abcdef";
export const LONGEST = 10;

/** Tokens of answers, EOS included. */
export const tokensOf = (answers: readonly Generation[]): number =>
  answers.reduce((sum, { tokens, finished }) => sum + tokens.length + (finished ? 1 : 0), 0);

/** A token for each letter of a source, and one for each capital. */
export async function writeSpellerTokenizer(directory: string): Promise<void> {
  const files = trainSymbolTokenizer({ sources: [LETTERS], targets: [WORDS], sourceLowercase: false });
  await writeTokenizer(files, directory);
}

/** Rows of the task. */
const spelled = (
  count: number,
  seed: number,
): readonly { readonly source: string; readonly target: string }[] =>
  sourcesOf(count, LONGEST, seed, SPELLED).map((source) => ({
    source,
    target: source.toUpperCase().split("").join(" "),
  }));

/** Draft rules of the task, learnt from the student's training rows. @param directory with the tokenizer */
export async function spellerRules(directory: string): Promise<readonly DraftRule[]> {
  const tokenizer = await loadTokenizer(directory);
  const pairs = spelled(3000, 5).map(({ source, target }) => ({
    source: tokenizer.encodeSource(source),
    target: tokenizer.encodeTarget(target),
  }));
  return learnDraftRules(pairs, tokenizer.tokens.eos);
}

/** A checkpoint of a student that spells words in capitals, trained for a few seconds. @param workspace an empty directory */
export async function trainedSpeller(workspace: string, runtime: Runtime): Promise<string> {
  const at = (...names: string[]): string => join(workspace, ...names);
  await writeSpellerTokenizer(at("tokenizer"));
  await mkdir(at("data"));
  const lines = (rows: readonly { readonly source: string; readonly target: string }[]): string =>
    rows.map((row) => `${JSON.stringify(row)}\n`).join("");
  await writeFile(at("data/train.jsonl"), lines(spelled(3000, 5)));
  await writeFile(at("data/dev.jsonl"), lines(spelled(40, 6)));
  await mkdir(at("checkpoint"));
  const engine = createOnnxEngine(runtime);
  await distill(
    distillConfig.parse({
      student: {
        ...{
          width: 32,
          heads: 4,
          kvHeads: 2,
          headDim: 8,
          feedForward: 64,
          encoderLayers: 2,
          decoderLayers: 1,
        },
        maxSource: 20,
        maxTarget: 18,
      },
      steps: 500,
      batchSize: 32,
      learningRate: 5e-3,
      warmupSteps: 30,
      buckets: 1,
      evaluateEvery: 500,
      evaluateRows: 40,
      metrics: ["exactMatch"],
      loss: { forwardKl: 0, crossEntropy: 1 },
    }),
    {
      dataDirectory: at("data"),
      tokenizerDirectory: at("tokenizer"),
      workDirectory: at("checkpoint"),
      engine,
      context: { progress: SILENT, signal: new AbortController().signal, seed: 3 },
    },
  );
  await engine.close();
  return at("checkpoint");
}
