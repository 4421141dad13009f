import { createRandom } from "@slm/generation";
import type { ModelConfig, Weights } from "@slm/model";
import { createEagerEngine, type Engine } from "@slm/tensor";
import { loadTeacher, type Teacher } from "@slm/teacher";
import { createOnPolicySampler, type LiveModel } from "@slm/training";
import { describe, expect, test } from "vitest";
import { distillConfig } from "./distill-config.js";
import { sameVocabulary, type BatchSources } from "./distillation-teacher.js";
import { OnPolicyTargets } from "./on-policy-targets.js";
import type { ScoredTargets } from "./speculative-targets.js";
import {
  decoderOnlyStudent,
  decoderOnlyWeights,
  liveModel,
  studentConfig,
  studentWeights,
  teacherConfig,
  teacherWeights,
} from "./test-support/tiny.test-support.js";

const bucket = { source: 4, target: 7 };
const LIMIT = bucket.target - 1;
const read = [Int32Array.of(4, 5, 6), Int32Array.of(7), Int32Array.of(8, 8, 4, 5)];
const sources: BatchSources = { student: read, teacher: read };
const { vocabularySize: vocabulary, tokens: marks } = teacherConfig;

interface Setting {
  readonly live: LiveModel;
  readonly engine: Engine;
  readonly teacher: Teacher;
}

async function settingOf(config: ModelConfig, weights: Weights): Promise<Setting> {
  const engine = await createEagerEngine("js");
  const teacher = await loadTeacher(engine, { config: teacherConfig, weights: teacherWeights });
  return { engine, teacher, live: await liveModel(engine, config, weights) };
}

const samplingOf = (speculative?: object): { batchSize: number; sampling: ReturnType<typeof sampling> } => ({
  batchSize: read.length,
  sampling: sampling(speculative),
});
const sampling = (speculative?: object): ReturnType<typeof distillConfig.parse>["sampling"] =>
  distillConfig.shape.sampling.parse({ temperature: 1, speculative });

/** Targets of one batch, and the passes of the teacher that they took. */
async function draw(
  { live, engine, teacher }: Setting,
  speculative: object | undefined,
  seed: number,
): Promise<ScoredTargets & { readonly passes: number }> {
  const onPolicy = new OnPolicyTargets(samplingOf(speculative));
  const side = sameVocabulary({ engine, teacher });
  let passes = 0;
  const drawn = await onPolicy.draw({
    sources,
    bucket,
    live,
    random: createRandom(seed).next,
    score: (targets) => {
      passes += 1;
      return side.score(sources, targets, { batch: read.length, ...bucket });
    },
  });
  await onPolicy.close();
  return { ...drawn, passes };
}

/** The teacher's logits after each prefix of a target, `[tokens + 1, vocab]`, computed afresh. */
async function logitsOf(
  { teacher, engine }: Setting,
  row: number,
  target: readonly number[],
): Promise<number[][]> {
  const shape = { batch: 1, source: 4, target: bucket.target };
  const scored = await teacher.score([{ source: read[row]!, target }], shape);
  const values = Array.from((await engine.download(scored)).data, Number);
  return Array.from({ length: target.length + 1 }, (_, at) =>
    values.slice(at * vocabulary, (at + 1) * vocabulary),
  );
}

const rankOf = (logits: readonly number[], token: number): number =>
  logits.filter((logit) => logit > logits[token]!).length;

/** Inverts the cumulative distribution of the k most probable tokens, in the order of ids. */
function inverted(logits: readonly number[], k: number, uniform: number): number {
  const least = [...logits].sort((a, b) => b - a)[Math.min(k, logits.length) - 1]!;
  const masses = logits.map((logit) => (logit >= least ? Math.exp(logit) : 0));
  const total = masses.reduce((sum, mass) => sum + mass, 0);
  let passed = 0;
  for (const [token, mass] of masses.entries()) {
    passed += mass;
    if (passed > uniform * total) return token;
  }
  throw new Error("a uniform number lies below 1");
}

/** The paper's algorithm, token by token and row by row, with the same uniform numbers. */
async function oneByOne(setting: Setting, topK: number, seed: number): Promise<number[][]> {
  const { next } = createRandom(seed);
  const [studentSeed, teacherSeed] = [next(), next()].map((value) => Math.floor(value * 2 ** 32)) as [
    number,
    number,
  ];
  const teacherNumbers = createRandom(teacherSeed);
  const uniform = Array.from({ length: read.length * bucket.target }, () => teacherNumbers.next());
  const shape = { rows: read.length, source: bucket.source, target: LIMIT };
  const { live } = setting;
  const sampler = await createOnPolicySampler(live, shape, { temperature: 1, topK: 128 });
  const results: number[][] = [];
  for (const row of read.keys()) {
    const target: number[] = [];
    for (let at = 0; at < LIMIT; at++) {
      const prefixes = read.map((_, other) => (other === row ? target : []));
      const drawn = await sampler.sample(
        live.feeds,
        read,
        createRandom(studentSeed).next,
        undefined,
        prefixes,
      );
      const proposed = drawn[row]![at] ?? marks.eos;
      const logits = (await logitsOf(setting, row, target)).at(-1)!;
      const token =
        rankOf(logits, proposed) < topK
          ? proposed
          : inverted(logits, topK, uniform[row * bucket.target + at]!);
      if (token === marks.eos) break;
      target.push(token);
    }
    results.push(target);
  }
  await sampler.close();
  return results;
}

describe.each([
  { config: studentConfig, weights: studentWeights },
  { config: decoderOnlyStudent, weights: decoderOnlyWeights },
])("speculative targets of a $config.architecture student", ({ config, weights }) => {
  test("drawn in blocks are those drawn token by token", async () => {
    const setting = await settingOf(config, weights);
    let replaced = 0;
    for (const topK of [1, 2, 4]) {
      for (const seed of [3, 4]) {
        const { targets, passes } = await draw(setting, { topK, rounds: 20 }, seed);
        expect(targets, `top ${topK}, seed ${seed}`).toEqual(await oneByOne(setting, topK, seed));
        replaced += passes - 1;
      }
    }
    expect(replaced).toBeGreaterThan(6);
  });

  test("have only tokens that the teacher ranks within k, EOS included", async () => {
    const setting = await settingOf(config, weights);
    for (const rounds of [1, 2, 20]) {
      const { targets } = await draw(setting, { topK: 2, rounds }, 5);
      for (const [row, target] of targets.entries()) {
        const logits = await logitsOf(setting, row, target);
        target.forEach((token, at) => {
          expect(rankOf(logits[at]!, token)).toBeLessThan(2);
        });
        if (rounds === 20 && target.length < LIMIT)
          expect(rankOf(logits[target.length]!, marks.eos)).toBeLessThan(2);
      }
    }
  });

  test("come with the teacher's distributions over themselves, without another pass", async () => {
    const setting = await settingOf(config, weights);
    for (const rounds of [2, 20]) {
      const { targets, teacherFeeds, passes } = await draw(setting, { topK: 2, rounds }, 5);
      expect(passes).toBeLessThanOrEqual(rounds);
      const fed = teacherFeeds.feeds["teacher"]!;
      const values = Array.from((await setting.engine.download(teacherFeeds.owned[0]!)).data, Number);
      expect(fed).toBe(teacherFeeds.owned[0]);
      for (const [row, target] of targets.entries()) {
        const expected = (await logitsOf(setting, row, target)).flat();
        const start = row * bucket.target * vocabulary;
        const got = values.slice(start, start + expected.length);
        got.forEach((value, at) => {
          expect(value).toBeCloseTo(expected[at]!, 4);
        });
      }
    }
  });

  test("of a teacher that accepts everything are on-policy samples in one pass", async () => {
    const setting = await settingOf(config, weights);
    const { targets, passes } = await draw(setting, { topK: vocabulary, rounds: 20 }, 6);
    expect(passes).toBe(1);
    const seed = Math.floor(createRandom(6).next() * 2 ** 32);
    const shape = { rows: read.length, source: bucket.source, target: LIMIT };
    const sampler = await createOnPolicySampler(setting.live, shape, { temperature: 1, topK: 128 });
    expect(targets).toEqual(await sampler.sample(setting.live.feeds, read, createRandom(seed).next));
  });

  test("of one round are samples that end before their first bad token", async () => {
    const setting = await settingOf(config, weights);
    const whole = await draw(setting, { topK: vocabulary, rounds: 1 }, 7);
    const cut = await draw(setting, { topK: 1, rounds: 1 }, 7);
    for (const [row, target] of cut.targets.entries())
      expect(whole.targets[row]!.slice(0, target.length)).toEqual(target);
    expect(cut.targets.flat().length).toBeLessThan(whole.targets.flat().length);
  });
});
