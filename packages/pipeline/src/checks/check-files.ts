/** Checks that every file of every stage is there. */
import { SlmError } from "@slm/core/errors";
import { access } from "node:fs/promises";
import type { Stage } from "../stage/stage.js";
import type { CheckRequest } from "./check.js";

/** What to do about a file that is not there. A stage names files inside directories as `kind/file`. */
export function pathSuggestion(stage: string, setting: string): string {
  return setting.includes("/")
    ? `change the path in the section '${stage}' of the recipe; it starts from the recipe's folder`
    : `--set ${stage}.${setting}=FILE, or change it in the recipe, where it starts from the recipe's folder`;
}

/** Files that settings name can be read. Those that the stage would download are left to it. @throws SlmError INPUT_MISSING */
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
