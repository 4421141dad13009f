/** Loads a GGUF file in llama.cpp, through node-llama-cpp's own binary: nothing is fetched or compiled. */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const HERE = dirname(fileURLToPath(import.meta.url));

/** The module, installed beside this file when it is first needed. */
async function nodeLlamaCpp() {
  if (!existsSync(join(HERE, "node_modules", "node-llama-cpp"))) {
    execFileSync("npm", ["install", "--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock"], {
      cwd: HERE,
      stdio: ["ignore", "ignore", "inherit"],
    });
  }
  return import("node-llama-cpp");
}

/** llama.cpp on the CPU with so many threads. */
export async function openLlama(threads = 1) {
  const { getLlama } = await nodeLlamaCpp();
  return getLlama({ gpu: false, build: "never", logLevel: "disabled", maxThreads: threads });
}
