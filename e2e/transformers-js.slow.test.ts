/** Layout transformers.js must return the same greedy tokens in that library as in slm's own runtime. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { createRandom } from "@slm/generation";
import { openModel } from "@slm/inference";
import { initializeWeights, type EncoderDecoderConfig } from "@slm/model";
import { exportWeights, type ExportChoice } from "@slm/onnx-export";
import { quantizeDirectory, quantizeTransformers } from "@slm/quantization";
import type { Runtime } from "@slm/runtime";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openTransformers, type TextLibrary } from "./transformers-library.js";

/** The part of `@huggingface/transformers` that this test uses. Its types are not installed. */
interface Library extends TextLibrary {
  readonly pipeline: (
    task: "text2text-generation",
    name: string,
    options: { readonly dtype: string },
  ) => Promise<(texts: readonly string[]) => Promise<readonly { readonly generated_text: string }[]>>;
}

/** Grouped heads with another count than `num_heads`, and weights that give every source a different answer. */
const config: EncoderDecoderConfig = {
  architecture: "encoder-decoder",
  width: 48,
  heads: 4,
  kvHeads: 2,
  headDim: 16,
  feedForward: 96,
  encoderLayers: 2,
  decoderLayers: 2,
  maxSource: 24,
  maxTarget: 12,
  ropeTheta: 10_000,
  normEpsilon: 1e-6,
  bias: true,
  headOrder: "grouped",
  vocabularySize: 40,
  tokens: { pad: 0, bos: 1, eos: 2, unknown: 3 },
};

const TEXTS = ["a", "Abc", "hello", "deface", "lab", "bead", "of", "cafedeal"];

let workspace: string;
let runtime: Runtime;
let library: Library;
let close: () => Promise<void>;
type Answers = readonly { readonly text: string; readonly tokens: readonly number[] }[];
let expected: Answers;

beforeAll(async () => {
  ({ library, workspace, runtime, close } = await openTransformers<Library>());
  await exported("native", { target: "cpu" });
  await exported("web", { target: "web", layout: "transformers.js" });
  expected = await answers("native");
});

afterAll(async () => {
  await close();
});

/** Answers of an export in slm's own runtime. */
async function answers(name: string): Promise<Answers> {
  const generator = await openModel(join(workspace, name), runtime);
  const made = await generator.generate(TEXTS);
  await generator.close();
  return made;
}

async function exported(
  name: string,
  choice: ExportChoice,
  change: Partial<EncoderDecoderConfig> = {},
): Promise<void> {
  const { next } = createRandom(5);
  const model = { ...config, ...change };
  const weights = new Map(initializeWeights(model, next));
  for (const [weight, { shape, data }] of weights) {
    // Larger than initial weights, so that greedy choices depend on the source and are clear.
    if (shape.length === 2 && weight !== "embedding.weight")
      (data as Float32Array).forEach((value, index) => {
        data[index] = 2.5 * value;
      });
  }
  const outputDirectory = join(workspace, name);
  await mkdir(outputDirectory);
  const source = { config: model, weights, name: "tiny", tokenizerDirectory: join(workspace, "tokenizer") };
  await exportWeights(source, { outputDirectory, runtime, ...choice });
}

/** Tokens between the BOS token and the first EOS token. */
function answerOf(row: readonly bigint[]): readonly number[] {
  const tokens = row.slice(1).map(Number);
  const end = tokens.indexOf(config.tokens.eos);
  return end < 0 ? tokens : tokens.slice(0, end);
}

describe("layout transformers.js in the library", () => {
  /** One text at a time, and in a batch. */
  async function expectOwnTokens(name: string, own: Answers): Promise<void> {
    expect(new Set(own.map(({ tokens }) => tokens.join())).size).toBeGreaterThan(TEXTS.length / 2);
    const tokenizer = await library.AutoTokenizer.from_pretrained(name);
    const model = await library.AutoModelForSeq2SeqLM.from_pretrained(name, { dtype: "fp32" });
    // Both stop at the model's longest target, which includes the BOS token only in the library.
    const length = config.maxTarget - 1;
    const tokens = own.map((answer) => answer.tokens.slice(0, length));
    for (const [index, text] of TEXTS.entries()) {
      const [row] = (await model.generate({ ...tokenizer(text) })).tolist();
      expect(answerOf(row!).slice(0, length), text).toEqual(tokens[index]);
    }
    const rows = (await model.generate({ ...tokenizer(TEXTS, { padding: true }) })).tolist();
    expect(rows.map((row) => answerOf(row).slice(0, length))).toEqual(tokens);
  }

  test("gives the tokens of slm's own runtime, one text at a time and in a batch", () =>
    expectOwnTokens("web", expected));

  test("gives them of a model that pools tokens, whose mask is longer than what was encoded", async () => {
    const pooled = { encoderPooling: { afterLayers: [1], group: 2 } };
    await exported("native-pooled", { target: "cpu" }, pooled);
    await exported("web-pooled", { target: "web", layout: "transformers.js" }, pooled);
    await expectOwnTokens("web-pooled", await answers("native-pooled"));
  });

  test("answers a list of texts as its pipeline, rows that end early too", async () => {
    const answer = await library.pipeline("text2text-generation", "web", { dtype: "fp32" });
    const texts = (await answer(TEXTS)).map((item) => item.generated_text);
    // The pipeline requests up to 256 tokens. An answer that slm ends is complete in both.
    texts.forEach((text, index) => {
      expect(text.startsWith(expected[index]!.text)).toBe(true);
    });
  });

  test.each(["int8-dynamic", "int8-block"] as const)(
    "gives the tokens of slm's own runtime from quantized graphs, asked for by their dtypes: %s",
    async (scheme) => {
      const at = (name: string): string => join(workspace, name);
      await quantizeDirectory({
        modelDirectory: at("native"),
        outputDirectory: at(`native-${scheme}`),
        scheme,
      });
      const generator = await openModel(at(`native-${scheme}`), runtime);
      const length = config.maxTarget - 1;
      const { dtypes, bytesBefore, bytesAfter } = await quantizeTransformers({
        modelDirectory: at("web"),
        outputDirectory: at(scheme),
        scheme,
      });
      expect(bytesAfter).toBeLessThan(bytesBefore);
      const tokenizer = await library.AutoTokenizer.from_pretrained(scheme);
      const model = await library.AutoModelForSeq2SeqLM.from_pretrained(scheme, { dtype: dtypes });
      for (const text of TEXTS) {
        const [{ tokens } = { tokens: [] }] = await generator.generate([text]);
        const [row] = (await model.generate({ ...tokenizer(text) })).tolist();
        expect(answerOf(row!).slice(0, length), text).toEqual(tokens.slice(0, length));
      }
      await generator.close();
    },
  );
});
