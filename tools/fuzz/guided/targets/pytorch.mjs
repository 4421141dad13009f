/** pytorch_model.bin: the archive, its pickle, and its tensors. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pytorchTensors } from "../../../../packages/extension-pytorch/src/pytorch-file.ts";

export const words = [
  "ctorch._utils\n_rebuild_tensor_v2\n",
  "ccollections\nOrderedDict\n",
  "data.pkl",
  "PK\u0003\u0004",
  "\u0080\u0002",
];

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
