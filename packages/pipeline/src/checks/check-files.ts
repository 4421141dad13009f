/** Checks that every file that a stage reads exists. */
import { SlmError } from "@slm/core/errors";
import { access } from "node:fs/promises";
import type { Stage } from "../stage/stage.js";
import type { CheckRequest } from "./check.js";

/** What to do about a missing file. A stage names files inside directories as `kind/file`. */
export function pathSuggestion(stage: string, setting: string): string {
  return setting.includes("/")
    ? `change the path in section '${stage}' of the recipe; it is relative to the recipe's folder`
    : `--set ${stage}.${setting}=FILE, or change it in the recipe, where it is relative to the recipe's folder`;
}

/** Checks that the files named in settings can be read. Files that a stage downloads are not checked. @throws SlmError INPUT_MISSING */
export async function checkFiles(
  stages: readonly Stage[],
  { sections, running, progress, signal }: CheckRequest,
): Promise<void> {
  for (const { name, files } of stages.filter((stage) => running.includes(stage.name))) {
    for (const { setting, path } of await files(sections[name], { progress, signal, mayFetch: false })) {
      await access(path).catch((cause: unknown) => {
        throw new SlmError("INPUT_MISSING", `${name}.${setting}: ${path} does not exist or cannot be read`, {
          context: { stage: name, setting, path },
          suggestions: [pathSuggestion(name, setting)],
          cause,
        });
      });
    }
  }
}
