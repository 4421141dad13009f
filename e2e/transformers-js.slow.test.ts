/** Layout transformers.js must return the same greedy tokens in that library as in slm's own runtime. */
import { basename } from "node:path";
import type { EncoderDecoderConfig } from "@slm/model";
import type { ExportChoice } from "@slm/onnx-export";
import { quantizeTransformers } from "@slm/quantization";
import { beforeAll, describe, expect, test } from "vitest";
import {
  answerOf,
  clearWeights,
  config,
  LibraryModels,
  LONGEST,
  type TextLibrary,
} from "./transformers-library.js";

/** The part of `@huggingface/transformers` that this test uses. Its types are not installed. */
interface Library extends TextLibrary {
  readonly pipeline: (
    task: "text2text-generation",
    name: string,
    options: { readonly dtype: string },
  ) => Promise<(texts: readonly string[]) => Promise<readonly { readonly generated_text: string }[]>>;
}

const TEXTS = ["a", "Abc", "hello", "deface", "lab", "bead", "of", "cafedeal"];
const WEB = { target: "web", layout: "transformers.js" } as const;

const models = new LibraryModels<Library>();
type Answers = readonly { readonly text: string; readonly tokens: readonly number[] }[];
let native: string;
let web: string;
let expected: Answers;

beforeAll(async () => {
  native = await exported({ target: "cpu" });
  web = await exported(WEB);
  expected = await answers(native);
});

/** Answers of an export in slm's own runtime. */
const answers = async (directory: string): Promise<Answers> => (await models.open(directory)).generate(TEXTS);

async function exported(choice: ExportChoice, change: Partial<EncoderDecoderConfig> = {}): Promise<string> {
  const model = { ...config, ...change };
  return (await models.exported(model, choice, clearWeights(model))).directory;
}

describe("layout transformers.js in the library", () => {
  /** One text at a time, and in a batch. */
  async function expectOwnTokens(directory: string, own: Answers): Promise<void> {
    expect(new Set(own.map(({ tokens }) => tokens.join())).size).toBeGreaterThan(TEXTS.length / 2);
    const { AutoTokenizer, AutoModelForSeq2SeqLM } = models.library;
    const tokenizer = await AutoTokenizer.from_pretrained(basename(directory));
    const model = await AutoModelForSeq2SeqLM.from_pretrained(basename(directory), { dtype: "fp32" });
    const tokens = own.map((answer) => answer.tokens.slice(0, LONGEST));
    for (const [index, text] of TEXTS.entries()) {
      const [row] = (await model.generate({ ...tokenizer(text) })).tolist();
      expect(answerOf(row!), text).toEqual(tokens[index]);
    }
    const rows = (await model.generate({ ...tokenizer(TEXTS, { padding: true }) })).tolist();
    expect(rows.map(answerOf)).toEqual(tokens);
  }

  test("gives the tokens of slm's own runtime, one text at a time and in a batch", () =>
    expectOwnTokens(web, expected));

  test("gives them of a model that pools tokens, whose mask is longer than what was encoded", async () => {
    const pooled = { encoderPooling: { afterLayers: [1], group: 2 } };
    await expectOwnTokens(
      await exported(WEB, pooled),
      await answers(await exported({ target: "cpu" }, pooled)),
    );
  });

  test("answers a list of texts as its pipeline, rows that end early too", async () => {
    const answer = await models.library.pipeline("text2text-generation", basename(web), { dtype: "fp32" });
    const texts = (await answer(TEXTS)).map((item) => item.generated_text);
    // The pipeline requests up to 256 tokens. An answer that slm ends is complete in both.
    texts.forEach((text, index) => {
      expect(text.startsWith(expected[index]!.text)).toBe(true);
    });
  });

  test.each(["int8-dynamic", "int8-block"] as const)(
    "gives the tokens of slm's own runtime from quantized graphs, asked for by their dtypes: %s",
    async (scheme) => {
      const own = await models.open(await models.quantized(native, scheme));
      const outputDirectory = await models.newDirectory();
      const { dtypes, bytesBefore, bytesAfter } = await quantizeTransformers({
        modelDirectory: web,
        outputDirectory,
        scheme,
      });
      expect(bytesAfter).toBeLessThan(bytesBefore);
      const { AutoTokenizer, AutoModelForSeq2SeqLM } = models.library;
      const tokenizer = await AutoTokenizer.from_pretrained(basename(outputDirectory));
      const model = await AutoModelForSeq2SeqLM.from_pretrained(basename(outputDirectory), { dtype: dtypes });
      for (const text of TEXTS) {
        const [{ tokens } = { tokens: [] }] = await own.generate([text]);
        const [row] = (await model.generate({ ...tokenizer(text) })).tolist();
        expect(answerOf(row!), text).toEqual(tokens.slice(0, LONGEST));
      }
    },
  );
});
