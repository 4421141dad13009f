/** Files of a run in progress: safetensors with a checksum of the whole file, because there is no manifest yet. */
import {
  openSafetensors,
  readSafetensors,
  writeDeferredSafetensors,
  type DeferredTensor,
  type OpenSafetensors,
  type Safetensors,
} from "@slm/checkpoints";
import { isThere, isSealedFile, replaceAtomic, sealFile, SlmError, UNSEALED } from "@slm/core";

/** Text before the checksum in the header. */
const CHECKSUM_MARK = '"checksum":"';

/** First key of the metadata, and never the checksum of the file that the metadata come from. */
const unsealed = (metadata: Readonly<Record<string, string>>): Record<string, string> =>
  Object.assign({ checksum: UNSEALED }, metadata, { checksum: UNSEALED });

/**
 * Writes a safetensors file with its checksum in the metadata, atomically and with one tensor in memory at a time. A write that is killed does
 * not change the file.
 *
 * @throws SlmError OUTPUT_FAILED; errors of reading a tensor
 */
export async function writeSealedTensors(
  file: string,
  tensors: ReadonlyMap<string, DeferredTensor>,
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  await replaceAtomic(file, async (temporary) => {
    await writeDeferredSafetensors(temporary, tensors, unsealed(metadata));
    await sealFile(temporary, CHECKSUM_MARK);
  });
}

/**
 * Reads a file of {@link writeSealedTensors}.
 *
 * @throws SlmError INPUT_MISSING if the file does not exist; DATA_INVALID if a byte changed since it was written, or it has no checksum
 */
export async function readSealedTensors(file: string): Promise<Safetensors> {
  await checkSeal(file);
  return readSafetensors(file);
}

/** Like {@link readSealedTensors}, but reads tensors one by one. The caller closes the file. */
export async function openSealedTensors(file: string): Promise<OpenSafetensors> {
  await checkSeal(file);
  return openSafetensors(file);
}

async function checkSeal(file: string): Promise<void> {
  if (!(await isThere(file)) || (await isSealedFile(file, CHECKSUM_MARK))) return;
  throw new SlmError("DATA_INVALID", `${file}: is corrupt: its checksum does not match`, {
    context: { file },
    suggestions: ["slm distill RECIPE --no-resume   # trains from the start"],
  });
}
