import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder, withCode } from "@slm/core/testing";
import { createRandom } from "@slm/generation";
import {
  decoderOnlyConfig,
  encoderDecoderConfig,
  initializeWeights,
  type DecoderOnlyConfig,
} from "@slm/model";
import { TINY_SHAPE } from "@slm/model/testing";
import { writeCheckpoint } from "@slm/checkpoints";
import { createEagerEngine, type Engine } from "@slm/tensor";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { joinTeachers, meanDistribution } from "./ensemble.js";
import { loadTeachers, readTeacherConfigs, writeEnsemble } from "../teacher-directory.js";
import type { Teacher } from "./teacher.js";
import { logSoftmax, madeUpTeacher, randomPairs } from "../testing/synthetic-teacher.js";

/** The vision configuration of a model that reads images. */
const TOWER = {
  image: { channels: 1, resize: { kind: "fit", height: 2, width: 6 }, mean: [0.5], std: [0.5] },
  patch: { height: 2, width: 2 },
  width: 4,
  layers: 1,
  heads: 1,
  feedForward: 4,
};
const VOCABULARY = 12;
const pairs = randomPairs(5, VOCABULARY);
const shape = { batch: 6, source: 4, target: 5 };
let engine: Engine;
const root = temporaryFolder();

beforeAll(async () => {
  engine = await createEagerEngine("js");
});

const member = (salt: number): Teacher => madeUpTeacher(engine, { vocabularySize: VOCABULARY, salt });

/** Log-probabilities of a teacher, one list per target position. */
async function scoresOf(teacher: Teacher): Promise<number[][]> {
  const { data } = await engine.download(await teacher.score(pairs, shape));
  return pairs.flatMap(({ target }, row) =>
    Array.from({ length: target.length + 1 }, (_, i) => {
      const at = (row * shape.target + i) * VOCABULARY;
      return logSoftmax((data as Float32Array).subarray(at, at + VOCABULARY));
    }),
  );
}

/** log(sum of shares · exp(log-probabilities)). */
const meanOf = (lists: readonly number[][], shares: readonly number[]): number[] =>
  lists[0]!.map((_, id) =>
    Math.log(lists.reduce((sum, list, m) => sum + shares[m]! * Math.exp(list[id]!), 0)),
  );

describe(meanDistribution, () => {
  test("is the log of the weighted mean of the probabilities, even if a constant is added to a member's logits", () => {
    const row = fc.array(fc.double({ min: -30, max: 30, noNaN: true }), { minLength: 4, maxLength: 4 });
    const anyMember = fc.record({ row, shift: fc.double({ min: -500, max: 500, noNaN: true }) });
    const property = fc.property(fc.array(anyMember, { minLength: 1, maxLength: 4 }), (members) => {
      const shares = members.map((_, index) => (index + 1) / ((members.length * (members.length + 1)) / 2));
      const logits = members.map(({ row: values, shift }) =>
        Float32Array.from(values, (value) => value + shift),
      );
      const mean = meanDistribution(logits, shares, 4);
      const expected = meanOf(logits.map(logSoftmax), shares);
      for (const [id, value] of expected.entries()) expect(mean[id]).toBeCloseTo(value, 4);
      expect(mean.reduce((sum, value) => sum + Math.exp(value), 0)).toBeCloseTo(1, 5);
    });
    fc.assert(property);
  });
});

describe(joinTeachers, () => {
  test("scores the weighted mean probability of its members, token by token", async () => {
    const members = [member(1), member(2), member(3)];
    const each = await Promise.all(members.map(scoresOf));
    for (const [weights, shares] of [
      [undefined, [1 / 3, 1 / 3, 1 / 3]],
      [
        [2, 1, 1],
        [0.5, 0.25, 0.25],
      ],
    ] as const) {
      const scores = await scoresOf(joinTeachers(engine, members, weights));
      scores.forEach((row, position) => {
        const expected = meanOf(
          each.map((list) => list[position]!),
          shares,
        );
        for (const [id, value] of row.entries()) expect(value).toBeCloseTo(expected[id]!, 4);
      });
    }
  });

  test("generates the tokens with the highest scores", async () => {
    const ensemble = joinTeachers(engine, [member(1), member(2)]);
    const sources = [Int32Array.of(5, 6), Int32Array.of(7)];
    const decoded = await ensemble.decode(
      sources,
      { batch: 3, source: 2, target: 6 },
      { kind: "greedy" },
      () => 0,
    );
    expect(decoded).toHaveLength(2);
    for (const [row, { tokens, logProbability, finished }] of decoded.entries()) {
      const scored = await ensemble.score([{ source: sources[row]!, target: tokens }], {
        batch: 1,
        source: 2,
        target: 7,
      });
      const values = (await engine.download(scored)).data as Float32Array;
      const path = finished ? [...tokens, ensemble.config.tokens.eos] : tokens;
      const rows = path.map((_, i) => logSoftmax(values.subarray(i * VOCABULARY, (i + 1) * VOCABULARY)));
      expect(rows.map((list) => list.indexOf(Math.max(...list)))).toEqual(path);
      expect(logProbability).toBeCloseTo(
        rows.reduce((sum, list, i) => sum + list[path[i]!]!, 0),
        3,
      );
    }
  });

  test("has the sum of members' weights, their lowest limits, and no hidden states", () => {
    const short = member(2);
    const ensemble = joinTeachers(engine, [
      member(1),
      { ...short, config: { ...short.config, maxTarget: 3 } },
    ]);
    expect(ensemble.parameters).toBe(20);
    expect(ensemble.config).toMatchObject({ maxSource: 8, maxTarget: 3 });
  });

  test("rejects members with different vocabularies or special tokens, and invalid weights", () => {
    const other = madeUpTeacher(engine, { vocabularySize: VOCABULARY + 1 });
    const moved = member(2);
    const marks = { ...moved.config.tokens, eos: 3, unknown: 2 };
    for (const wrong of [other, { ...moved, config: { ...moved.config, tokens: marks } }])
      expect(() => joinTeachers(engine, [member(1), wrong])).toThrow(withCode("SHAPE_MISMATCH"));
    for (const weights of [[1], [1, 0], [1, -1], [1, Number.NaN], [1, Infinity]])
      expect(() => joinTeachers(engine, [member(1), member(2)], weights)).toThrow(withCode("CONFIG_INVALID"));
  });
});

describe(loadTeachers, () => {
  const config: DecoderOnlyConfig = decoderOnlyConfig.parse({
    ...TINY_SHAPE,
    vocabularySize: VOCABULARY,
  });
  const write = async (name: string, seed: number, of: DecoderOnlyConfig = config): Promise<void> => {
    await mkdir(join(root, name), { recursive: true });
    await writeCheckpoint(join(root, name), {
      config: of,
      weights: initializeWeights(of, createRandom(seed).next),
    });
  };

  test("opens a checkpoint, or an ensemble as the mean of its checkpoints", async () => {
    await write("member-0", 1);
    await write("member-1", 2);
    await writeEnsemble(root, [
      { directory: "member-0", weight: 3 },
      { directory: "member-1", weight: 1 },
    ]);
    const alone = await Promise.all(
      ["member-0", "member-1"].map(async (name) => scoresOf(await loadTeachers(engine, join(root, name)))),
    );
    const ensemble = await loadTeachers(engine, root);
    (await scoresOf(ensemble)).forEach((row, position) => {
      const expected = meanOf(
        alone.map((list) => list[position]!),
        [0.75, 0.25],
      );
      for (const [id, value] of row.entries()) expect(value).toBeCloseTo(expected[id]!, 4);
    });
    expect(await readTeacherConfigs(root)).toEqual([config, config]);
    expect(await readTeacherConfigs(join(root, "member-1"))).toEqual([config]);
  });

  test("rejects members outside the directory, with other vocabularies, or that are not teachers", async () => {
    const file = join(root, "ensemble.json");
    for (const directory of ["../x", "/etc", "a/../../b", ""]) {
      await writeFile(file, JSON.stringify({ version: 1, members: [{ directory, weight: 1 }] }));
      await expect(loadTeachers(engine, root)).rejects.toMatchObject({ code: "DATA_INVALID" });
    }
    await writeFile(file, "{}");
    await expect(loadTeachers(engine, root)).rejects.toMatchObject({ code: "DATA_INVALID" });
    await write("member-2", 3, { ...config, vocabularySize: VOCABULARY + 4 });
    await writeEnsemble(root, [
      { directory: "member-0", weight: 1 },
      { directory: "member-2", weight: 1 },
    ]);
    await expect(loadTeachers(engine, root)).rejects.toMatchObject({ code: "SHAPE_MISMATCH" });
    await writeEnsemble(root, [{ directory: "nowhere", weight: 1 }]);
    await expect(loadTeachers(engine, root)).rejects.toMatchObject({ code: "INPUT_MISSING" });
    const seeing = encoderDecoderConfig.parse({
      ...config,
      architecture: "encoder-decoder",
      encoderLayers: 1,
      vision: { tower: TOWER },
    });
    const weights = initializeWeights(seeing, createRandom(1).next);
    await writeCheckpoint(join(root, "member-2"), { config: seeing, weights });
    await expect(loadTeachers(engine, join(root, "member-2"))).rejects.toMatchObject({
      code: "CONFIG_INVALID",
    });
  });
});
