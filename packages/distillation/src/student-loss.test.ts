import { createRandom } from "@slm/generation";
import { initializeParameters, type ModelConfig, type Weights } from "@slm/model";
import { createHostTensor, type HostTensor } from "@slm/runtime";
import { createEagerEngine, withDropout, type TensorSpec } from "@slm/tensor";
import { describe, expect, test } from "vitest";
import { lossConfig, TERM_NAMES, termsOf, weightOf, type LossConfig, type TermName } from "./loss-config.js";
import {
  auxiliaryParameters,
  studentLoss,
  type LossVariant,
  type StudentLossOptions,
} from "./student-loss.js";
import { modelPass } from "@slm/training";
import {
  decoderOnlyStudent,
  decoderOnlyWeights,
  studentConfig,
  studentWeights,
} from "./test-support/tiny.test-support.js";

const shape = { batch: 2, source: 3, target: 3 };
const positions = shape.batch * shape.target;
const sources = [[4, 5, 6], [7]];
const gold = [[8, 7], [5]];
const sampled = [[4], [6, 6]];
const { vocabularySize: vocabulary } = studentConfig;

const waves = (size: readonly number[]): HostTensor => {
  const count = size.reduce((product, axis) => product * axis, 1);
  return createHostTensor(
    "float32",
    size,
    Float32Array.from({ length: count }, (_, i) => Math.sin(i)),
  );
};
const ones = (size: number): HostTensor =>
  createHostTensor("float32", [size], new Float32Array(size).fill(1));
const scalar = (value: number): HostTensor => createHostTensor("float32", [], Float32Array.of(value));

interface Model {
  readonly config: ModelConfig;
  readonly weights: Weights;
}
const MODELS: readonly Model[] = [
  { config: studentConfig, weights: studentWeights },
  { config: decoderOnlyStudent, weights: decoderOnlyWeights },
];

/** Terms that a student of text can learn by. */
const TEXT_TERMS = TERM_NAMES.filter((name) => name !== "ctc");

const teacherShape = { vocabulary, isAligned: false, width: 5 };

const onlyTerms = (
  weights: Partial<Record<TermName, number>>,
  options: Partial<LossConfig> = {},
): LossConfig => lossConfig.parse({ forwardKl: 0, crossEntropy: 0, ...weights, ...options });

interface Given {
  readonly variant?: LossVariant;
  readonly distilled?: readonly number[][];
  readonly feeds?: Readonly<Record<string, HostTensor>>;
  readonly options?: Partial<StudentLossOptions>;
  /** Dropout masks, in their order; none drop nothing. */
  readonly masks?: readonly HostTensor[];
}

async function lossOf(
  { config, weights }: Model,
  loss: LossConfig,
  given: Given = {},
): Promise<Record<string, number>> {
  const { variant = "shared", distilled = gold } = given;
  const options: StudentLossOptions = { config, loss, teacher: teacherShape, ...given.options };
  const definition = studentLoss(options, shape, variant);
  const extra = initializeParameters(auxiliaryParameters(options), createRandom(9).next);
  const parameters: Weights = new Map([...weights, ...extra]);
  const pass = modelPass(config, shape);
  const masks = Object.fromEntries((given.masks ?? []).map((mask, at) => [`mask.${at}`, mask]));
  const inputs: Readonly<Record<string, TensorSpec>> = {
    ...definition.inputs,
    ...Object.fromEntries(
      Object.entries(masks).map(([name, mask]) => [name, { dtype: "float32", shape: mask.shape }]),
    ),
  };
  const feeds: Record<string, HostTensor> = {
    ...Object.fromEntries(parameters),
    ...pass.sharedFeeds(sources),
    ...pass.passFeeds("distill", sources, distilled).feeds,
    ...pass.passFeeds("gold", sources, gold).feeds,
    teacher: waves([positions, vocabulary]),
    "hidden.teacher": waves([shape.batch * shape.source, teacherShape.width]),
    "hidden.mask": ones(shape.batch * shape.source),
    "hidden.count": scalar(shape.batch * shape.source),
    ...masks,
    ...given.feeds,
  };
  const engine = await createEagerEngine("js");
  const specs = Object.fromEntries(
    [...parameters].map(([name, { shape: size }]) => [name, { dtype: "float32", shape: size } as const]),
  );
  const program = await engine.compile({
    name: "loss",
    inputs: { ...specs, ...inputs },
    build: (x) => {
      const taken = Object.keys(masks).map((name) => x[name]!);
      const build = (): ReturnType<typeof definition.build> => definition.build(x, x);
      const { loss: value, terms } = taken.length === 0 ? build() : withDropout(taken, build);
      return { loss: value, ...terms };
    },
  });
  const used = Object.fromEntries(
    [...parameters.keys(), ...Object.keys(inputs)].map((name) => [name, feeds[name]!]),
  );
  const { fetched } = await program.run({ feeds: used, fetch: ["loss", ...definition.terms] });
  return Object.fromEntries(Object.entries(fetched).map(([name, { data }]) => [name, Number(data[0])]));
}

describe.each(MODELS)("the loss of a $config.architecture student", (model) => {
  test("is the weighted sum of the terms that have weight, and these are logged", async () => {
    const loss = onlyTerms(Object.fromEntries(TEXT_TERMS.map((name, index) => [name, 0.5 + index])));
    const all = await lossOf(model, loss);
    expect(Object.keys(all).sort()).toEqual(["loss", ...termsOf(loss)].sort());
    const sum = TEXT_TERMS.reduce((total, name) => total + weightOf(loss, name) * all[name]!, 0);
    expect(all["loss"]).toBeCloseTo(sum, 4);
    for (const name of TEXT_TERMS) {
      expect(all[name], name).toBeGreaterThan(0);
      expect((await lossOf(model, onlyTerms({ [name]: 2 })))["loss"], name).toBeCloseTo(2 * all[name]!, 5);
    }
  });

  test("asks for nothing of a teacher where only labels count", () => {
    const options = { config: model.config, loss: onlyTerms({ crossEntropy: 1 }) };
    const names = Object.keys(studentLoss(options, shape, "shared").inputs);
    expect(names.filter((name) => /teacher|hidden|aligned/u.test(name))).toEqual([]);
    expect(auxiliaryParameters(options)).toEqual([]);
  });

  test("of separate passes over the same targets equals the shared pass", async () => {
    const loss = lossConfig.parse({});
    expect(await lossOf(model, loss, { variant: "separate" })).toEqual(await lossOf(model, loss));
  });

  test("of separate passes takes divergence from sampled targets and cross-entropy from gold ones", async () => {
    const loss = lossConfig.parse({});
    const separate = await lossOf(model, loss, { variant: "separate", distilled: sampled });
    expect(separate["forwardKl"]).toBe((await lossOf(model, loss, { distilled: sampled }))["forwardKl"]);
    expect(separate["crossEntropy"]).toBe((await lossOf(model, loss))["crossEntropy"]);
  });

  test("counts only aligned positions in the teacher's terms, and all labels", async () => {
    const loss = lossConfig.parse({});
    const options = { teacher: { ...teacherShape, isAligned: true } };
    const mask = createHostTensor("float32", [positions], Float32Array.of(1, 1, 1, 1, 1, 0));
    const all = { "aligned.mask": mask, "aligned.count": scalar(5) };
    const whole = await lossOf(model, loss);
    expect(await lossOf(model, loss, { options, feeds: all })).toEqual(whole);
    const first = createHostTensor("float32", [positions], Float32Array.of(1, 0, 0, 0, 0, 0));
    const some = await lossOf(model, loss, {
      options,
      feeds: { "aligned.mask": first, "aligned.count": scalar(1) },
    });
    expect(some["crossEntropy"]).toBe(whole["crossEntropy"]);
    expect(some["forwardKl"]).not.toBeCloseTo(whole["forwardKl"]!, 4);
  });

  test("compares sorted probabilities with a teacher of any vocabulary", async () => {
    const loss = onlyTerms({ uld: 1 }, { crossTokenizer: "uld" });
    for (const size of [3, 30]) {
      const options = { teacher: { vocabulary: size, isAligned: false, width: 5 } };
      const { uld } = await lossOf(model, loss, { options, feeds: { teacher: waves([positions, size]) } });
      expect(uld).toBeGreaterThan(0);
      expect(uld).toBeLessThanOrEqual(2);
    }
  });

  test("reads a dropout mask per block, the encoder's first", async () => {
    const loss = lossConfig.parse({});
    const options = { config: model.config, loss, teacher: teacherShape };
    const { dropoutShapes } = studentLoss(options, shape, "separate");
    const plain = await lossOf(model, loss, { variant: "separate" });
    const run = (even: number, odd: number): Promise<Record<string, number>> => {
      const masks = dropoutShapes.map((size) => {
        const count = size.reduce((product, axis) => product * axis, 1);
        const values = Float32Array.from({ length: count }, (_, i) => (i % 2 === 0 ? even : odd));
        return createHostTensor("float32", size, values);
      });
      return lossOf(model, loss, { variant: "separate", masks });
    };
    expect(await run(1, 1)).toEqual(plain);
    expect((await run(0, 2))["loss"]).not.toBeCloseTo(plain["loss"]!, 3);
  });
});

test("a decoder-only student's states of a source do not depend on the target", async () => {
  const model = MODELS[1]!;
  const loss = onlyTerms({ hiddenState: 1 });
  const mask = createHostTensor("float32", [6], Float32Array.of(1, 1, 1, 1, 0, 0));
  const feeds = { "hidden.mask": mask, "hidden.count": scalar(4) };
  const first = await lossOf(model, loss, { feeds });
  const second = await lossOf(model, loss, { feeds, distilled: sampled });
  expect(first["hiddenState"]).toBeCloseTo(second["hiddenState"]!, 6);
});

/** Student logits and one loss per position, in double precision: an independent reference for the weighted losses below. */
async function positionsOf(
  model: Model,
): Promise<{ divergence: number[]; negative: number[]; mask: number[] }> {
  // Each position alone, by a mask that counts nothing else: sums of one.
  const loss = lossConfig.parse({});
  const { feeds } = modelPass(model.config, shape).passFeeds("distill", sources, gold);
  const mask = Array.from(feeds["distill.mask"]!.data, Number);
  const alone = await Promise.all(
    mask.map((_, at) => {
      const one = Float32Array.from(mask, (_value, other) => (other === at ? 1 : 0));
      const counted = createHostTensor("float32", [positions], one);
      return lossOf(model, loss, { feeds: { "distill.mask": counted, "distill.count": scalar(1) } });
    }),
  );
  return {
    mask,
    divergence: alone.map((terms) => terms["forwardKl"]!),
    negative: alone.map((terms) => terms["crossEntropy"]!),
  };
}

describe.each(MODELS)("weights by the teacher's knowledge, for a $config.architecture student", (model) => {
  const [a, c] = [0.9, 0.1];
  const teacher = Array.from(waves([positions, vocabulary]).data, Number);
  const labels = [...gold[0]!, 2, ...gold[1]!, 2, 0];
  const probability = (at: number): number => {
    const row = teacher.slice(at * vocabulary, (at + 1) * vocabulary).map(Math.exp);
    return row[labels[at]!]! / row.reduce((sum, value) => sum + value, 0);
  };
  const rowFeeds = (
    confidence: readonly number[],
    isGold: readonly number[],
  ): Record<string, HostTensor> => ({
    "row.confidence": createHostTensor("float32", [2], Float32Array.from(confidence)),
    "row.isGold": createHostTensor("float32", [2], Float32Array.from(isGold)),
  });
  const weighted = (options: Partial<LossConfig>): LossConfig => lossConfig.parse({ ...options });

  test("give cross-entropy what they take from the divergence, position by position", async () => {
    const { divergence, negative, mask } = await positionsOf(model);
    const count = mask.reduce((sum, value) => sum + value, 0);
    for (const factor of [1, 0.25]) {
      const loss = weighted({
        teacherWeight: { by: "probability", per: "token" },
        teacherFactor: { from: factor, to: factor, begin: 0, end: 1 },
      });
      const got = await lossOf(model, loss, {
        feeds: { ...rowFeeds([1, 1], [1, 1]), teacherFactor: scalar(factor) },
      });
      const expected = mask.reduce((sum, value, at) => {
        const w = factor * probability(at);
        return sum + value * (w * a * divergence[at]! + (c + a * (1 - w)) * negative[at]!);
      }, 0);
      expect(got["loss"]).toBeCloseTo(expected / count, 5);
      const known = mask.reduce((sum, value, at) => sum + value * probability(at), 0) / count;
      expect(got["teacherWeight"]).toBeCloseTo(known, 5);
      expect(got["teacherFactor"]).toBe(factor);
    }
  });

  test("count rows that the teacher labelled by its confidence, both terms alike", async () => {
    const { divergence, negative, mask } = await positionsOf(model);
    const count = mask.reduce((sum, value) => sum + value, 0);
    const loss = weighted({ teacherWeight: { by: "agreement", per: "row" } });
    const got = await lossOf(model, loss, { feeds: rowFeeds([0.25, 0.75], [0, 0]) });
    const expected = mask.reduce((sum, value, at) => {
      const confidence = at < shape.target ? 0.25 : 0.75;
      return sum + value * confidence * (a * divergence[at]! + c * negative[at]!);
    }, 0);
    expect(got["loss"]).toBeCloseTo(expected / count, 5);
  });

  test("are conditional teacher-student learning where the teacher agrees or not", async () => {
    const { divergence, negative, mask } = await positionsOf(model);
    const count = mask.reduce((sum, value) => sum + value, 0);
    // The teacher's first choice is the label in the first row, and never in the second.
    const logits = Float32Array.from(teacher);
    labels.forEach((label, at) => {
      logits[at * vocabulary + label] = at < shape.target ? 5 : -5;
    });
    const feeds = {
      ...rowFeeds([1, 1], [1, 1]),
      teacher: createHostTensor("float32", [positions, vocabulary], logits),
    };
    const loss = weighted({ teacherWeight: { by: "agreement", per: "token" } });
    const got = await lossOf(model, loss, { feeds });
    const plain = await lossOf(model, lossConfig.parse({}), { feeds });
    const first = {
      "distill.mask": createHostTensor("float32", [positions], Float32Array.of(1, 1, 1, 0, 0, 0)),
    };
    const agreed = await lossOf(model, lossConfig.parse({}), { feeds: { ...feeds, ...first } });
    expect(divergence).toHaveLength(positions);
    const taken = mask.reduce(
      (sum, value, at) => sum + value * (at < shape.target ? c : a + c) * negative[at]!,
      0,
    );
    expect(got["loss"]).toBeCloseTo(a * agreed["forwardKl"]! + taken / count, 5);
    expect(plain["loss"]).not.toBeCloseTo(got["loss"]!, 2);
  });

  test("of samples of the student leave the teacher's term to the factor alone", async () => {
    const given: Given = { variant: "separate", distilled: sampled };
    const plain = await lossOf(model, lossConfig.parse({}), given);
    const loss = weighted({
      teacherWeight: { by: "probability", per: "token" },
      teacherFactor: { from: 1, to: 0, begin: 0, end: 1 },
    });
    const got = await lossOf(model, loss, { ...given, feeds: { teacherFactor: scalar(0.5) } });
    expect(got["loss"]).toBeCloseTo(
      0.5 * a * plain["forwardKl"]! + (c + 0.5 * a) * plain["crossEntropy"]!,
      5,
    );
    expect(got).not.toHaveProperty("teacherWeight");
  });

  test("without distributions count labels of the teacher by its confidence", async () => {
    const { negative, mask } = await positionsOf(model);
    const loss = onlyTerms({ crossEntropy: 1 }, { teacherWeight: { by: "probability", per: "row" } });
    const feeds = rowFeeds([0.5, 1], [0, 0]);
    const got = await lossOf(model, loss, { feeds, options: { teacher: undefined } });
    const count = mask.reduce((sum, value) => sum + value, 0);
    const expected = mask.reduce(
      (sum, value, at) => sum + value * (at < shape.target ? 0.5 : 1) * negative[at]!,
      0,
    );
    expect(got["loss"]).toBeCloseTo(expected / count, 5);
  });

  test("fade the match of hidden states too", async () => {
    const terms = { forwardKl: 0.9, crossEntropy: 0.1, hiddenState: 1 };
    const plain = await lossOf(model, onlyTerms(terms));
    const faded = await lossOf(
      model,
      onlyTerms(terms, { teacherFactor: { from: 1, to: 0, begin: 0, end: 1 } }),
      { feeds: { teacherFactor: scalar(0.25) } },
    );
    expect(faded["hiddenState"]).toBeCloseTo(0.25 * plain["hiddenState"]!, 5);
  });

  test("are no input of a program that does not use them", () => {
    const options = { config: model.config, loss: lossConfig.parse({}), teacher: teacherShape };
    const names = Object.keys(studentLoss(options, shape, "shared").inputs);
    expect(names.filter((name) => name.startsWith("row.") || name === "teacherFactor")).toEqual([]);
  });
});

test("a tail in one bucket changes the divergence only where the teacher's least probable tokens are tied", async () => {
  const model = MODELS[0]!;
  const bucket = lossConfig.parse({ tail: "bucket" });
  const whole = await lossOf(model, lossConfig.parse({}));
  expect((await lossOf(model, bucket))["forwardKl"]).toBeCloseTo(whole["forwardKl"]!, 4);
  const all = Array.from(waves([positions, vocabulary]).data, Number);
  const cut = Float32Array.from(all, (value) => Math.max(0, value));
  const feeds = { teacher: createHostTensor("float32", [positions, vocabulary], cut) };
  const spread = await lossOf(model, lossConfig.parse({}), { feeds });
  expect((await lossOf(model, bucket, { feeds }))["forwardKl"]).toBeLessThan(spread["forwardKl"]! - 0.01);
});
