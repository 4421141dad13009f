/** Makes the teacher directory of a labeller: a server, a program or a labeller of an extension. It contains one file, without the API key. */
import {
  apiFileOf,
  writeApiFile,
  writeCommandFile,
  writeExtensionFile,
  type ApiTeacherConfig,
  type CommandTeacherConfig,
  type ExtensionTeacherConfig,
} from "@slm/labelling";
import { exampleRows } from "@slm/teacher";
import type { StageFile } from "../stage/plan-request.js";

/** Settings of a teacher without weights on this machine. */
export type LabellerConfig = ApiTeacherConfig | CommandTeacherConfig | ExtensionTeacherConfig;

export interface MadeLabeller {
  readonly kind: LabellerConfig["kind"];
  /** Name of the server's model, the program or the extension's labeller. */
  readonly name: string;
}

/** @throws SlmError DATA_INVALID if there are too few rows for the examples, INPUT_MISSING if a file of a program is missing, OUTPUT_FAILED */
export async function makeLabeller(
  settings: LabellerConfig,
  { dataDirectory, work }: { readonly dataDirectory: string; readonly work: string },
): Promise<MadeLabeller> {
  if (settings.kind === "command") {
    const { command } = await writeCommandFile(work, settings);
    return { kind: "command", name: command[0]! };
  }
  if (settings.kind === "extension") {
    await writeExtensionFile(work, settings);
    return { kind: "extension", name: settings.labeller };
  }
  await writeApiFile(work, apiFileOf(settings, await exampleRows(settings.prompt.examples, dataDirectory)));
  return { kind: "api", name: settings.model };
}

export function isLabeller(settings: { readonly kind: string }): settings is LabellerConfig {
  return ["api", "command", "extension"].includes(settings.kind);
}

/** Files outside the run that affect the answers. */
export function labellerFiles(settings: LabellerConfig): readonly StageFile[] {
  if (settings.kind === "api") return [];
  return settings.files.map((path, place) => ({ setting: `files.${place}`, path }));
}
