/** JSON files with a checksum of their own text, for files that are not in a manifest: manifests, and the state of unfinished work. */
import { writeTextAtomic } from "../files/atomic-write.js";
import { isSealed, seal, UNSEALED } from "./sealed.js";
import { SlmError } from "../errors/slm-error.js";

/** The text before the checksum. No other line starts with these two spaces and this name. */
const CHECKSUM_MARK = '\n  "checksum": "';

/** Writes an object with its checksum. @throws SlmError OUTPUT_FAILED */
export async function writeSealedJson(path: string, value: object): Promise<void> {
  const text = `${JSON.stringify({ ...value, checksum: UNSEALED }, null, 2)}\n`;
  await writeTextAtomic(path, seal(Buffer.from(text), CHECKSUM_MARK).toString("utf8"));
}

/** @throws SlmError DATA_INVALID if a text written by {@link writeSealedJson} was changed. @param path its name in the error */
export function requireSealed(text: string, path: string): void {
  if (isSealed(Buffer.from(text), CHECKSUM_MARK)) return;
  throw new SlmError(
    "DATA_INVALID",
    `${path}: the file was changed after it was written: its checksum does not match`,
    {
      context: { path },
      suggestions: ["copy or create it again"],
    },
  );
}
