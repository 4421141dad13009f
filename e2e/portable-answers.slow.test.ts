/** A portable form in WebAssembly must answer as the float32 graphs of the same model do in ONNX Runtime. */
import { cp, mkdtemp, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { readModule } from "@slm/c-export";
import { readDeviceModel } from "@slm/exported-model";
import type { TokenConstraint } from "@slm/generation";
import {
  openGraphModel,
  openPortableModel,
  type GenerateOptions,
  type Generation,
  type Model,
} from "@slm/inference";
import type { DecoderOnlyConfig, EncoderDecoderConfig } from "@slm/model";
import { beforeAll, describe, expect, test } from "vitest";
import { decoderOnly, encoderDecoder, NATIVE_SHAPES, SHAPES } from "./random-models.js";
import { TinyModels } from "./tiny-models.js";

/** The size of the tiny models' vocabulary. */
const VOCABULARY = 9;
const SOURCES = ["abc", "bca", "caa", "acb", "b", "bbacabcb"];

const exporter = new TinyModels();
let module: WebAssembly.Module;
beforeAll(async () => {
  module = await WebAssembly.compile(await readModule());
});

interface Both {
  readonly graphs: Model;
  readonly portable: Model;
}

async function opened(directory: string): Promise<Both> {
  return {
    graphs: await openGraphModel(directory, exporter.runtime),
    portable: await openPortableModel(directory, { module }),
  };
}

async function expectAlike(
  { graphs, portable }: Both,
  requests: readonly GenerateOptions[],
): Promise<number> {
  let tokens = 0;
  for (const request of requests) {
    const expected = await graphs.generate(SOURCES, request);
    const answers = await portable.generate(SOURCES, request);
    const told = ({ tokens: ids, text, reason, finished }: Generation): unknown => ({
      ids,
      text,
      reason,
      finished,
    });
    expect(answers.map(told)).toEqual(expected.map(told));
    answers.forEach(({ logProbability, confidence }, at) => {
      expect(logProbability).toBeCloseTo(expected[at]!.logProbability, 3);
      expect(confidence).toBeCloseTo(expected[at]!.confidence, 3);
    });
    tokens += answers.flatMap((answer) => answer.tokens).length;
  }
  return tokens;
}

/** Forbids a token that the models would often choose. */
const without4: TokenConstraint = {
  allows: (token) => token !== 4,
  mask: (scores) => {
    scores[4] = -Infinity;
  },
  after: () => without4,
};
const constraint = (): TokenConstraint => without4;

const REQUESTS: Readonly<Record<string, readonly GenerateOptions[]>> = {
  greedy: [{}, { batchSize: 1 }, { maxTokens: 3 }, { stop: ["X"] }],
  sampled: [1, 2, 3, 4].map((seed) => ({ strategy: { kind: "sample", temperature: 1.5, topK: 5 }, seed })),
  "with beams": [2, 4].map((beams) => ({ strategy: { kind: "beam", beams, lengthPenalty: 0.8 } })),
  "under rules": [
    { rules: { repetitionPenalty: 1.4, presencePenalty: 0.5 } },
    { strategy: { kind: "beam", beams: 3, lengthPenalty: 1 }, rules: { repetitionPenalty: 1.2 } },
  ],
  "under a constraint": [
    { constraint },
    { constraint, strategy: { kind: "beam", beams: 3, lengthPenalty: 1 } },
  ],
};

const small = <Config extends EncoderDecoderConfig | DecoderOnlyConfig>(config: Config): Config => ({
  ...config,
  vocabularySize: VOCABULARY,
});
const CONFIGS: readonly (readonly [string, EncoderDecoderConfig | DecoderOnlyConfig])[] = [
  ["encoder-decoder", small(encoderDecoder)],
  ["decoder-only", small(decoderOnly)],
  ...[...Object.entries(SHAPES), ...Object.entries(NATIVE_SHAPES)]
    .filter(([, shape]) => shape.maxTarget !== 2)
    .map(([name, shape]) => [name, small({ ...encoderDecoder, ...shape })] as const),
];

describe.each(CONFIGS)("%s", (_name, config) => {
  test("answers as the graphs do, however tokens are chosen", async () => {
    const { directory } = await exporter.exported(config, { target: "cpu" });
    expect((await readDeviceModel(directory)).portable?.map(({ weights }) => weights)).toEqual([
      "float32",
      "int8",
    ]);
    const both = await opened(directory);
    let tokens = 0;
    for (const requests of Object.values(REQUESTS)) tokens += await expectAlike(both, requests);
    expect(tokens).toBeGreaterThan(100);
    await both.graphs.close();
    await both.portable.close();
  });
});

test("scores given answers as the graphs do", async () => {
  for (const config of [encoderDecoder, decoderOnly]) {
    const { directory } = await exporter.exported(small(config), { target: "cpu" });
    const { graphs, portable } = await opened(directory);
    const pairs = SOURCES.map((source, at) => ({ source, answer: ["X Y", "Y", ""][at % 3]! }));
    const [expected, found] = [
      await graphs.score(pairs, { batchSize: 4 }),
      await portable.score(pairs, { batchSize: 4 }),
    ];
    found.forEach(({ nats, tokens }, at) => {
      expect(nats).toBeCloseTo(expected[at]!.nats, 3);
      expect(tokens).toBe(expected[at]!.tokens);
    });
    await graphs.close();
    await portable.close();
  }
});

test("calls that overlap have answers of their own", async () => {
  const { directory } = await exporter.exported(small(encoderDecoder), { target: "cpu" });
  const { graphs, portable } = await opened(directory);
  const apart = await graphs.generate(SOURCES);
  const together = await Promise.all(SOURCES.map((source) => portable.generate(source)));
  expect(together.map(({ tokens }) => tokens)).toEqual(apart.map(({ tokens }) => tokens));
  await graphs.close();
  await portable.close();
});

test("a signal ends an answer between two steps", async () => {
  const { directory } = await exporter.exported(small(decoderOnly), { target: "cpu" });
  const { graphs, portable } = await opened(directory);
  const signal = AbortSignal.timeout(30);
  const many = new Array<string>(20_000).fill("abc");
  await expect(portable.generate(many, { signal })).rejects.toMatchObject({ code: "INTERRUPTED" });
  await graphs.close();
  await portable.close();
});

describe("shortlists", () => {
  test("tokens outside the list are never chosen", async () => {
    const shortlist = [0, 1, 2, 3, 5, 7];
    const { directory } = await exporter.exported(small(encoderDecoder), {
      target: "cpu",
      shortlist,
    } as never);
    const both = await opened(directory);
    for (const requests of Object.values(REQUESTS)) await expectAlike(both, requests);
    await both.graphs.close();
    await both.portable.close();
  });
});

test("a portable form of another model is refused", async () => {
  const [one, other] = [
    await exporter.exported(small(encoderDecoder), { target: "cpu" }),
    await exporter.exported({ ...encoderDecoder, vocabularySize: 12 }, { target: "cpu" }),
  ];
  const mixed = join(await mkdtemp(join(exporter.workspace, "mixed-")), "model");
  await cp(one.directory, mixed, { recursive: true });
  await writeFile(
    join(mixed, "portable.float32.bin"),
    await readFile(join(other.directory, "portable.float32.bin")),
  );
  await expect(openPortableModel(mixed, { module })).rejects.toMatchObject({
    code: "DATA_INVALID",
  });
});
