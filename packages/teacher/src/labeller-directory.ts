/** Distinguishes the directory of a server, a program or an extension's labeller from a model's directory. */
import { existsSync } from "node:fs";
import { join } from "node:path";

/** File with the settings of a labelling server. */
export const API_FILE = "api.json";

/** File with the settings of a labelling program. */
export const COMMAND_FILE = "command.json";

/** File with the settings of an extension's labeller. */
export const EXTENSION_FILE = "labeller.json";

/** Whether the teacher in a directory only labels sources, without local weights or a vocabulary. */
export function isLabellerDirectory(directory: string): boolean {
  return [API_FILE, COMMAND_FILE, EXTENSION_FILE].some((file) => existsSync(join(directory, file)));
}
