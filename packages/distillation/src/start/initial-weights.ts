/**
 * Initializes a student with random weights, or from an earlier student, the teacher's layers or embedding table, or a trained vision
 * tower.
 */
import { hashJson, SlmError } from "@slm/core";
import { readCheckpoint } from "@slm/checkpoints";
import { parameterSpecs, moduleOf, visionOf, type ModelConfig, type Weights } from "@slm/model";
import type { RateGroups } from "@slm/training";
import type { InitializeConfig } from "../config/initialize-config.js";
import { studentEmbeddings } from "./student-embeddings.js";
import {
  layersMessage,
  studentLayers,
  type StudentLayersRequest,
  type TeacherLayers,
} from "./student-layers.js";
import { weightsFromStudent } from "./weights-from-student.js";

export interface InitialStudentRequest extends StudentLayersRequest {
  /** Weights of a published tower. */
  readonly tower?: Weights | undefined;
}

export interface InitialStudent {
  /** The student's configuration, including options of the teacher's layers. */
  readonly config: ModelConfig;
  /** Non-random initial weights; undefined if there are none. */
  readonly weights: Weights | undefined;
  /** Learning rates of weights with a different rate. */
  readonly groups?: RateGroups | undefined;
  /** The teacher's layers in the student. */
  readonly layers?: TeacherLayers | undefined;
  /** Describes what the student copies from the teacher. */
  readonly message?: string | undefined;
}

/** Initializes a student as configured.
 *
 * @throws SlmError as {@link weightsFromStudent}, {@link studentEmbeddings}, {@link studentLayers} and {@link visionFromCheckpoint}.
 */
export async function initialStudent(request: InitialStudentRequest): Promise<InitialStudent> {
  const { config, files, initialize, tower, seed } = request;
  const { student, fromTeacher, vision } = initialize;
  const start = fromTeacher === "none" ? { config, weights: undefined } : await STARTS[fromTeacher](request);
  const found = [
    ...(student === undefined ? [] : await weightsFromStudent(config, files, student, seed)),
    ...(start.weights ?? []),
    ...(vision === undefined ? [] : await visionFromCheckpoint(config, vision)),
    ...(tower ?? []),
  ];
  return { ...start, weights: found.length === 0 ? undefined : new Map(found) };
}

/** Initialization from the teacher, by `fromTeacher`. */
const STARTS: Readonly<
  Record<
    Exclude<InitializeConfig["fromTeacher"], "none">,
    (request: StudentLayersRequest) => Promise<InitialStudent>
  >
> = {
  embeddings: studentEmbeddings,
  layers: async (request) => {
    const start = await studentLayers(request);
    return { ...start, message: layersMessage(start.layers) };
  },
};

/**
 * The tower of the checkpoint in `directory`, and its projector if all of its shapes match the student's.
 *
 * @throws SlmError CONFIG_INVALID if the student or the checkpoint has no tower, or the towers differ.
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
      `tower.${other} is ${JSON.stringify(theirs.tower[other])}, but the student's is ${JSON.stringify(own.tower[other])}`,
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
