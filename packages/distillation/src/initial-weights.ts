/** Initialization of a student: random weights, an earlier student, the teacher's embedding table, or a trained vision tower. */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { hashJson, SlmError } from "@slm/core";
import { createRandom } from "@slm/decoding";
import { CONFIG_FILE, readCheckpoint } from "@slm/checkpoints";
import {
  initializeFromTeacher,
  initializeWeights,
  parameterSpecs,
  moduleOf,
  visionOf,
  type ModelConfig,
  type Weights,
} from "@slm/model";
import type { TokenizerFiles } from "@slm/tokenizer";
import type { DistillConfig } from "./distill-config.js";
import { weightsFromStudent } from "./weights-from-student.js";

export interface InitialWeightsRequest {
  readonly config: ModelConfig;
  /** The student's tokenizer. */
  readonly files: TokenizerFiles;
  readonly initialize: DistillConfig["initialize"];
  readonly teacherDirectory?: string | undefined;
  /** Weights of a published tower. */
  readonly tower?: Weights | undefined;
  readonly seed: number;
}

/** The weights with an initialization other than random; undefined if there are none.
 *
 * @throws SlmError as {@link weightsFromStudent}, {@link weightsFromTeacher} and {@link visionFromCheckpoint}.
 */
export async function initialWeights(request: InitialWeightsRequest): Promise<Weights | undefined> {
  const { config, files, initialize, teacherDirectory, tower, seed } = request;
  const { student, fromTeacher, vision } = initialize;
  const found = [
    ...(student === undefined ? [] : await weightsFromStudent(config, files, student, seed)),
    ...(fromTeacher === "none" ? [] : await weightsFromTeacher(config, teacherDirectory, seed)),
    ...(vision === undefined ? [] : await visionFromCheckpoint(config, vision)),
    ...(tower ?? []),
  ];
  return found.length === 0 ? undefined : new Map(found);
}

/**
 * The tower of the checkpoint in `directory`, and its projector if all of its shapes match the student's.
 *
 * @throws SlmError CONFIG_INVALID if one of the two has no vision, or their towers differ.
 */
async function visionFromCheckpoint(config: ModelConfig, directory: string): Promise<Weights> {
  const given = await readCheckpoint(directory);
  const [own, theirs] = [visionOf(config), visionOf(given.config)];
  const reject = (reason: string): SlmError =>
    new SlmError("CONFIG_INVALID", `distill: initialize.vision ${directory}: ${reason}`);
  if (own === undefined) throw reject("the student has no vision");
  if (theirs === undefined) throw reject("the checkpoint has no vision");
  const keys = Object.keys({ ...own.tower, ...theirs.tower }) as (keyof typeof own.tower)[];
  const other = keys.find((key) => hashJson(own.tower[key] ?? null) !== hashJson(theirs.tower[key] ?? null));
  if (other !== undefined)
    throw reject(
      `tower.${other} is ${JSON.stringify(theirs.tower[other])}, the student's ${JSON.stringify(own.tower[other])}`,
    );
  const specs = parameterSpecs(config);
  const fits = specs
    .filter(({ name }) => moduleOf(name) === "projector")
    .every(({ name, shape }) => given.weights.get(name)?.shape.join() === shape.join());
  const taken = specs.filter(
    ({ name }) => moduleOf(name) === "tower" || (fits && moduleOf(name) === "projector"),
  );
  return new Map(taken.map(({ name }) => [name, given.weights.get(name)!]));
}

/**
 * Random weights of the student with the embedding table of the teacher in `directory`, projected to the student's width.
 *
 * @throws SlmError CONFIG_INVALID unless the teacher is a single checkpoint, SHAPE_MISMATCH for another vocabulary.
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

/** The directory of a single-checkpoint teacher. @throws SlmError CONFIG_INVALID for none, or an ensemble */
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
    `distill: initialize.fromTeacher needs a teacher that is a single checkpoint, got ${directory ?? "none"}`,
    { suggestions: ["set distill.initialize.fromTeacher to none"] },
  );
}
