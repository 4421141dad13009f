/** Portable forms of models: reads the file, and runs what is accepted at its largest counts, in WebAssembly. */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import {
  importEncoderDecoder,
  readHuggingFaceDirectory,
} from "../../../../packages/checkpoints/src/index.ts";
import { compileModel } from "../../../../packages/c-export/src/compile-model.ts";
import { readPortable, writePortable } from "../../../../packages/c-export/src/module/portable-file.ts";
import { PortableModel } from "../../../../packages/c-export/src/module/portable-model.ts";
import { portableProgram } from "../../../../packages/c-export/src/module/portable-program.ts";

const ROOT = new URL("../../../../packages/", import.meta.url);
const fixture = new URL("checkpoints/fixtures/encoder-decoders/marian", ROOT).pathname;

export async function seeds() {
  const limits = { maxSource: 6, maxTarget: 6 };
  const checkpoint = await importEncoderDecoder(await readHuggingFaceDirectory(fixture), limits);
  const forms = /** @type {const} */ (["float32", "int8"]);
  return Promise.all(forms.map((form) => writePortable(portableProgram(compileModel(checkpoint, form)))));
}

/** Bytes of the digest; see portable-file.ts. */
const DIGEST = { start: 16, end: 48 };

export function open() {
  const module = readFile(new URL("c-export/kernels/kernels.wasm", ROOT)).then((bytes) =>
    WebAssembly.compile(new Uint8Array(bytes)),
  );
  return async (/** @type {Uint8Array} */ bytes) => {
    const sealed = new Uint8Array(bytes);
    // Without its digest, a changed file would be refused before anything else is read.
    if (sealed.length >= DIGEST.end)
      sealed.set(createHash("sha256").update(sealed.subarray(DIGEST.end)).digest(), DIGEST.start);
    const program = await readPortable(sealed);
    const model = await PortableModel.open(await module, program);
    const { source, fresh, wanted } = model.capacities;
    if (program.encode !== undefined)
      model.encode(Array.from({ length: source }, () => program.sourceVocabulary - 1));
    model.step(
      Array.from({ length: fresh }, () => program.vocabulary - 1),
      wanted,
    );
  };
}
