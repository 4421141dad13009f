/** Reads the teacher's checkpoint, to initialize a student from it. */
import { SlmError } from "@slm/core";
import { readCheckpoint, readModelConfig, type Checkpoint } from "@slm/checkpoints";
import type { ModelConfig } from "@slm/model";
import { otherThanCheckpoint } from "@slm/teacher";

/** The configuration of a single-checkpoint teacher. @throws SlmError as {@link readSingleTeacher} */
export const readSingleConfig = async (
  directory: string | undefined,
  setting: string,
): Promise<ModelConfig> => readModelConfig(await singleTeacher(directory, setting));

/**
 * Reads a single-checkpoint teacher.
 *
 * @param setting the setting that needs it, named in errors.
 * @throws SlmError CONFIG_INVALID without a teacher, and for an ensemble or an ONNX model.
 */
export const readSingleTeacher = async (
  directory: string | undefined,
  setting: string,
): Promise<Checkpoint> => readCheckpoint(await singleTeacher(directory, setting));

async function singleTeacher(directory: string | undefined, setting: string): Promise<string> {
  if (directory === undefined) throw notSingle(setting, "none");
  const other = await otherThanCheckpoint(directory);
  if (other === undefined) return directory;
  throw notSingle(setting, `${other} (${directory})`);
}

/** The error if a setting requires a single-checkpoint teacher. */
export const notSingle = (setting: string, got: string): SlmError =>
  new SlmError(
    "CONFIG_INVALID",
    `distill: ${setting} requires a teacher that is a single checkpoint, got ${got}`,
    {
      suggestions: ["teacher: { kind: import, model: ... }", `remove distill.${setting}`],
    },
  );
