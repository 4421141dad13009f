/** GGUF: imports models and generates answers; encodes llama.cpp's test texts with its vocabularies and compares the ids. */
import { createHash } from "node:crypto";
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { ggufTokenizer, readGguf, readTensorBytes } from "@slm/extension-gguf";
import { completeTokenizer, createTokenizer } from "@slm/tokenizer";
import { reference } from "../programs.mjs";
import { reasonOf, slm } from "../slm.mjs";

/** @type {import("./kind.mjs").Kind} */
export async function gguf(file, { cases }, tools) {
  return cases === undefined ? model(file, tools) : vocabulary(file, cases);
}

async function model(
  /** @type {string} */ file,
  /** @type {{ cache: string, scratch: string }} */ { cache, scratch },
) {
  const directory = join(scratch, "imported");
  await rm(directory, { recursive: true, force: true });
  const source = await readGguf(file);
  const ours = new Map();
  for (const tensor of source.tensors) {
    const hash = createHash("sha256")
      .update(await readTensorBytes(file, tensor))
      .digest("hex");
    ours.set(tensor.name, hash);
  }
  const theirs = await reference(cache, "gguf", { file });
  const differ = Object.keys(theirs.tensors).filter((name) => theirs.tensors[name] !== ours.get(name));
  const figures = `${ours.size} tensors, ${differ.length === 0 ? "all bytes equal" : `${differ.length} differ`}`;
  const read = `${theirs.architecture}, ${ours.size} tensors`;
  const by = `gguf ${theirs.version}`;
  const imported = await slm(["teacher", "import", file, "-o", directory, "--json"]);
  if (imported.result === undefined) return { read, reference: by, figures, rejected: reasonOf(imported) };
  const asked = await slm([
    "generate",
    directory,
    "--prompt",
    "The capital of France is",
    "--max-tokens",
    "8",
    "--threads",
    "1",
    "--json",
  ]);
  await rm(directory, { recursive: true, force: true });
  return {
    read,
    converted: "teacher import",
    run: asked.result === undefined ? reasonOf(asked) : JSON.stringify(textOf(asked.result)),
    compared: differ.length === 0 && asked.result !== undefined,
    reference: by,
    figures,
  };
}

/** @type {(result: { text?: string, answers?: { text: string }[], results?: { text: string }[] }) => string | undefined} */
const textOf = ({ text, answers, results }) => text ?? answers?.[0]?.text ?? results?.[0]?.text;

const SEPARATOR = "\n__ggml_vocab_test__\n";

async function vocabulary(/** @type {string} */ file, /** @type {boolean} */ hasCases) {
  const source = await readGguf(file);
  const { tokenizer, config } = ggufTokenizer(source);
  const ours = createTokenizer(completeTokenizer(tokenizer, config, {}, file));
  const read = `${ours.vocabularySize} tokens`;
  if (!hasCases) return { read, figures: "no test cases were published", compared: undefined };
  const texts = (await readFile(`${file}.inp`, "utf8")).split(SEPARATOR);
  // The separator follows every text. The rest after the last separator is a text, too, if it is not empty.
  if (texts.at(-1) === "") texts.pop();
  const lines = (await readFile(`${file}.out`, "utf8")).split("\n");
  const differ = texts.filter((text, index) => encode(ours, text).join(" ") !== (lines[index] ?? "").trim());
  return {
    read,
    run: `${texts.length} texts`,
    compared: differ.length === 0,
    reference: "llama.cpp, ids published with the file",
    figures: `${texts.length - differ.length} of ${texts.length} equal`,
    differ,
  };
}

/** slm rejects a text without tokens; llama.cpp returns no ids for it. */
function encode(/** @type {import("@slm/tokenizer").Tokenizer} */ ours, /** @type {string} */ text) {
  try {
    return ours.encodeTarget(text);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return message.includes("is empty") ? [] : [message];
  }
}
