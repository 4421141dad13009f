/** GGUF files: metadata, tensors and tokenizer. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { readGguf } from "../../../../packages/extension-gguf/src/file/gguf-file.ts";
import { readTensor } from "../../../../packages/extension-gguf/src/file/tensor-data.ts";

export const longest = 2 ** 16;
const FIXTURES = "packages/extension-gguf/fixtures";
/** The keys of an encoder-decoder without their values, because the length of inputs is limited. */
const T5_BYTES = 9000;
export const seeds = async () => [
  await readFile(`${FIXTURES}/tiny-llama.gguf`),
  (await readFile(`${FIXTURES}/t5/flan-t5/model.gguf`)).subarray(0, T5_BYTES),
];

export function open(/** @type {string} */ folder) {
  const file = join(folder, "model.gguf");
  return async (/** @type {Uint8Array} */ bytes) => {
    await writeFile(file, bytes);
    const { tensors } = await readGguf(file);
    for (const tensor of [...tensors.values()].slice(0, 2)) await readTensor(file, tensor);
  };
}
