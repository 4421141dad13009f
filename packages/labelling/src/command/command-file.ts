/** `command.json`: the file that describes a teacher that is a program. */
import { join } from "node:path";
import { hashFile, hashJson, readFailure, readJsonFile, writeJsonAtomic } from "@slm/core";
import { COMMAND_FILE } from "@slm/teacher";
import { z } from "zod";
import { commandFields, type CommandTeacherConfig } from "./command-config.js";

const commandFile = z.strictObject({
  version: z.literal(1),
  ...commandFields,
  /** Hashes of the files that the program reads, in the order of the settings. */
  files: z.array(z.string()),
});

export type CommandFile = z.infer<typeof commandFile>;

/** Writes the directory of a program. @throws SlmError INPUT_MISSING for a file that does not exist, OUTPUT_FAILED */
export async function writeCommandFile(
  directory: string,
  { command, files }: CommandTeacherConfig,
): Promise<CommandFile> {
  const contents: CommandFile = {
    version: 1,
    command,
    files: await fileHashes(files),
  };
  await writeJsonAtomic(join(directory, COMMAND_FILE), contents);
  return contents;
}

/** Hashes of files, in order. @throws SlmError INPUT_MISSING for a file that does not exist */
export async function fileHashes(files: readonly string[]): Promise<string[]> {
  const hashes: string[] = [];
  for (const file of files) {
    hashes.push(
      await hashFile(file).catch((error: unknown) => {
        throw readFailure(error, file);
      }),
    );
  }
  return hashes;
}

/** @throws SlmError INPUT_MISSING, DATA_INVALID */
export async function readCommandFile(directory: string): Promise<CommandFile> {
  return readJsonFile(join(directory, COMMAND_FILE), commandFile);
}

/** Identifies the answers. */
export const commandIdentity = ({ command, files }: CommandFile): string => hashJson({ command, files });
