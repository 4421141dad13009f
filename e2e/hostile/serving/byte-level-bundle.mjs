/** A model with random weights and a byte-level BPE vocabulary, to serve: what it answers means nothing, but it is always the same. */
import { execFile } from "node:child_process";
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { trainTokenizer, writeTokenizer } from "@slm/tokenizer";
import { bin, root } from "./server.mjs";

const VOCABULARY = 2048;
const SHAPE = {
  architecture: "encoder-decoder",
  width: 64,
  heads: 4,
  kvHeads: 2,
  headDim: 16,
  feedForward: 192,
  encoderLayers: 2,
  decoderLayers: 2,
  maxSource: 256,
  maxTarget: 48,
  vocabularySize: VOCABULARY,
  tokens: { pad: 0, bos: 1, eos: 2, unknown: 3 },
};

/** Texts of this repository, and runs of spaces: tokens of many spaces are what a prompt of spaces makes slow. */
async function* rows() {
  for (const name of (await readdir(join(root, "docs", "how-to"))).sort()) {
    const text = await readFile(join(root, "docs", "how-to", name), "utf8");
    // Without brackets, because a training text may not contain a special token such as [pad].
    for (const line of text.replaceAll("[", "(").split("\n"))
      if (line !== "") yield { source: line.slice(0, 400), target: " ".repeat(64) };
  }
}

const slm = (/** @type {string[]} */ ...argv) =>
  promisify(execFile)(process.execPath, [bin, ...argv, "--quiet"]);

/** @returns the directory of the model, inside of `directory` */
export async function makeByteLevelBundle(/** @type {string} */ directory) {
  const at = (/** @type {string} */ name) => join(directory, name);
  await writeFile(at("shape.json"), JSON.stringify(SHAPE));
  await slm("model", "init", at("shape.json"), "-o", at("checkpoint"));
  const settings = /** @type {const} */ ({
    kind: "bpe",
    vocabularySize: VOCABULARY,
    minCount: 2,
    spaces: "joined",
    sourceLowercase: false,
  });
  await writeTokenizer(await trainTokenizer(rows(), settings), at("checkpoint"));
  // It lists the files as they were.
  await rm(at(join("checkpoint", "manifest.json")), { force: true });
  await slm("export", at("checkpoint"), "-o", at("model"));
  return at("model");
}
