/**
 * Initializes a student's embedding, which is also its output head, from the teacher's embedding, projected if the widths
 * differ.
 */
import { SlmError } from "@slm/core";
import { createHostTensor, type HostTensor } from "@slm/runtime";
import type { ModelConfig } from "./config.js";
import { parameterSpecs } from "./parameters.js";
import { symmetricEigen } from "./symmetric-eigen.js";
import { toFloat32, type Weights } from "./weights.js";

const EMBEDDING = "embedding.weight";

export interface TeacherInitialization {
  /** Teacher id of each student id; student tokens without a teacher id keep their row. Default: equal ids. */
  readonly teacherIds?: ReadonlyMap<number, number>;
  /** Factor that the teacher applies to embeddings before its first layer. Default 1. */
  readonly teacherScale?: number;
}

type EmbeddingShape = Pick<ModelConfig, "width" | "vocabularySize">;

/** Pairs of a student row and the teacher row that initializes it. */
type RowPairs = readonly (readonly [student: number, teacher: number])[];

/**
 * The student's weights with embedding rows from the teacher's table E [vocabulary, width]; all other weights unchanged.
 *
 * - Equal widths: rows are copied, times the teacher's scale.
 * - A narrower student: E·V, with V the eigenvectors of EᵀE of the largest eigenvalues (the leading right singular vectors
 *   of E). This is the best approximation of the rows' inner products in that many columns. One common factor then sets the
 *   root mean square to the standard deviation of the student's own initial rows.
 * - A wider student: as above with all the teacher's directions; the remaining columns keep their values.
 *
 * Only the rows that are used count in E and its mean square. The result is a pure function of its inputs.
 *
 * Source: Eckart and Young 1936 for the projection.
 *
 * @throws SlmError SHAPE_MISMATCH when vocabularies differ and no `teacherIds` are given, DATA_INVALID for ids outside a
 * vocabulary, for no ids at all, and for a teacher's table that is zero or not finite.
 */
export function initializeFromTeacher(
  config: ModelConfig,
  weights: Weights,
  teacherConfig: EmbeddingShape,
  teacherWeights: Weights,
  { teacherIds, teacherScale = 1 }: TeacherInitialization = {},
): Weights {
  const pairs = rowPairs(config, teacherConfig, teacherIds);
  const own = tableOf("student", config, weights);
  const teacher = tableOf("teacher", teacherConfig, teacherWeights);
  const rows = gatherRows(teacher, teacherConfig.width, pairs);
  if (!rows.every(Number.isFinite) || rows.every((value) => value === 0)) {
    throw new SlmError("DATA_INVALID", `initialize: the teacher's ${EMBEDDING} is zero or not finite`);
  }
  const shared = Math.min(config.width, teacherConfig.width);
  const projected =
    config.width === teacherConfig.width
      ? rows.map((value) => value * teacherScale)
      : rescale(project(rows, pairs.length, teacherConfig.width, shared), initialDeviation(config));
  const values = Float32Array.from(own);
  pairs.forEach(([student], index) => {
    values.set(projected.subarray(index * shared, (index + 1) * shared), student * config.width);
  });
  const embedding = createHostTensor("float32", [config.vocabularySize, config.width], values);
  return new Map(weights).set(EMBEDDING, embedding);
}

function rowPairs(
  { vocabularySize }: EmbeddingShape,
  teacher: EmbeddingShape,
  teacherIds: ReadonlyMap<number, number> | undefined,
): RowPairs {
  if (teacherIds === undefined) {
    if (vocabularySize !== teacher.vocabularySize) {
      throw new SlmError(
        "SHAPE_MISMATCH",
        `initialize: the student has ${vocabularySize} tokens, the teacher ${teacher.vocabularySize}`,
        {
          suggestions: [
            "train the student with the teacher's tokenizer",
            "pass teacherIds: the teacher's id of each student token",
          ],
        },
      );
    }
    return Array.from({ length: vocabularySize }, (_, id) => [id, id] as const);
  }
  const isId = (id: number, size: number): boolean => Number.isInteger(id) && id >= 0 && id < size;
  for (const [student, id] of teacherIds) {
    if (isId(student, vocabularySize) && isId(id, teacher.vocabularySize)) continue;
    throw new SlmError(
      "DATA_INVALID",
      `initialize: student id ${student} -> teacher id ${id} is outside of ${vocabularySize} and ${teacher.vocabularySize} tokens`,
    );
  }
  if (teacherIds.size === 0) throw new SlmError("DATA_INVALID", "initialize: no student id has a teacher id");
  return [...teacherIds].sort(([a], [b]) => a - b);
}

function tableOf(whose: string, { vocabularySize, width }: EmbeddingShape, weights: Weights): Float32Array {
  const found = weights.get(EMBEDDING);
  if (found?.shape.join() !== [vocabularySize, width].join()) {
    const got = found === undefined ? "nothing" : `[${found.shape.join(", ")}]`;
    throw new SlmError(
      "SHAPE_MISMATCH",
      `initialize: the ${whose}'s ${EMBEDDING} should be [${vocabularySize}, ${width}], got ${got}`,
    );
  }
  const { data }: HostTensor = toFloat32(found, EMBEDDING);
  return data as Float32Array;
}

function gatherRows(table: Float32Array, width: number, pairs: RowPairs): Float64Array {
  const rows = new Float64Array(pairs.length * width);
  pairs.forEach(([, teacher], index) => {
    rows.set(table.subarray(teacher * width, (teacher + 1) * width), index * width);
  });
  return rows;
}

/** Standard deviation of a fresh embedding. */
function initialDeviation(config: ModelConfig): number {
  const initialization = parameterSpecs(config).find(({ name }) => name === EMBEDDING)?.initialization;
  if (initialization?.kind !== "normal") {
    throw new SlmError("UNEXPECTED", `initialize: ${EMBEDDING} does not start normally distributed`);
  }
  return initialization.std;
}

/** Coordinates of rows `[count, width]` along their leading directions, `[count, directions]`. */
function project(rows: Float64Array, count: number, width: number, directions: number): Float64Array {
  const { vectors } = symmetricEigen(gram(rows, count, width), width);
  const projected = new Float64Array(count * directions);
  for (let row = 0; row < count; row++) {
    for (let direction = 0; direction < directions; direction++) {
      let sum = 0;
      for (let i = 0; i < width; i++) sum += rows[row * width + i]! * vectors[direction * width + i]!;
      projected[row * directions + direction] = sum;
    }
  }
  return projected;
}

/** rowsᵀ · rows, four rows at a time so that each sum is read and written once for them. */
function gram(rows: Float64Array, count: number, width: number): Float64Array {
  const product = new Float64Array(width * width);
  const zeros = new Float64Array(width);
  const rowAt = (row: number): Float64Array =>
    row < count ? rows.subarray(row * width, (row + 1) * width) : zeros;
  for (let row = 0; row < count; row += 4) {
    const [a, b, c, d] = [rowAt(row), rowAt(row + 1), rowAt(row + 2), rowAt(row + 3)];
    for (let i = 0; i < width; i++) {
      const [ai, bi, ci, di] = [a[i]!, b[i]!, c[i]!, d[i]!];
      const at = i * width;
      for (let j = i; j < width; j++) {
        product[at + j] = product[at + j]! + ai * a[j]! + bi * b[j]! + ci * c[j]! + di * d[j]!;
      }
    }
  }
  for (let i = 0; i < width; i++)
    for (let j = 0; j < i; j++) product[i * width + j] = product[j * width + i]!;
  return product;
}

/** Scales values so that their root mean square is `deviation`. */
function rescale(values: Float64Array, deviation: number): Float64Array {
  const squares = values.reduce((sum, value) => sum + value * value, 0);
  const factor = deviation / Math.sqrt(squares / values.length);
  return values.map((value) => value * factor);
}
