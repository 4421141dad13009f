/** Checks that every file of every stage is there. */
import { SlmError } from "@slm/core/errors";
import { access } from "node:fs/promises";
import type { Stage } from "../pipeline/stage.js";
import type { CheckRequest } from "./check.js";

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
          suggestions: [`--set ${name}.${setting}=FILE`],
          cause,
        });
      });
    }
  }
}
