import { createRandom } from "@slm/generation";
import { SlmError } from "@slm/core";
import { decoderOnlyConfig, initializeWeights } from "@slm/model";
import { TINY_SHAPE } from "@slm/model/testing";
import type { HostTensor } from "@slm/runtime";
import { createEagerEngine, type Engine } from "@slm/tensor";
import { loadTeacher, type Teacher, type TeacherCache } from "@slm/teacher";
import type { Tokenizer } from "@slm/tokenizer";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { alignPositions } from "./align.js";
import {
  otherVocabulary,
  roundLength,
  sameVocabulary,
  type DistillationTeacher,
} from "./distillation-teacher.js";
import { VocabularyMap } from "./vocabulary-map.js";

/** Letters a, b, c, and pairs of them where asked; ids from 4 on. */
function letters(pieces: readonly string[]): Tokenizer {
  const encode = (text: string): number[] => {
    if (text === "") throw new SlmError("DATA_INVALID", "no text");
    const ids: number[] = [];
    for (let at = 0; at < text.length;) {
      const piece = pieces.find((one) => text.startsWith(one, at))!;
      ids.push(4 + pieces.indexOf(piece));
      at += piece.length;
    }
    return ids;
  };
  return {
    vocabularySize: 4 + pieces.length,
    tokens: { pad: 0, bos: 1, eos: 2, unknown: 3 },
    encodeSource: encode,
    encodeTarget: encode,
    decode: (ids) => Array.from(ids, (id) => pieces[id - 4] ?? "").join(""),
  };
}

const single = ["a", "b", "c"];
const student = letters(["ab", ...single]);
const same = letters(single);
const shape = { batch: 2, source: 4, target: 5 };
const sources = ["abc", "b"];
const targets = ["cab", "ab"];

let engine: Engine;
let teacher: Teacher;
beforeAll(async () => {
  engine = await createEagerEngine("js");
  const config = decoderOnlyConfig.parse({
    ...TINY_SHAPE,
    vocabularySize: same.vocabularySize,
    tokens: same.tokens,
  });
  teacher = await loadTeacher(engine, { config, weights: initializeWeights(config, createRandom(5).next) });
});

const encode = (tokenizer: Tokenizer, texts: readonly string[]): Int32Array[] =>
  texts.map((text) => Int32Array.from(tokenizer.encodeTarget(text)));

/** Sources in both models' tokens. */
const both = { student: encode(student, sources), teacher: encode(same, sources) };

/** A cache that scores when it is read. */
function liveCache(): TeacherCache {
  const read: TeacherCache["read"] = async (pairs, { batch, target }) =>
    engine.download(await teacher.score(pairs, { batch, source: 8, target }));
  return { read } as TeacherCache;
}

const rowOf = (tensor: HostTensor, position: number): number[] => {
  const width = tensor.shape[1]!;
  return Array.from(tensor.data as Float32Array).slice(position * width, (position + 1) * width);
};

/** Teacher logits after the first `count` tokens of a target in its own tokens. */
async function logitsAt(row: number, count: number): Promise<Float32Array> {
  const pair = { source: both.teacher[row]!, target: same.encodeTarget(targets[row]!) };
  const { data } = await engine.download(await teacher.score([pair], { batch: 1, source: 8, target: 8 }));
  const width = same.vocabularySize;
  return (data as Float32Array).slice(count * width, (count + 1) * width);
}

describe("a teacher with a vocabulary of its own", () => {
  const teacherTokens = {
    sources: both.teacher,
    targets: encode(same, targets),
    alignments: targets.map((text) =>
      alignPositions(
        { decoder: student, tokens: student.encodeTarget(text) },
        { decoder: same, tokens: same.encodeTarget(text) },
      ),
    ),
  };
  const rows = { sources: both.student, targets: encode(student, targets), teacherTokens };
  const side = (map?: VocabularyMap): DistillationTeacher =>
    otherVocabulary({ engine, teacher, cache: liveCache(), tokenizers: { student, teacher: same }, map });

  test("is read where both have read the same text: 'cab' is c, ab for one and c, a, b for the other", async () => {
    const { feeds } = await side().gold(rows, shape);
    const host = feeds as Readonly<Record<string, HostTensor>>;
    expect(Array.from(host["aligned.mask"]!.data, Number)).toEqual([1, 1, 1, 0, 0, 1, 1, 0, 0, 0]);
    expect(Array.from(host["aligned.count"]!.data, Number)).toEqual([5]);
    const counterparts = [
      [0, 0, 0],
      [0, 1, 1],
      [0, 2, 3],
      [1, 0, 0],
      [1, 1, 2],
    ] as const;
    for (const [row, position, count] of counterparts) {
      const expected = await logitsAt(row, count);
      rowOf(host["teacher"]!, row * shape.target + position).forEach((value, id) => {
        expect(value).toBeCloseTo(expected[id]!, 5);
      });
    }
  });

  test("gives the same for stored and for fresh targets", async () => {
    const map = new VocabularyMap(same, student, "ab");
    for (const one of [side(), side(map)]) {
      const stored = (await one.gold(rows, shape)).feeds as Readonly<Record<string, HostTensor>>;
      const tokens = targets.map((text) => student.encodeTarget(text));
      const fresh = (await one.score(both, tokens, shape)).feeds as Readonly<Record<string, HostTensor>>;
      expect(fresh["aligned.mask"]).toEqual(stored["aligned.mask"]);
      Array.from(fresh["teacher"]!.data, Number).forEach((value, at) => {
        expect(value).toBeCloseTo(Number(stored["teacher"]!.data[at]), 4);
      });
    }
  });

  test("with a map has distributions over the student's tokens", async () => {
    const { feeds } = await side(new VocabularyMap(same, student, "ab")).gold(rows, shape);
    const tensor = feeds["teacher"] as HostTensor;
    expect(tensor.shape).toEqual([10, student.vocabularySize]);
    for (const position of [0, 1, 2, 5, 6]) {
      const sum = rowOf(tensor, position).reduce((total, value) => total + Math.exp(value), 0);
      expect(sum).toBeCloseTo(1, 5);
    }
  });

  test("counts no target that it cannot write", async () => {
    const unwritable = [[0, 3], student.encodeTarget("ab")];
    const { feeds } = await side().score(both, unwritable, shape);
    const mask = Array.from((feeds["aligned.mask"] as HostTensor).data, Number);
    expect(mask).toEqual([0, 0, 0, 0, 0, 1, 1, 0, 0, 0]);
  });

  test("generates in the student's tokens what it writes in its own", async () => {
    const generated = await side().generate(both, shape);
    const own = await sameVocabulary({ engine, teacher }).generate(
      { student: both.teacher, teacher: both.teacher },
      { ...shape, target: 8 },
    );
    generated.forEach((tokens, row) => {
      expect(tokens.length).toBeLessThan(shape.target);
      const text = same.decode(own[row]!);
      if (tokens.length > 0) expect(student.decode(tokens)).toBe(text);
      else expect(text === "" || student.encodeTarget(text).length >= shape.target).toBe(true);
    });
  });
});

test("lengths are rounded up by less than a half, to few different ones", () => {
  fc.assert(
    fc.property(fc.integer({ min: 9, max: 5000 }), (length) => {
      const rounded = roundLength(length);
      expect(rounded).toBeGreaterThanOrEqual(length);
      expect(rounded).toBeLessThan(1.5 * length);
    }),
  );
  const different = new Set(Array.from({ length: 512 }, (_, index) => roundLength(index + 1)));
  expect([...different]).toEqual([8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512]);
});
