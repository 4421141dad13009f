/** Models and shortlists in Marian's formats. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { readMarian } from "../../../../packages/extension-marian/src/marian-file.ts";
import { readMarianShortlist } from "../../../../packages/extension-marian/src/marian-shortlist.ts";
import {
  marianBytes,
  shortlistBytes,
  tinyModel,
} from "../../../../packages/extension-marian/src/testing/marian-bytes.test-support.ts";

export const longest = 2 ** 16;
/** Tokens of the shortlist among the seeds. */
const VOCABULARY = 4;

export const seeds = () => [
  marianBytes(tinyModel()),
  marianBytes(tinyModel().slice(-3)),
  shortlistBytes([[], [3, 1], [2], []]),
];

/** Bytes are read as both formats: a shortlist starts with a number that is not a valid version of a model. */
export function open(/** @type {string} */ folder) {
  const file = join(folder, "model.bin");
  return async (/** @type {Uint8Array} */ bytes) => {
    await writeFile(file, bytes);
    const isModel = bytes[0] === 1;
    if (!isModel) return void (await readMarianShortlist(file, VOCABULARY));
    const { tensors } = await readMarian(file);
    for (const tensor of tensors.slice(0, 2)) await tensor.read();
  };
}
