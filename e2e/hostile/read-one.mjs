/** Reads one hostile input as a command would, in a process of its own, and says how that ended. */
import { writeFileSync, existsSync } from "node:fs";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { FIXTURES } from "./fixtures.mjs";

const [index, folder = ""] = [Number(process.argv[2]), process.argv[3]];
const fixture = FIXTURES[index];
if (fixture === undefined) throw new Error(`no fixture ${index}`);
const { kind, name = "" } = fixture;
const at = (/** @type {string} */ path) => join(folder, path);
const from = (/** @type {string} */ path) => import(new URL(`../../${path}`, import.meta.url).href);

const TEXTS = [`${"a".repeat(20_000)}!`, " ".repeat(20_000), "ab".repeat(10_000), "漢 字".repeat(5000)];

/** By kind: loads what reads it; what it gives then reads. */
/** @type {Readonly<Record<string, () => Promise<() => unknown>>>} */
const READERS = {
  image: async () => {
    const { readImage } = await from("packages/vision/dist/index.js");
    return () => readImage(at("image"));
  },
  tokenizer: async () => {
    const { loadTokenizer } = await from("packages/tokenizer/dist/index.js");
    return async () => {
      const tokenizer = await loadTokenizer(folder);
      for (const text of TEXTS) tokenizer.decode(tokenizer.encodeTarget(text));
    };
  },
  template: async () => {
    const { loadChatTemplate } = await from("packages/tokenizer/dist/index.js");
    return async () => (await loadChatTemplate(folder)).render([{ role: "user", content: "hello" }]);
  },
  schema: async () => {
    const { jsonSchemaGrammar } = await from("packages/generation/dist/index.js");
    const { readSchema } = await from("packages/models/dist/prompts/read-schema.js");
    return async () => jsonSchemaGrammar(await readSchema(at("schema.json")));
  },
  recipe: async () => {
    const { readRecipeFile } = await from("packages/pipeline/dist/recipe/recipe-file.js");
    return () => readRecipeFile(at("recipe.yaml"));
  },
  archive: async () => {
    const { unpackBundle } = await from("packages/deploy/dist/index.js");
    const { tarOf } = await from("packages/deploy/dist/bundle/tar.js");
    const packed = at("bundle.slm");
    if (existsSync(at("manifest.txt"))) {
      writeFileSync(packed, await buffer(tarOf([{ path: "manifest.json", contents: at("manifest.txt") }])));
    }
    return () => unpackBundle(packed, at("unpacked"));
  },
  safetensors: async () => {
    const { readSafetensors } = await from("packages/checkpoints/dist/safetensors.js");
    return () => readSafetensors(at("model.safetensors"));
  },
  gguf: async () => {
    const { readGguf } = await from("packages/extension-gguf/dist/file/gguf-file.js");
    return () => readGguf(at("model.gguf"));
  },
  onnx: async () => {
    const { readOnnx } = await from("packages/onnx/dist/index.js");
    return () => readOnnx(at("model.onnx"));
  },
  rows: async () => {
    const { inspectData } = await from("packages/data/dist/index.js");
    return () => inspectData(at(name));
  },
};

const peakMiB = () => process.resourceUsage().maxRSS / 1024;
const read = await READERS[kind]?.();
if (read === undefined) throw new Error(`no reader of ${kind}`);
const [cpu, wall] = [process.cpuUsage(), performance.now()];
let outcome = "taken";
let message = "";
try {
  await read();
} catch (error) {
  outcome = codeOf(error) ?? `crash: ${error instanceof Error ? error.stack : error}`;
  message = error instanceof Error ? error.message : String(error);
}
const { user, system } = process.cpuUsage(cpu);
process.stdout.write(
  JSON.stringify({ outcome, message, cpuSeconds: (user + system) / 1e6, wallSeconds: (performance.now() - wall) / 1e3, peakMiB: peakMiB() }), // prettier-ignore
  () => process.exit(0),
);

/** The code of an SlmError. @returns {string | undefined} */
function codeOf(/** @type {unknown} */ error) {
  const isOurs = error instanceof Error && error.name === "SlmError" && "code" in error;
  return isOurs ? String(error.code) : undefined;
}
