import { createRandom } from "@slm/generation";
import { initializeParameters, type ModelConfig, type Weights } from "@slm/model";
import { specsOf } from "@slm/model/testing";
import { createHostTensor, type HostTensor } from "@slm/runtime";
import { createEagerEngine, withDropout } from "@slm/tensor";
import { describe, expect, test } from "vitest";
import { lossConfig, termsOf, weightOf, type LossConfig, type TermName } from "../config/loss-config.js";
import { TERM_NAMES } from "../config/loss-terms.js";
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
} from "../test-support/tiny.test-support.js";

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

/** Terms for a text-only student. */
const TEXT_TERMS = TERM_NAMES.filter((name) => name !== "ctc");

const onlyTerms = (
  weights: Partial<Record<TermName, number>>,
  options: Partial<LossConfig> = {},
): LossConfig => lossConfig.parse({ forwardKl: 0, crossEntropy: 0, ...weights, ...options });

interface Given {
  readonly variant?: LossVariant;
  readonly distilled?: readonly number[][];
  readonly feeds?: Readonly<Record<string, HostTensor>>;
  readonly options?: Partial<StudentLossOptions>;
  /** Dropout masks in order; without masks nothing is dropped. */
  readonly masks?: readonly HostTensor[];
}

async function lossOf(
  { config, weights }: Model,
  loss: LossConfig,
  given: Given = {},
): Promise<Record<string, number>> {
  const { variant = "shared", distilled = gold } = given;
  const options: StudentLossOptions = { config, loss, ...given.options };
  const definition = studentLoss(options, shape, variant);
  const extra = initializeParameters(auxiliaryParameters(options), createRandom(9).next);
  const parameters: Weights = new Map([...weights, ...extra]);
  const pass = modelPass(config, shape);
  const masks = Object.fromEntries((given.masks ?? []).map((mask, at) => [`mask.${at}`, mask]));
  const inputs = { ...definition.inputs, ...specsOf(masks) };
  const feeds: Record<string, HostTensor> = {
    ...Object.fromEntries(parameters),
    ...pass.sharedFeeds(sources),
    ...pass.passFeeds("distill", sources, distilled).feeds,
    ...pass.passFeeds("gold", sources, gold).feeds,
    teacher: waves([positions, vocabulary]),
    "hidden.mask": ones(shape.batch * shape.source),
    "hidden.count": scalar(shape.batch * shape.source),
    ...masks,
    ...given.feeds,
  };
  const engine = await createEagerEngine("js");
  const program = await engine.compile({
    name: "loss",
    inputs: { ...specsOf(Object.fromEntries(parameters)), ...inputs },
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
  test("is the weighted sum of the terms with a weight, and logs them", async () => {
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

  test("requests nothing from the teacher if only labels count", () => {
    const options = { config: model.config, loss: onlyTerms({ crossEntropy: 1 }) };
    const names = Object.keys(studentLoss(options, shape, "shared").inputs);
    expect(names.filter((name) => /teacher|hidden|aligned/u.test(name))).toEqual([]);
    expect(auxiliaryParameters(options)).toEqual([]);
  });

  test("with separate passes over the same targets equals the shared pass", async () => {
    const loss = lossConfig.parse({});
    expect(await lossOf(model, loss, { variant: "separate" })).toEqual(await lossOf(model, loss));
  });

  test("with separate passes computes the divergence on sampled targets and cross-entropy on gold ones", async () => {
    const loss = lossConfig.parse({});
    const separate = await lossOf(model, loss, { variant: "separate", distilled: sampled });
    expect(separate["forwardKl"]).toBe((await lossOf(model, loss, { distilled: sampled }))["forwardKl"]);
    expect(separate["crossEntropy"]).toBe((await lossOf(model, loss))["crossEntropy"]);
  });

  test("reads a dropout mask per block, the encoder's first", async () => {
    const loss = lossConfig.parse({});
    const options = { config: model.config, loss };
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
