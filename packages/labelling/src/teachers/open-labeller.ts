/** Opens the labeller of a teacher that is not a local model: a server, a program or an extension's labeller. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { API_FILE, COMMAND_FILE, EXTENSION_FILE } from "@slm/teacher";
import { readApiFile } from "../api/api-file.js";
import { ApiLabeller, type ApiLabellerOptions } from "../api/api-labeller.js";
import { readCommandFile } from "../command/command-file.js";
import { CommandLabeller, type CommandLabellerOptions } from "../command/command-labeller.js";
import { openExtensionLabeller } from "../extension/extension-file.js";
import type { Labeller } from "../labeller/labeller.js";
import {
  requireCommandAllowed,
  requireKeyAllowed,
  type LabellerPermissions,
} from "./labeller-permissions.js";

/**
 * The labeller of a directory; undefined for a teacher with weights.
 *
 * @throws SlmError DATA_INVALID, CONFIG_INVALID if the variable of the server's key is not set, or if a permission is missing
 */
export async function openLabeller(
  directory: string,
  options: ApiLabellerOptions &
    CommandLabellerOptions & {
      /** Permissions of the directory. Default: all, for the user's own directory. */
      readonly permissions?: LabellerPermissions | undefined;
    },
): Promise<Labeller | undefined> {
  const { permissions } = options;
  if (existsSync(join(directory, API_FILE))) {
    const file = await readApiFile(directory);
    requireKeyAllowed(file, permissions);
    return ApiLabeller.open(file, options);
  }
  if (existsSync(join(directory, COMMAND_FILE))) {
    const file = await readCommandFile(directory);
    requireCommandAllowed(file, permissions);
    return new CommandLabeller(file, options);
  }
  if (existsSync(join(directory, EXTENSION_FILE))) return openExtensionLabeller(directory);
  return undefined;
}
