/** Tells the directory of a server or a program from that of a model. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { API_FILE } from "./api/api-file.js";
import { COMMAND_FILE } from "./command/command-file.js";

/** Whether the teacher of a directory only labels sources: it has no weights here, and no vocabulary. */
export function isLabellerDirectory(directory: string): boolean {
  return [API_FILE, COMMAND_FILE].some((file) => existsSync(join(directory, file)));
}
