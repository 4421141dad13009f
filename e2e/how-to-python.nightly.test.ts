/** The Python programs of docs/how-to/transformers-js.md give the answers of slm's own runtime. */
import { cp } from "node:fs/promises";
import { join } from "node:path";
import type { ExportChoice } from "@slm/onnx-export";
import { execa } from "execa";
import { beforeAll, expect, test } from "vitest";
import { pythonOf } from "../tools/interop/programs.mjs";
import { USER_CACHE } from "../tools/lib/user-cache.mjs";
import { blocksOf } from "./how-to-page.js";
import { clearWeights, config } from "./transformers-library.js";
import { TinyModels } from "./tiny-models.js";

const TEXTS = ["hello", "photograph"];
const WORDS = Array.from({ length: 27 }, (_, index) => `T${index}`).join(" ");

const models = new TinyModels({ letters: "aeghloprt", words: WORDS, lowercase: true });
let python: string;
let expected: readonly string[];

beforeAll(async () => {
  python = pythonOf(join(USER_CACHE, "interop"));
  const model = await models.open(await exported({ target: "cpu" }));
  expected = (await model.generate(TEXTS)).map(({ text }) => text);
  expect(new Set(expected).size).toBe(TEXTS.length);
});

const exported = async (choice: ExportChoice): Promise<string> =>
  (await models.exported(config, choice, clearWeights(config))).directory;

/** What the page's program with this index prints about a model. */
async function printed(index: number, directory: string): Promise<string> {
  const folder = await models.newDirectory();
  await cp(directory, join(folder, "model"), { recursive: true });
  const program = (await blocksOf("transformers-js.md", "python"))[index]!;
  return (await execa(python, ["-c", program], { cwd: folder })).stdout;
}

test("layout transformers.js answers a batch", async () => {
  const directory = await exported({ target: "web", layout: "transformers.js" });
  expect(JSON.parse((await printed(0, directory)).replaceAll("'", '"'))).toEqual(expected);
});

test.each(["float32", "cpu"] as const)("slm's own layout answers a text, scheme %s", async (scheme) => {
  const float = await exported({ target: "cpu" });
  const directory = scheme === "float32" ? float : await models.quantized(float, scheme);
  const [answer] = await (await models.open(directory)).generate(TEXTS.slice(0, 1));
  expect(await printed(1, directory)).toBe(answer!.text);
});
