/** Initializes a student's embedding from its teacher's. */
import { createRandom } from "@slm/generation";
import {
  EMBEDDING_WEIGHT,
  initializeFromTeacher,
  initializeWeights,
  pickTokens,
  type ModelConfig,
  type Weights,
} from "@slm/model";
import type { RateGroups } from "@slm/training";
import { relativeRates } from "./relative-rates.js";
import { readSingleTeacher } from "./single-teacher.js";
import type { StudentLayersRequest } from "./student-layers.js";
import { speltMessage, speltTokens, studentTokens, teacherTokens } from "./teacher-tokens.js";

export interface StudentEmbeddings {
  readonly config: ModelConfig;
  readonly weights: Weights;
  readonly groups: RateGroups;
  /** Numbers of tokens by initialization. */
  readonly message: string;
}

/**
 * Random weights of a student, with an embedding from the teacher's rows for its tokens, projected to the student's width. The embedding
 * has a different learning rate ({@link relativeRates}).
 *
 * @throws SlmError CONFIG_INVALID unless the teacher is a single checkpoint, SHAPE_MISMATCH for a vocabulary that it cannot spell.
 */
export async function studentEmbeddings(
  request: Omit<StudentLayersRequest, "engine">,
): Promise<StudentEmbeddings> {
  const { config, files, initialize, teacherDirectory, warmupSteps, pairs, seed } = request;
  const given = await readSingleTeacher(teacherDirectory, "initialize.fromTeacher");
  const place = { directory: teacherDirectory!, config: given.config };
  const { ids } = await teacherTokens(await studentTokens(config, files, pairs), place);
  const teacher = pickTokens(given, ids, config.tokens);
  const fresh = initializeWeights(config, createRandom(seed).next);
  const weights = initializeFromTeacher(config, fresh, teacher.config, teacher.weights);
  const started = { weights, fromTeacher: new Set([EMBEDDING_WEIGHT]) };
  return {
    config,
    weights,
    groups: relativeRates({ config, initialize, warmupSteps, started, isScaled: false }),
    message: `embedding from the teacher's: ${speltMessage(speltTokens(ids))}`,
  };
}
