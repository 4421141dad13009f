/** safetensors files: header, and every tensor. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { openSafetensors, readSafetensors } from "../../../../packages/checkpoints/src/safetensors.ts";

export async function seeds() {
  const header = (/** @type {object} */ value) => {
    const text = Buffer.from(JSON.stringify(value));
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(text.length));
    return Buffer.concat([length, text, Buffer.alloc(24)]);
  };
  return [
    await readFile("packages/extension-pytorch/fixtures/tensors.safetensors"),
    header({
      a: { dtype: "F32", shape: [2, 2], data_offsets: [0, 16] },
      b: { dtype: "I64", shape: [], data_offsets: [16, 24] },
    }),
    header({ __metadata__: { format: "pt" }, a: { dtype: "F16", shape: [12], data_offsets: [0, 24] } }),
  ];
}

export function open(/** @type {string} */ folder) {
  const file = join(folder, "model.safetensors");
  return async (/** @type {Uint8Array} */ bytes) => {
    await writeFile(file, bytes);
    await readSafetensors(file);
    const { close } = await openSafetensors(file);
    await close();
  };
}
