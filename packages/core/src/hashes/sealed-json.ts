/** JSON files with a checksum of their own text, for what no manifest lists: manifests, and the state of unfinished work. */
import { writeTextAtomic } from "../files/atomic-write.js";
import { isSealed, seal, UNSEALED } from "./sealed.js";
import { SlmError } from "../errors/slm-error.js";

/** What stands before the checksum: no other line begins with these two spaces and that name. */
const CHECKSUM_MARK = '\n  "checksum": "';

/** Writes an object with its checksum. @throws SlmError OUTPUT_FAILED */
export async function writeSealedJson(path: string, value: object): Promise<void> {
  const text = `${JSON.stringify({ ...value, checksum: UNSEALED }, null, 2)}\n`;
  await writeTextAtomic(path, seal(Buffer.from(text), CHECKSUM_MARK).toString("utf8"));
}

/** @throws SlmError DATA_INVALID if a text of {@link writeSealedJson} changed since. @param path its name in the error */
export function requireSealed(text: string, path: string): void {
  if (isSealed(Buffer.from(text), CHECKSUM_MARK)) return;
  throw new SlmError("DATA_INVALID", `${path}: was changed after it was written: its checksum is another`, {
    context: { path },
    suggestions: ["copy or make it again"],
  });
}
