/** Answers of exported C programs against the search of packages/generation over the same kernels in WebAssembly. */
import { execFileSync } from "node:child_process";
import { copyFile, mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder } from "@slm/core/testing";
import { compileModel, PortableModel, readModule, writeCFiles, type WeightForm } from "@slm/c-export";
import type { Checkpoint } from "@slm/checkpoints";
import { createRandom, decode, type Decoded, type Strategy, type TokenConstraint } from "@slm/generation";
import { describe, expect, test } from "vitest";
import { BUILDS, decoderOnly, published, STRICT, student } from "./builds.test-support.js";
import { PortableRows } from "./portable-rows.test-support.js";

const ROOM = { maxSource: 20, maxTarget: 24 };
const TESTED = [
  "gcc, the CPU's vectors",
  "gcc with SSE2, address and undefined-behaviour sanitizers",
  "armv7 with NEON (emulated)",
];
const MODELS: Readonly<Record<string, () => Promise<Checkpoint>>> = {
  t5: () => published("t5", ROOM).then(louder),
  "decoder-only": () => decoderOnly(ROOM).then(louder),
  "recurrence, pooled source": () =>
    student(ROOM, { decoderRecurrence: "ssru", encoderPooling: { afterLayers: [1], group: 2 } }).then(louder),
};
/** Further kernels that a step calls for each text: rows of positions, and merged attention. */
const BATCHED: typeof MODELS = {
  ...MODELS,
  bart: () => published("bart", ROOM).then(louder),
  "merged attention": () => student(ROOM, { mergedAttention: true }).then(louder),
};

/** Larger matrices, so that random weights do not repeat one token. */
const louder = ({ config, weights }: Checkpoint): Checkpoint => ({
  config,
  weights: new Map(
    Array.from(weights, ([name, weight]) => {
      const by = weight.shape.length === 2 ? 4 : 1;
      return [
        name,
        { ...weight, data: Float32Array.from(weight.data as Float32Array, (value) => value * by) },
      ];
    }),
  ),
});

/** Options of an answer, as answers.c reads them. */
interface Problem {
  readonly source: readonly number[];
  readonly maxTokens?: number;
  readonly strategy?: Strategy;
  readonly seed?: number;
  readonly ends?: readonly number[];
  readonly forbidden?: number;
  readonly stopAfter?: number;
}

const STRATEGIES: readonly Omit<Problem, "source">[] = [
  {},
  { maxTokens: 7 },
  { ends: [5, 9] },
  { stopAfter: 3 },
  { forbidden: 4 },
  ...[
    { temperature: 1 },
    { temperature: 0.7, topK: 5 },
    { temperature: 2, topP: 0.9 },
    { temperature: 1.5, topK: 7, topP: 0.8, minP: 0.1 },
    { temperature: 1, minP: 0.3 },
  ].map((sampling, at) => ({ strategy: { kind: "sample", ...sampling } as const, seed: 17 + at })),
  { strategy: { kind: "sample", temperature: 1 }, seed: 3, forbidden: 6, ends: [3] },
  ...[1, 0, -0.5, 2].flatMap((lengthPenalty) => [
    { strategy: { kind: "beam", beams: 4, lengthPenalty } as const },
    { strategy: { kind: "beam", beams: 3, lengthPenalty, earlyStopping: true } as const, ends: [7, 8, 4] },
    { strategy: { kind: "beam", beams: 2, lengthPenalty, earlyStopping: "never" } as const, ends: [4, 5] },
  ]),
  { strategy: { kind: "beam", beams: 4, lengthPenalty: 1 }, forbidden: 5, ends: [6] },
  { strategy: { kind: "beam", beams: 17, lengthPenalty: 1 } },
  { strategy: { kind: "beam", beams: 16, lengthPenalty: 0 }, forbidden: 7 },
];

const folder = temporaryFolder();

/** Forbids a token, and the last token: `change` in answers.c. */
const forbidding = (token: number, last?: number): TokenConstraint => ({
  allows: (id) => id !== token && id !== last,
  mask: (scores) => {
    for (const id of [token, last]) if (id !== undefined) scores[id] = -Infinity;
  },
  after: (id) => forbidding(token, id),
});

const textOf = (problem: Problem): string => {
  const { source, maxTokens = 0, strategy, seed = 0 } = problem;
  const { temperature = 0, topK = 0, topP = 0, minP = 0 } = strategy?.kind === "sample" ? strategy : {};
  const { beams = 0, lengthPenalty = 0, earlyStopping = false } = strategy?.kind === "beam" ? strategy : {};
  const { ends = [], forbidden = -1, stopAfter = 0 } = problem;
  const early = earlyStopping === "never" ? 2 : earlyStopping ? 1 : 0;
  const options = [maxTokens, temperature, seed, topK, topP, minP, beams, lengthPenalty, early];
  const rest = [ends.length, ...ends, forbidden, stopAfter, 64];
  return [source.length, ...source, ...options, ...rest].join(" ");
};

class Reference {
  readonly #module: WebAssembly.Module;
  readonly #checkpoint: Checkpoint;
  constructor(module: WebAssembly.Module, checkpoint: Checkpoint) {
    this.#module = module;
    this.#checkpoint = checkpoint;
  }

  async answer(problem: Problem): Promise<Decoded> {
    const { config } = this.#checkpoint;
    const { source, strategy = { kind: "greedy" }, ends = [], forbidden, stopAfter, seed } = problem;
    const compiled = compileModel(this.#checkpoint, "float32");
    const models = await Promise.all(
      Array.from({ length: strategy.kind === "beam" ? strategy.beams : 1 }, () =>
        PortableModel.open(this.#module, compiled),
      ),
    );
    const isEncoderDecoder = config.architecture === "encoder-decoder";
    const decoder = new PortableRows(models, source, isEncoderDecoder);
    const room = compiled.program.capacities.target - (isEncoderDecoder ? 0 : source.length - 1);
    const { next } = createRandom(seed ?? 0);
    const [decoded] = await decode(decoder, {
      bos: isEncoderDecoder ? config.tokens.bos : source.at(-1)!,
      eos: config.tokens.eos,
      pad: config.tokens.pad,
      maxTokens: problem.maxTokens ?? room,
      strategy,
      random: next,
      rules: { furtherEnds: ends },
      constraint: forbidden === undefined ? undefined : () => forbidding(forbidden),
      stopsAfter: stopAfter === undefined ? undefined : (_, tokens) => tokens.length === stopAfter,
    });
    return decoded!;
  }
}

const REASONS = { eos: 1, stop: 2, length: 3, time: 0 } as const;

/** Runs a program that was compiled from the answers of a model. */
async function build(
  checkpoint: Checkpoint,
  form: WeightForm,
  name: string,
): Promise<(...args: string[]) => (input: string) => string> {
  const { compiler, flags, emulator = [] } = BUILDS[name]!;
  const directory = await mkdtemp(join(folder, "model-"));
  await writeCFiles(directory, "model", checkpoint.config, compileModel(checkpoint, form));
  for (const file of ["answers.c", "memory.h"])
    await copyFile(join(import.meta.dirname, file), join(directory, file));
  const options = { cwd: directory, encoding: "utf8" } as const;
  execFileSync(compiler, [...STRICT, ...flags, "answers.c", "model.c", "-o", "answers", "-lm"], options);
  const [program, ...before] = [...emulator, "./answers"];
  return (...args) =>
    (input) =>
      execFileSync(program, [...before, "model.bin", ...args], { ...options, input });
}

describe.each(Object.keys(MODELS))("%s", (name) => {
  test("answers as packages/generation does, and survives anything", async () => {
    const checkpoint = await MODELS[name]!();
    const reference = new Reference(await WebAssembly.compile(await readModule()), checkpoint);
    const { next } = createRandom(5);
    const sources = Array.from({ length: 12 }, (_, at) =>
      Array.from({ length: 1 + ((at * 7) % ROOM.maxSource) }, () => 3 + Math.floor(next() * 17)),
    );
    const problems = STRATEGIES.flatMap((strategy): readonly Problem[] =>
      sources.slice(0, 5).map((source) => ({ source, ...strategy })),
    );
    const expected = await Promise.all(problems.map((problem) => reference.answer(problem)));
    for (const build_ of TESTED) {
      const program = await build(checkpoint, "float32", build_);
      const lines = program()(problems.map(textOf).join("\n")).trim().split("\n");
      expected.forEach((answer, at) => {
        const [, reason, end, , logProbability, confidence, ...tokens] = lines[at]!.split(" ").map(Number);
        expect(tokens, `${build_}: ${JSON.stringify(problems[at])}`).toEqual(answer.tokens);
        expect([reason, end]).toEqual([REASONS[answer.reason], answer.end ?? -1]);
        expect(Math.abs(logProbability! - answer.logProbability)).toBeLessThan(1e-3);
        expect(confidence).toBeCloseTo(Math.exp(answer.logProbability), 4);
      });
      if (build_.includes("sanitizers")) program("7")("");
    }
  });
});

describe.each(Object.keys(BATCHED))("%s in batches", (name) => {
  test.each(["int8", "int4"] as const)("has the same answers with %s weights", async (form) => {
    const program = await build(await BATCHED[name]!(), form, "gcc, the CPU's vectors");
    program("8")("");
  });
});
