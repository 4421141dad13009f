/**
 * Initializes a student with random weights, or from an earlier student, the teacher's layers or embedding table, or a published
 * vision tower.
 */
import type { ModelConfig, Weights } from "@slm/model";
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
 * @throws SlmError as {@link weightsFromStudent}, {@link studentEmbeddings} and {@link studentLayers}.
 */
export async function initialStudent(request: InitialStudentRequest): Promise<InitialStudent> {
  const { config, files, initialize, tower, seed } = request;
  const { student, fromTeacher } = initialize;
  const start = fromTeacher === "none" ? { config, weights: undefined } : await STARTS[fromTeacher](request);
  const found = [
    ...(student === undefined ? [] : await weightsFromStudent(config, files, student, seed)),
    ...(start.weights ?? []),
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
