import { withCode } from "@slm/core/testing";
import { createRandom } from "@slm/generation";
import { createHostTensor, type HostTensor } from "@slm/runtime";
import { describe, expect, test } from "vitest";
import type { ModelConfig } from "../config/config.js";
import { parseModelConfig } from "../config/parse-model-config.js";
import { initializeFromTeacher } from "./initialize-from-teacher.js";
import { initializeWeights, type Weights } from "../parameters/weights.js";

const EMBEDDING = "embedding.weight";

const configOf = (width: number, vocabularySize: number): ModelConfig =>
  parseModelConfig(
    {
      architecture: "decoder-only",
      width,
      heads: 1,
      kvHeads: 1,
      headDim: 2,
      feedForward: 2,
      decoderLayers: 1,
      maxSource: 4,
      maxTarget: 4,
      vocabularySize,
      tokens: { pad: 0, bos: 1, eos: 2, unknown: 3 },
    },
    "test",
  );

const weightsOf = (config: ModelConfig, seed: number): Weights =>
  initializeWeights(config, createRandom(seed).next);

const table = (weights: Weights): Float32Array => weights.get(EMBEDDING)!.data as Float32Array;

/** The student's new embedding from a teacher with this width and vocabulary. */
function initialized(
  [width, vocabulary]: readonly [number, number],
  [teacherWidth, teacherVocabulary]: readonly [number, number],
  teacherTable?: HostTensor,
): { before: Weights; after: Weights; teacher: Float32Array } {
  const [config, teacherConfig] = [configOf(width, vocabulary), configOf(teacherWidth, teacherVocabulary)];
  const before = weightsOf(config, 7);
  const fresh = weightsOf(teacherConfig, 8);
  const teacher = teacherTable === undefined ? fresh : new Map(fresh).set(EMBEDDING, teacherTable);
  const after = initializeFromTeacher(config, before, teacherConfig, teacher);
  return { before, after, teacher: table(teacher) };
}

/** Rows minus their mean. */
const centered = (rows: Float32Array, width: number): Float32Array =>
  rows.map((value, index) => {
    const column = rows.filter((_, at) => at % width === index % width);
    return value - column.reduce((sum, other) => sum + other / column.length, 0);
  });

/** Inner products of all pairs of rows. */
function products(rows: Float32Array, width: number): number[] {
  const count = rows.length / width;
  const row = (index: number): Float32Array => rows.subarray(index * width, (index + 1) * width);
  return Array.from({ length: count * count }, (_, at) => {
    const [a, b] = [row(Math.floor(at / count)), row(at % count)];
    return a.reduce((sum, value, index) => sum + value * b[index]!, 0);
  });
}

const rootMeanSquare = (values: ArrayLike<number>): number =>
  Math.sqrt(Array.from(values).reduce((sum, value) => sum + value * value, 0) / values.length);

describe(initializeFromTeacher, () => {
  test("copies rows of equal width, and does not change other weights", () => {
    const { before, after, teacher } = initialized([6, 9], [6, 9]);
    expect([...table(after)]).toEqual([...teacher]);
    for (const [name, tensor] of before) if (name !== EMBEDDING) expect(after.get(name)).toBe(tensor);
  });

  test("approximates the inner products of centred rows as well as the best projection of that width", () => {
    const { after, teacher: rows } = initialized([3, 20], [5, 20]);
    const teacher = centered(rows, 5);
    const expected = products(teacher, 5);
    const actual = products(table(after), 3);
    // Least squares removes the one factor of rescaling.
    const dot = (a: number[], b: number[]): number =>
      a.reduce((sum, value, index) => sum + value * b[index]!, 0);
    const factor = dot(actual, expected) / dot(actual, actual);
    const lost = expected.map((value, index) => value - factor * actual[index]!);
    // Cutting off any two of the teacher's own columns is also a projection, and a worse one.
    for (const columns of [
      [0, 1, 2],
      [2, 3, 4],
      [0, 2, 4],
    ]) {
      const cut = Array.from({ length: 60 }, (_, at) => teacher[Math.floor(at / 3) * 5 + columns[at % 3]!]!);
      const kept = products(Float32Array.from(cut), 3);
      const gap = expected.map((value, index) => value - kept[index]!);
      expect(dot(lost, lost)).toBeLessThan(dot(gap, gap));
    }
  });

  test("scales projected rows to the size of random ones, deterministically", () => {
    const { after } = initialized([3, 20], [5, 20]);
    expect(rootMeanSquare(table(after))).toBeCloseTo(1 / Math.sqrt(3), 5);
    expect([...table(initialized([3, 20], [5, 20]).after)]).toEqual([...table(after)]);
  });

  test("for a wider student fills the teacher's dimensions and keeps the other columns", () => {
    const { before, after } = initialized([6, 10], [4, 10]);
    for (let row = 0; row < 10; row++) {
      const at = row * 6;
      expect([...table(after).subarray(at + 4, at + 6)]).toEqual([...table(before).subarray(at + 4, at + 6)]);
      expect([...table(after).subarray(at, at + 4)]).not.toEqual([...table(before).subarray(at, at + 4)]);
    }
  });

  test("rejects another vocabulary", () => {
    expect(() => initialized([3, 5], [3, 12])).toThrow(withCode("SHAPE_MISMATCH"));
  });

  test.each([
    ["zeros", 0],
    ["infinite", Infinity],
  ])("rejects a teacher's table of %s", (_label, value) => {
    const teacherTable = createHostTensor("float32", [5, 4], new Float32Array(20).fill(value));
    expect(() => initialized([3, 5], [4, 5], teacherTable)).toThrow(withCode("DATA_INVALID"));
  });

  test("rejects a table with a shape that differs from its configuration", () => {
    const teacherTable = createHostTensor("float32", [4, 5], new Float32Array(20).fill(1));
    expect(() => initialized([3, 5], [4, 5], teacherTable)).toThrow(withCode("SHAPE_MISMATCH"));
  });
});
