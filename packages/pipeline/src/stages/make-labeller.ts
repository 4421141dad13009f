/** Makes the teacher directory of a labeller: a server or a program. It holds one file, and no key. */
import {
  apiFileOf,
  writeApiFile,
  writeCommandFile,
  type ApiTeacherConfig,
  type CommandTeacherConfig,
} from "@slm/labelling";
import { exampleRows } from "@slm/teacher";
import type { StageFile } from "../stage/plan-request.js";

/** Settings of a teacher without weights here. */
export type LabellerConfig = ApiTeacherConfig | CommandTeacherConfig;

export interface MadeLabeller {
  readonly kind: LabellerConfig["kind"];
  /** The server's model, or the program. */
  readonly name: string;
}

/** @throws SlmError DATA_INVALID for too few rows for the examples, INPUT_MISSING for a file of a program, OUTPUT_FAILED */
export async function makeLabeller(
  settings: LabellerConfig,
  { dataDirectory, work }: { readonly dataDirectory: string; readonly work: string },
): Promise<MadeLabeller> {
  if (settings.kind === "command") {
    const { command } = await writeCommandFile(work, settings);
    return { kind: "command", name: command[0]! };
  }
  await writeApiFile(work, apiFileOf(settings, await exampleRows(settings.prompt.examples, dataDirectory)));
  return { kind: "api", name: settings.model };
}

export function isLabeller(settings: { readonly kind: string }): settings is LabellerConfig {
  return settings.kind === "api" || settings.kind === "command";
}

/** Files outside the run that the answers depend on. */
export function labellerFiles(settings: LabellerConfig): readonly StageFile[] {
  if (settings.kind === "api") return [];
  return settings.files.map((path, place) => ({ setting: `files.${place}`, path }));
}
