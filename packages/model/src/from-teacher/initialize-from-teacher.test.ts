import { createHostTensor, type HostTensor } from "@slm/runtime";
import { describe, expect, test } from "vitest";
import { parseModelConfig, type ModelConfig } from "../config/config.js";
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

function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return state / 2 ** 32;
  };
}

const weightsOf = (config: ModelConfig, seed: number): Weights => initializeWeights(config, random(seed));

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
  test("copies rows of equal width, and leaves other weights alone", () => {
    const { before, after, teacher } = initialized([6, 9], [6, 9]);
    expect([...table(after)]).toEqual([...teacher]);
    for (const [name, tensor] of before) if (name !== EMBEDDING) expect(after.get(name)).toBe(tensor);
  });

  test("keeps all inner products of rows less their mean when the teacher's rows fill no more directions than the student has", () => {
    // Rows of width 6 in a plane: combinations of two vectors.
    const [u, v] = [
      [1, 2, 0, -1, 0.5, 3],
      [0, 1, -1, 2, 1, 0],
    ];
    const next = random(3);
    const rows = Array.from({ length: 12 }, () => [next() - 0.5, next() - 0.5]);
    const values = rows.flatMap(([a, b]) => u.map((value, index) => a! * value + b! * v[index]!));
    const teacherTable = createHostTensor("float32", [12, 6], Float32Array.from(values));
    const { after, teacher } = initialized([2, 12], [6, 12], teacherTable);
    const [expected, actual] = [products(centered(teacher, 6), 6), products(table(after), 2)];
    const factor = rootMeanSquare(actual) / rootMeanSquare(expected);
    actual.forEach((value, index) => {
      expect(value).toBeCloseTo(expected[index]! * factor, 5);
    });
  });

  test("loses no more of the inner products of rows less their mean than the best projection of that width", () => {
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
      const cut = Float32Array.from(
        { length: 60 },
        (_, at) => teacher[Math.floor(at / 3) * 5 + columns[at % 3]!]!,
      );
      const kept = products(cut, 3);
      expect(dot(lost, lost)).toBeLessThan(
        dot(
          expected.map((value, index) => value - kept[index]!),
          expected.map((value, index) => value - kept[index]!),
        ),
      );
    }
  });

  test("scales projected rows to the size of fresh ones, the same in every run", () => {
    const { after } = initialized([3, 20], [5, 20]);
    expect(rootMeanSquare(table(after))).toBeCloseTo(1 / Math.sqrt(3), 5);
    expect([...table(initialized([3, 20], [5, 20]).after)]).toEqual([...table(after)]);
  });

  test("of a wider student fills the teacher's directions and keeps the columns beyond them", () => {
    const { before, after } = initialized([6, 10], [4, 10]);
    for (let row = 0; row < 10; row++) {
      const at = row * 6;
      expect([...table(after).subarray(at + 4, at + 6)]).toEqual([...table(before).subarray(at + 4, at + 6)]);
      expect([...table(after).subarray(at, at + 4)]).not.toEqual([...table(before).subarray(at, at + 4)]);
    }
  });

  test("rejects another vocabulary", () => {
    expect(() => initialized([3, 5], [3, 12])).toThrow("the student has 5 tokens, the teacher 12");
  });

  test.each([
    ["zeros", 0],
    ["infinite", Infinity],
  ])("rejects a teacher's table of %s", (_label, value) => {
    const teacherTable = createHostTensor("float32", [5, 4], new Float32Array(20).fill(value));
    expect(() => initialized([3, 5], [4, 5], teacherTable)).toThrow("is zero or not finite");
  });

  test("rejects a table of another shape than its configuration says", () => {
    const teacherTable = createHostTensor("float32", [4, 5], new Float32Array(20).fill(1));
    expect(() => initialized([3, 5], [4, 5], teacherTable)).toThrow(
      "the teacher's embedding.weight should be [5, 4], got [4, 5]",
    );
  });
});
