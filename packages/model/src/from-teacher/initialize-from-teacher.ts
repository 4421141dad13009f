/** Initializes a student's embedding, which is also its output head, from the teacher's embedding, projected if the widths differ. */
import { SlmError } from "@slm/core";
import { createHostTensor, type HostTensor } from "@slm/runtime";
import type { ModelConfig } from "../config/config.js";
import { parameterSpecs } from "../parameters/parameters.js";
import { symmetricEigen } from "./symmetric-eigen.js";
import { toFloat32, type Weights } from "../parameters/weights.js";

const EMBEDDING = "embedding.weight";

type EmbeddingShape = Pick<ModelConfig, "width" | "vocabularySize">;

/**
 * The student's weights with embedding rows from the teacher's table E [vocabulary, width]; all other weights unchanged.
 *
 * - Equal widths: rows are copied.
 * - A narrower student: E·V, where E has the mean of its rows subtracted, and V contains the eigenvectors of EᵀE with the largest
 *   eigenvalues (the leading right singular vectors of E). This is the best approximation of the rows' inner products in that many
 *   columns. The mean of the rows does not distinguish tokens: it adds the same to every logit of a tied head. One common factor then
 *   sets the root mean square to the standard deviation of the student's own initial rows.
 * - A wider student: as above with all the teacher's directions; the remaining columns keep their values.
 *
 * The result is a pure function of its inputs.
 *
 * Source: Eckart and Young 1936 for the projection.
 *
 * @throws SlmError SHAPE_MISMATCH when vocabularies differ, DATA_INVALID for a teacher's table that is zero or not finite.
 */
export function initializeFromTeacher(
  config: ModelConfig,
  weights: Weights,
  teacherConfig: EmbeddingShape,
  teacherWeights: Weights,
): Weights {
  const { vocabularySize, width } = config;
  if (vocabularySize !== teacherConfig.vocabularySize)
    throw new SlmError(
      "SHAPE_MISMATCH",
      `initialize: the student has ${vocabularySize} tokens, the teacher ${teacherConfig.vocabularySize}`,
    );
  const own = tableOf("student", config, weights);
  const rows = Float64Array.from(tableOf("teacher", teacherConfig, teacherWeights));
  if (!rows.every(Number.isFinite) || rows.every((value) => value === 0))
    throw new SlmError("DATA_INVALID", `initialize: the teacher's ${EMBEDDING} is zero or not finite`);
  const shared = Math.min(width, teacherConfig.width);
  const projected =
    width === teacherConfig.width
      ? rows
      : rescale(
          project(centered(rows, teacherConfig.width), vocabularySize, teacherConfig.width, shared),
          initialDeviation(config),
        );
  const values = Float32Array.from(own);
  for (let row = 0; row < vocabularySize; row++)
    values.set(projected.subarray(row * shared, (row + 1) * shared), row * width);
  return new Map(weights).set(EMBEDDING, createHostTensor("float32", [vocabularySize, width], values));
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

/** Rows less their mean. */
function centered(rows: Float64Array, width: number): Float64Array {
  const mean = new Float64Array(width);
  rows.forEach((value, index) => {
    mean[index % width]! += (value * width) / rows.length;
  });
  return rows.map((value, index) => value - mean[index % width]!);
}

/** Scales values so that their root mean square is `deviation`. */
function rescale(values: Float64Array, deviation: number): Float64Array {
  const squares = values.reduce((sum, value) => sum + value * value, 0);
  const factor = deviation / Math.sqrt(squares / values.length);
  return values.map((value) => value * factor);
}
