/** What a student starts from: random numbers, or the teacher's knowledge of which tokens are alike. */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { createRandom } from "@slm/decoding";
import { SlmError } from "@slm/error";
import {
  CONFIG_FILE,
  initializeFromTeacher,
  initializeWeights,
  readCheckpoint,
  type ModelConfig,
  type Weights,
} from "@slm/model";

/**
 * Random weights of the student with the embedding table of the teacher in `directory`, projected to the student's width.
 *
 * @throws SlmError CONFIG_INVALID unless the teacher is one checkpoint, SHAPE_MISMATCH for another vocabulary.
 */
export async function weightsFromTeacher(
  config: ModelConfig,
  directory: string | undefined,
  seed: number,
): Promise<Weights> {
  const teacher = await readCheckpoint(await singleTeacher(directory));
  const fresh = initializeWeights(config, createRandom(seed).next);
  return initializeFromTeacher(config, fresh, teacher.config, teacher.weights);
}

/** The directory of a teacher that is one checkpoint. @throws SlmError CONFIG_INVALID for none, or an ensemble */
async function singleTeacher(directory: string | undefined): Promise<string> {
  const isCheckpoint =
    directory !== undefined &&
    (await stat(join(directory, CONFIG_FILE)).then(
      () => true,
      () => false,
    ));
  if (directory !== undefined && isCheckpoint) return directory;
  throw new SlmError(
    "CONFIG_INVALID",
    `distill: initialize.fromTeacher needs a teacher that is one checkpoint, got ${directory ?? "none"}`,
    { suggestions: ["set distill.initialize.fromTeacher to none"] },
  );
}
