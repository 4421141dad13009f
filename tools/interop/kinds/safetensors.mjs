/** safetensors: reads every tensor and compares its bytes with those from the `safetensors` package. */
import { createHash } from "node:crypto";
import { openSafetensors } from "@slm/checkpoints";
import { reference } from "../programs.mjs";

/** @type {import("./kind.mjs").Kind} */
export async function safetensors(file, _entry, { cache }) {
  const opened = await openSafetensors(file);
  const ours = new Map();
  try {
    for (const [name, { dtype, shape }] of opened.entries) {
      const { data } = await opened.read(name);
      const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
      ours.set(name, { dtype, shape, sha256: createHash("sha256").update(bytes).digest("hex") });
    }
  } finally {
    await opened.close();
  }
  const theirs = await reference(cache, "safetensors", { file });
  const differ = Object.entries(theirs.tensors)
    .filter(([name, tensor]) => JSON.stringify(ours.get(name)) !== JSON.stringify(tensor))
    .map(([name]) => name);
  const dtypes = [...new Set([...ours.values()].map(({ dtype }) => dtype))].join(", ");
  const isSame = differ.length === 0 && ours.size === Object.keys(theirs.tensors).length;
  return {
    read: `${ours.size} tensors, ${dtypes}`,
    compared: isSame,
    reference: `safetensors ${theirs.version}`,
    figures: isSame ? "all bytes equal" : `${differ.length} of ${ours.size} differ`,
    differ,
  };
}
