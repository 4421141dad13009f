/** pytorch_model.bin: the archive, its pickle, and its tensors. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pytorchTensors } from "../../../../packages/extension-pytorch/src/pytorch-file.ts";

export const seeds = () =>
  Promise.all(
    ["evil", "integers", "legacy", "tensors"].map((name) =>
      readFile(`packages/extension-pytorch/fixtures/${name}.bin`),
    ),
  );

export function open(/** @type {string} */ folder) {
  const file = join(folder, "pytorch_model.bin");
  return async (/** @type {Uint8Array} */ bytes) => {
    await writeFile(file, bytes);
    for (const tensor of await pytorchTensors(file)) await tensor.read();
  };
}
