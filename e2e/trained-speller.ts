/** A student with draft heads that is trained for a few seconds: it spells words in capitals. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { SILENT } from "@slm/core";
import { createRandom } from "@slm/decoding";
import { distill, distillConfig } from "@slm/distillation";
import type { Generation } from "@slm/inference";
import type { Runtime } from "@slm/runtime";
import { createOnnxEngine } from "@slm/tensor";
import { trainSymbolTokenizer, writeTokenizer } from "@slm/tokenizer";

export const LETTERS = "abcdefghijklmnop";
const WORDS = LETTERS.toUpperCase().split("").join(" ");

/** Draft heads of the student. */
export const HEADS = 3;

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

/** A checkpoint of a student that spells words in capitals, trained for a few seconds. @param workspace an empty directory */
export async function trainedSpeller(workspace: string, runtime: Runtime): Promise<string> {
  const at = (...names: string[]): string => join(workspace, ...names);
  await writeSpellerTokenizer(at("tokenizer"));
  await mkdir(at("data"));
  const rows = (count: number, seed: number): string =>
    sourcesOf(count, LONGEST, seed, SPELLED)
      .map((source) => `${JSON.stringify({ source, target: source.toUpperCase().split("").join(" ") })}\n`)
      .join("");
  await writeFile(at("data/train.jsonl"), rows(3000, 5));
  await writeFile(at("data/dev.jsonl"), rows(40, 6));
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
      draftHeads: HEADS,
      draftTraining: { steps: 400, learningRate: 5e-3 },
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
