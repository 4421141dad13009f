/** Loads a GGUF file in llama.cpp with node-llama-cpp's prebuilt binary. */
import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { CACHE } from "./packages.mjs";

const HOME = join(CACHE, "node");

/**
 * The part of node-llama-cpp that is used. It is installed in the user's cache.
 *
 * @typedef {object} Sequence
 * @property {() => Promise<void>} clearHistory
 * @property {(tokens: number[], options: object) => AsyncIterable<number>} evaluate
 * @property {(input: (readonly [token: number, options: object])[]) => Promise<{ next: { probabilities: Map<number, number> } }[]>} controlledEvaluate
 *
 * @typedef {object} LlamaModel
 * @property {{ bos: number | null, shouldPrependBosToken: boolean }} tokens
 * @property {(text: string, special: boolean) => number[]} tokenize
 * @property {(options: object) => Promise<{ getSequence: () => Sequence }>} createContext
 * @property {() => Promise<void>} dispose
 *
 * @typedef {object} Llama
 * @property {(options: { modelPath: string, vocabOnly?: boolean }) => Promise<LlamaModel>} loadModel
 * @property {() => Promise<void>} dispose
 */

/** The module. It is installed in the user's cache on first use. @returns {Promise<{ getLlama: (options: object) => Promise<Llama> }>} */
async function nodeLlamaCpp() {
  if (!existsSync(join(HOME, "node_modules", "node-llama-cpp"))) {
    mkdirSync(HOME, { recursive: true });
    copyFileSync(join(import.meta.dirname, "package.json"), join(HOME, "package.json"));
    execFileSync("npm", ["install", "--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock"], {
      cwd: HOME,
      stdio: ["ignore", "ignore", "inherit"],
    });
  }
  return import(pathToFileURL(createRequire(join(HOME, "package.json")).resolve("node-llama-cpp")).href);
}

/** llama.cpp with this many threads. @param gpu in node-llama-cpp's form: false (CPU), "cuda", "vulkan", "metal" */
export async function openLlama(threads = 1, gpu = false) {
  const { getLlama } = await nodeLlamaCpp();
  return getLlama({ gpu, build: "never", logLevel: "disabled", maxThreads: threads });
}
