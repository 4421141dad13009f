/** Tells the directory of a server, a program or a labeller of an extension from that of a model. */
import { existsSync } from "node:fs";
import { join } from "node:path";

/** Settings of a server that labels, in the directory of a teacher. */
export const API_FILE = "api.json";

/** Settings of a program that labels. */
export const COMMAND_FILE = "command.json";

/** Settings of a labeller that an extension adds. */
export const EXTENSION_FILE = "labeller.json";

/** Whether the teacher of a directory only labels sources: it has no weights here, and no vocabulary. */
export function isLabellerDirectory(directory: string): boolean {
  return [API_FILE, COMMAND_FILE, EXTENSION_FILE].some((file) => existsSync(join(directory, file)));
}
