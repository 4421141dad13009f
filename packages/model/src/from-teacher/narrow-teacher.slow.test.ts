import { createRandom } from "@slm/generation";
import { createHostTensor, type HostTensor } from "@slm/runtime";
import { describe, expect, test } from "vitest";
import { isNarrower, narrowTeacher } from "./narrow-teacher.js";
import type { DecoderOnlyModel } from "./student-weights.js";
import {
  normNames,
  observeTeacher,
  STATISTIC_NAMES,
  STATISTICS,
  type TeacherStatistics,
} from "./teacher-statistics.js";
import { compute } from "../testing/index.js";
import { FAMILIES, IDS, logitsOf, tinyTeacher, type Family } from "./tiny-teacher.test-support.js";

const families = Object.keys(FAMILIES) as Family[];
const ALL_LAYERS = new Set([0, 1, 2, 3]);

async function measure(
  { config, weights }: DecoderOnlyModel,
  mask?: readonly number[],
): Promise<TeacherStatistics> {
  const counted = createHostTensor(
    "float32",
    [2, 6],
    Float32Array.from(mask ?? new Array<number>(12).fill(1)),
  );
  const found = await compute(
    { ...Object.fromEntries(weights), ids: IDS, mask: counted },
    (x) => observeTeacher(config, x, x["ids"]!, x["mask"]!),
    STATISTIC_NAMES,
  );
  for (const name of STATISTIC_NAMES) expect(found[name]!.shape).toEqual(STATISTICS[name](config));
  return Object.fromEntries(
    STATISTIC_NAMES.map((name) => [
      name,
      Float64Array.from(found[name]!.data as Float32Array, (sum) => sum / 12),
    ]),
  ) as unknown as TeacherStatistics;
}

function change(
  model: DecoderOnlyModel,
  edit: (name: string, values: Float32Array) => Float32Array,
): DecoderOnlyModel {
  const weights = new Map<string, HostTensor>();
  for (const [name, tensor] of model.weights)
    weights.set(name, { ...tensor, data: edit(name, Float32Array.from(tensor.data as Float32Array)) });
  return { config: model.config, weights };
}

async function expectSameLogits(
  actual: DecoderOnlyModel,
  expected: DecoderOnlyModel,
  digits: number,
): Promise<void> {
  const [own, theirs] = [
    await logitsOf(actual.config, actual.weights),
    await logitsOf(expected.config, expected.weights),
  ];
  own.forEach((value, index) => {
    expect(value).toBeCloseTo(theirs[index]!, digits);
  });
}

/** A random orthonormal basis: `count` rows of `size`. */
function orthonormal(count: number, size: number): number[][] {
  const { next } = createRandom(11);
  const rows: number[][] = [];
  while (rows.length < count) {
    let row = Array.from({ length: size }, () => next() - 0.5);
    for (const other of rows) {
      const along = row.reduce((sum, value, i) => sum + value * other[i]!, 0);
      row = row.map((value, i) => value - along * other[i]!);
    }
    const norm = Math.hypot(...row);
    rows.push(row.map((value) => value / norm));
  }
  return rows;
}

/** The same model with its states in a subspace of a wider residual stream. */
function embedded({ config, weights }: DecoderOnlyModel, width: number): DecoderOnlyModel {
  const basis = orthonormal(config.width, width);
  const lifted = (row: ArrayLike<number>): number[] =>
    Array.from({ length: width }, (_, i) => basis.reduce((sum, vector, k) => sum + row[k]! * vector[i]!, 0));
  const rowsOf = (values: ArrayLike<number>): number[] =>
    Array.from({ length: values.length / config.width }, (_, row) =>
      lifted(Array.from({ length: config.width }, (_, k) => values[row * config.width + k]!)),
    ).flat();
  const turned = (values: ArrayLike<number>, rows: number): number[] =>
    Array.from(
      { length: values.length },
      (_, at) => values[(at % rows) * (values.length / rows) + Math.floor(at / rows)]!,
    );
  const wide = new Map<string, HostTensor>();
  for (const [name, { shape, data }] of weights) {
    const values = data as Float32Array;
    const make = (to: readonly number[], all: readonly number[]): HostTensor =>
      createHostTensor("float32", to, Float32Array.from(all));
    // Gains of one: the norms of a wider stream divide by a smaller root mean square.
    if (/Norm\.weight|norm\.weight/u.test(name))
      wide.set(name, make([width], new Array<number>(width).fill(Math.sqrt(config.width / width))));
    else if (/(output|down)\.weight$/u.test(name))
      wide.set(name, make([width, shape[1]!], turned(rowsOf(turned(values, config.width)), shape[1]!)));
    else if (/(output|down)\.bias$/u.test(name)) wide.set(name, make([width], rowsOf(values)));
    else if (name.endsWith("bias")) wide.set(name, make(shape, [...values]));
    else wide.set(name, make([shape[0]!, width], rowsOf(values)));
  }
  return { config: { ...config, width, normEpsilon: 1e-12 }, weights: wide };
}

describe(narrowTeacher, () => {
  test.each(families)("does not change the teacher if nothing is removed: %s", async (family) => {
    const teacher = tinyTeacher(family);
    const same = narrowTeacher(teacher, teacher.config, await measure(teacher), ALL_LAYERS);
    expect(same.config).toEqual(teacher.config);
    await expectSameLogits(same, teacher, 6);
  });

  test.each(["plain", "llama"] as const)(
    "finds the dimensions in which the states lie, whatever their directions: %s",
    async (family) => {
      const small = tinyTeacher(family, { width: 6, normEpsilon: 1e-12, tieWordEmbeddings: false });
      const plain = change(small, (name, values) =>
        /[nN]orm\.weight$/u.test(name) ? values.fill(1) : values,
      );
      const wide = embedded(plain, 8);
      await expectSameLogits(wide, plain, 4);
      const narrow = narrowTeacher(wide, { ...wide.config, width: 6 }, await measure(wide), ALL_LAYERS);
      expect(narrow.config).toMatchObject({ width: 6, tieWordEmbeddings: false });
      await expectSameLogits(narrow, plain, 4);
    },
  );

  test.each(["qwen", "gemma"] as const)(
    "keeps the channels that are used, where norms or a tied head allow no rotation: %s",
    async (family) => {
      // Channel 5 is zero in every state.
      const teacher = change(tinyTeacher(family, { normEpsilon: 1e-12 }), (name, values) => {
        if (name === "embedding.weight") return values.map((value, at) => (at % 8 === 5 ? 0 : value));
        const isWritten = /(output|down)\.weight$/u.test(name);
        if (isWritten)
          return values.map((value, at) => (Math.floor(at / (values.length / 8)) === 5 ? 0 : value));
        return values;
      });
      const sizes = { ...teacher.config, width: 7 };
      const narrow = narrowTeacher(teacher, sizes, await measure(teacher), ALL_LAYERS);
      expect(narrow.config.tieWordEmbeddings).toBe(teacher.config.tieWordEmbeddings);
      await expectSameLogits(narrow, teacher, 4);
    },
  );

  test.each(["grouped", "modulo"] as const)(
    "cuts the heads and neurons that add nothing: %s heads",
    async (headOrder) => {
      // The readers of KV head 0, and neurons 1 and 4.
      const silent = headOrder === "grouped" ? [0, 1] : [0, 2];
      const teacher = change(tinyTeacher("llama", { headOrder }), (name, values) => {
        const columns = name.endsWith("attention.output.weight") ? 16 : 12;
        const isSilent = (column: number): boolean =>
          columns === 16 ? silent.includes(Math.floor(column / 4)) : [1, 4].includes(column);
        if (!/(output|down)\.weight$/u.test(name)) return values;
        return values.map((value, at) => (isSilent(at % columns) ? 0 : value));
      });
      const sizes = { ...teacher.config, heads: 2, kvHeads: 1, feedForward: 10 };
      const narrow = narrowTeacher(teacher, sizes, await measure(teacher), ALL_LAYERS);
      expect(narrow.weights.get("decoder.layers.0.attention.key.weight")!.shape).toEqual([4, 8]);
      expect(narrow.weights.get("decoder.layers.0.feedForward.down.weight")!.shape).toEqual([8, 10]);
      await expectSameLogits(narrow, teacher, 5);
    },
  );

  test("contains only the layers that are used", async () => {
    const teacher = tinyTeacher("llama");
    const { weights } = narrowTeacher(teacher, teacher.config, await measure(teacher), new Set([2]));
    const layers = new Set([...weights.keys()].flatMap((name) => /layers\.(\d)/u.exec(name)?.[1] ?? []));
    expect(layers).toEqual(new Set(["2"]));
  });
});

test.each([
  ["width", 7],
  ["kvHeads", 1],
  ["feedForward", 11],
])("a student of fewer %s is narrower than its teacher", (key, value) => {
  const { config } = tinyTeacher("llama");
  expect(isNarrower(config, config)).toBe(false);
  expect(isNarrower({ ...config, [key]: value }, config)).toBe(true);
});

describe(observeTeacher, () => {
  test("measures the influence of a layer as 1 - cosine of its input and output states", async () => {
    // A layer that adds nothing to the states has no influence.
    const teacher = change(tinyTeacher("llama"), (name, values) =>
      /layers\.2\..*(output|down)\.weight$/u.test(name) ? values.fill(0) : values,
    );
    const { influence } = await measure(teacher);
    expect(influence[2]).toBeCloseTo(0, 6);
    for (const layer of [0, 1, 3]) {
      expect(influence[layer]).toBeGreaterThan(0.001);
      expect(influence[layer]).toBeLessThan(2);
    }
  });

  test("returns normalized states: their squares, on the diagonal of the products, add up to the width", async () => {
    const teacher = tinyTeacher("gemma", { normEpsilon: 1e-12 });
    const { gram, norms } = await measure(teacher);
    const { width } = teacher.config;
    const names = normNames(teacher.config);
    const diagonal = new Float64Array(width);
    names.forEach((name, norm) => {
      const squares = norms.subarray(norm * width, (norm + 1) * width);
      expect(squares.reduce((sum, value) => sum + value, 0)).toBeCloseTo(width, 4);
      if (!name.endsWith("PostNorm")) squares.forEach((value, i) => (diagonal[i] = diagonal[i]! + value));
    });
    diagonal.forEach((value, i) => {
      expect(gram[i * width + i]).toBeCloseTo(value, 4);
    });
  });

  test("ignores masked positions", async () => {
    const nothing = await measure(tinyTeacher("llama"), new Array<number>(12).fill(0));
    for (const name of STATISTIC_NAMES) expect(nothing[name].every((value) => value === 0)).toBe(true);
  });
});
