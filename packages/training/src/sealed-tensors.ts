/** Files of a run in progress: safetensors with a checksum of the whole file, because no manifest stands for them yet. */
import { stat } from "node:fs/promises";
import { encodeSafetensors, readSafetensors, type Safetensors } from "@slm/checkpoints";
import { isSealedFile, seal, SlmError, UNSEALED } from "@slm/core";
import type { HostTensor } from "@slm/runtime";

/** What stands before the checksum in the header. */
const CHECKSUM_MARK = '"checksum":"';

/** The bytes of a safetensors file with its checksum among the metadata. */
export function sealedTensors(
  tensors: ReadonlyMap<string, HostTensor>,
  metadata: Readonly<Record<string, string>> = {},
): Buffer {
  // First among the metadata, and never the checksum of the file that the metadata come from.
  const sealed = Object.assign({ checksum: UNSEALED }, metadata, { checksum: UNSEALED });
  return seal(Buffer.from(encodeSafetensors(tensors, sealed)), CHECKSUM_MARK);
}

/**
 * Reads a file of {@link sealedTensors}.
 *
 * @throws SlmError INPUT_MISSING without the file; DATA_INVALID if a byte of it changed since it was written, or it has no checksum
 */
export async function readSealedTensors(file: string): Promise<Safetensors> {
  if (await isThere(file)) {
    if (!(await isSealedFile(file, CHECKSUM_MARK)))
      throw new SlmError("DATA_INVALID", `${file}: is corrupt: its checksum is another`, {
        context: { file },
        suggestions: ["slm distill RECIPE --no-resume   # trains from the start"],
      });
  }
  return readSafetensors(file);
}

const isThere = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );
