import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SILENT } from "@slm/core";
import { createHostTensor, type HostTensor } from "@slm/runtime";
import { buildTeacherCache, loadTeacher, openTeacherCache } from "@slm/teacher";
import {
  createEagerEngine,
  DIVERGENCE_DEFAULTS,
  DIVERGENCE_NAMES,
  DIVERGENCES,
  withTailBucket,
  type DivergenceName,
  type Engine,
} from "@slm/tensor";
import { pairsOf } from "@slm/training";
import { afterEach, beforeEach, expect, test } from "vitest";
import { teacherConfig, teacherWeights } from "./test-support/tiny.test-support.js";

let directory = "";
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "tail-"));
});
afterEach(() => rm(directory, { recursive: true }));

const pair = { source: [4, 5, 6], target: [7, 8] };
const shape = { batch: 1, source: 4, target: 3 };
const { vocabularySize: vocabulary } = teacherConfig;
const K = 3;

const softmax = (logits: readonly number[]): number[] => {
  const powers = logits.map(Math.exp);
  const total = powers.reduce((sum, power) => sum + power, 0);
  return powers.map((power) => power / total);
};

/** A divergence, of the given logits or with the teacher's tail in one bucket. */
async function divergence(
  engine: Engine,
  name: DivergenceName,
  { student, teacher, tail }: { student: HostTensor; teacher: HostTensor; tail: "spread" | "bucket" },
): Promise<number> {
  const { shape: size } = student;
  const program = await engine.compile({
    name: `${name} ${tail}`,
    inputs: {
      student: { dtype: "float32", shape: size },
      teacher: { dtype: "float32", shape: size },
      mask: { dtype: "float32", shape: [size[0]!] },
      count: { dtype: "float32", shape: [] },
    },
    build: (x) => {
      const given = { student: x["student"]!, teacher: x["teacher"]! };
      const both = tail === "bucket" ? withTailBucket(given.student, given.teacher) : given;
      const masked = { logits: both.student, mask: x["mask"]!, count: x["count"]! };
      return { value: DIVERGENCES[name].compute(masked, both.teacher, DIVERGENCE_DEFAULTS) };
    },
  });
  const mask = createHostTensor("float32", [size[0]!], new Float32Array(size[0]!).fill(1));
  const count = createHostTensor("float32", [], Float32Array.of(size[0]!));
  const { fetched } = await program.run({ feeds: { student, teacher, mask, count }, fetch: ["value"] });
  return Number(fetched["value"]!.data[0]);
}

test.each(DIVERGENCE_NAMES)(
  "%s of a cache's top-k and tail mass is that of k + 1 outcomes of the teacher itself",
  async (name) => {
    const engine = await createEagerEngine("js");
    const teacher = await loadTeacher(engine, { config: teacherConfig, weights: teacherWeights });
    const context = { progress: SILENT, signal: new AbortController().signal, seed: 1 };
    const pairs = pairsOf([pair.source], [pair.target]);
    await buildTeacherCache({ directory, teacher, identity: "t", pairs, k: K, engine, context });
    const cache = await openTeacherCache(directory);
    const stored = await cache.read([pair], shape);
    await cache.close();
    const scored = await engine.download(await teacher.score([pair], shape));
    const rows = (values: ArrayLike<number>): number[][] =>
      Array.from({ length: shape.target }, (_, at) =>
        Array.from(values).slice(at * vocabulary, (at + 1) * vocabulary),
      );
    const student = createHostTensor(
      "float32",
      [shape.target, vocabulary],
      Float32Array.from({ length: shape.target * vocabulary }, (_, at) => Math.sin(at)),
    );
    // The same divergence of k + 1 outcomes, which the program's own form is compared with.
    const outcomes = rows(Array.from(scored.data, Number)).map((logits, at) => {
      const p = softmax(logits);
      const q = softmax(rows(Array.from(student.data, Number))[at]!);
      const kept = [...p.keys()].sort((a, b) => p[b]! - p[a]!).slice(0, K);
      const of = (distribution: readonly number[]): number[] => {
        const known = kept.map((id) => distribution[id]!);
        return [...known, 1 - known.reduce((sum, value) => sum + value, 0)].map(Math.log);
      };
      return { student: of(q), teacher: of(p) };
    });
    const small = (side: "student" | "teacher"): HostTensor =>
      createHostTensor(
        "float32",
        [shape.target, K + 1],
        Float32Array.from(outcomes.flatMap((row) => row[side])),
      );
    const expected = await divergence(engine, name, {
      student: small("student"),
      teacher: small("teacher"),
      tail: "spread",
    });
    const got = await divergence(engine, name, { student, teacher: stored, tail: "bucket" });
    // A cache rounds, by a KL divergence of about 2e-5 nats.
    expect(Math.abs(got - expected)).toBeLessThan(1e-3);
    const spread = await divergence(engine, name, { student, teacher: stored, tail: "spread" });
    expect(spread - got).toBeGreaterThan(2e-3);
    await teacher.close();
  },
);
