/** Packages from PyPI for comparisons with llama.cpp: downloaded once by pip to the user's cache, and checked against their hashes. */
import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { checkSha256, run, USER_CACHE } from "../../../lib/user-cache.mjs";

export const CACHE = join(USER_CACHE, "llama-cpp");

/** llama.cpp's source with its tokenizer tests and its converter (MIT). */
const SOURCE = {
  requirement: "llama-cpp-python==0.3.36",
  file: "llama_cpp_python-0.3.36.tar.gz",
  sha256: "832db0699007f1be95a7e41ef12e88926b02ba836461e36a36372db2760c1a2e",
  tree: "llama_cpp_python-0.3.36/vendor/llama.cpp",
  parts: ["models", "src", "conversion", "gguf-py", "convert_hf_to_gguf.py"],
};

/**
 * llama.cpp's source tree. Used here: `src`, `models` with `ggml-vocab-*.gguf`, `.inp` and `.out`, and the converter with the `gguf`
 * package.
 */
export function llamaCppSource() {
  const directory = join(CACHE, SOURCE.tree);
  if (SOURCE.parts.every((part) => existsSync(join(directory, part)))) return directory;
  mkdirSync(CACHE, { recursive: true });
  if (!existsSync(join(CACHE, SOURCE.file)))
    run("pip", ["download", "--quiet", "--no-deps", "--no-binary", "llama-cpp-python", SOURCE.requirement], {
      cwd: CACHE,
    });
  checkSha256(join(CACHE, SOURCE.file), SOURCE.sha256);
  const work = join(CACHE, `unpacked-${process.pid}`);
  mkdirSync(work);
  const parts = SOURCE.parts.map((part) => `${SOURCE.tree}/${part}`);
  run("tar", ["-xzf", join(CACHE, SOURCE.file), "-C", work, ...parts]);
  mkdirSync(join(directory, ".."), { recursive: true });
  // Remove the files of another version of this program.
  rmSync(directory, { recursive: true, force: true });
  renameSync(join(work, SOURCE.tree), directory);
  rmSync(work, { recursive: true });
  return directory;
}

if (process.argv[1] === import.meta.filename) console.log(llamaCppSource());
