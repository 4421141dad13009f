import { mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder } from "@slm/core/testing";
import type { DeviceModel } from "@slm/exported-model";
import {
  MemoryModel,
  TINY,
  hashedLogits,
  tinyDeviceModel,
  writeTinyModel,
} from "@slm/exported-model/testing";
import { type StepDecoder, decode } from "@slm/generation";
import { loadTokenizer } from "@slm/tokenizer";
import { beforeAll, describe, expect, test } from "vitest";
import { openGraphModel } from "./open-graph-model.js";

const { maxTarget: MAX_TARGET, tokens: TOKENS } = TINY;

/** The expected result of greedy decoding. */
function expectedIds(source: readonly number[], maxTokens: number): number[] {
  const ids: number[] = [];
  while (ids.length < maxTokens) {
    const logits = hashedLogits(source, [TOKENS.bos, ...ids]);
    const next = logits.indexOf(Math.max(...logits));
    if (next === TOKENS.eos) break;
    ids.push(next);
  }
  return ids;
}

/** Recomputes every step from all ids fed so far, and reorders the ids instead of caches. */
class CachelessDecoder implements StepDecoder {
  readonly rows: number;
  readonly vocabularySize = TINY.vocabularySize;
  readonly #source: readonly number[];
  #fed: readonly (readonly number[])[];

  constructor(source: readonly number[], rows: number) {
    this.#source = source;
    this.rows = rows;
    this.#fed = Array.from({ length: rows }, () => []);
  }

  step(tokens: Int32Array): Promise<Float32Array> {
    this.#fed = this.#fed.map((ids, row) => [...ids, tokens[row]!]);
    return Promise.resolve(Float32Array.from(this.#fed.flatMap((ids) => hashedLogits(this.#source, ids))));
  }

  permuteRows(rows: readonly number[]): Promise<void> {
    this.#fed = rows.map((row) => this.#fed[row]!);
    return Promise.resolve();
  }
}

const root = temporaryFolder();
const folders = {
  "encoder-decoder": join(root, "encoder-decoder"),
  "decoder-only": join(root, "decoder-only"),
};

beforeAll(async () => {
  for (const architecture of ["encoder-decoder", "decoder-only"] as const)
    await writeTinyModel(folders[architecture], { architecture });
});

const SOURCES = ["abc", "d", "abcdab", "cc", "a", "dcba", "bd"];

describe("an encoder-decoder", () => {
  test("gives every source its own text, in the caller's order, whatever the batches", async () => {
    const tokenizer = await loadTokenizer(folders["encoder-decoder"]);
    for (const batchSize of [1, 3, 16]) {
      const runtime = new MemoryModel();
      const generator = await openGraphModel(folders["encoder-decoder"], runtime);
      const results = await generator.generate(SOURCES, { batchSize });
      expect(results.map(({ tokens }) => tokens)).toEqual(
        SOURCES.map((source) => expectedIds(tokenizer.encodeSource(source), MAX_TARGET)),
      );
      expect(results.map(({ text }) => text)).toEqual(results.map(({ tokens }) => tokenizer.decode(tokens)));
      expect(runtime.encodedBatches.length).toBe(Math.ceil(SOURCES.length / batchSize));
    }
  });

  test("beams of a batch give the results of a decoder without caches, and encode each source once", async () => {
    const strategy = { kind: "beam", beams: 3, lengthPenalty: 0.8 } as const;
    const tokenizer = await loadTokenizer(folders["encoder-decoder"]);
    const runtime = new MemoryModel();
    const generator = await openGraphModel(folders["encoder-decoder"], runtime);
    const together = await generator.generate(SOURCES, { strategy });
    expect(runtime.encodedBatches).toEqual([[1, 1, 2, 2, 3, 4, 6]]);
    for (const [row, source] of SOURCES.entries()) {
      const decoder = new CachelessDecoder(tokenizer.encodeSource(source), strategy.beams);
      const [expected] = await decode(decoder, { ...TOKENS, maxTokens: MAX_TARGET, strategy });
      expect(together[row]!.tokens).toEqual(expected!.tokens);
    }
  });

  test("withholds answers below the threshold of model.json, or that of the call, and says how sure it is", async () => {
    const free = await openGraphModel(folders["encoder-decoder"], new MemoryModel());
    const answers = await free.generate(SOURCES);
    const threshold = answers.map(({ confidence }) => confidence).sort((a, b) => a - b)[3]!;
    const expected = answers.map(({ text, confidence }) => (confidence < threshold ? "" : text));
    expect(expected).not.toEqual(answers.map(({ text }) => text));
    expect(answers[0]!.confidence).toBeCloseTo(Math.exp(answers[0]!.logProbability), 12);

    const folder = join(root, "abstains");
    await writeTinyModel(folder, { abstention: { threshold, rows: 7, coverage: 0.5, errorRate: 0 } });
    const careful = await openGraphModel(folder, new MemoryModel());
    const pieces = SOURCES.map(() => "");
    const onToken = (row: number, piece: string): void => {
      pieces[row] = `${pieces[row]!}${piece}`;
    };
    const withheld = await careful.generate(SOURCES, { onToken });
    expect(withheld.map(({ text }) => text)).toEqual(expected);
    expect(pieces).toEqual(expected);
    expect(withheld.map(({ abstained }) => abstained)).toEqual(
      answers.map(({ confidence }) => confidence < threshold),
    );
    const off = await careful.generate(SOURCES, { abstain: "off" });
    expect(off.map(({ text }) => text)).toEqual(answers.map(({ text }) => text));
    const asked = await free.generate(SOURCES, { abstain: threshold });
    expect(asked.map(({ text }) => text)).toEqual(expected);
    await expect(free.generate(SOURCES, { abstain: 2 })).rejects.toMatchObject({ code: "USAGE" });
  });

  test("rejects a source that is too long, by its length and the limit", async () => {
    const generator = await openGraphModel(folders["encoder-decoder"], new MemoryModel());
    await expect(generator.generate(["a", "abcdabc"])).rejects.toMatchObject({
      code: "DATA_INVALID",
      message: "generate: source 2 has 7 tokens, the model reads at most 6",
    });
  });

  test("rejects more tokens than the cache has room for", async () => {
    const generator = await openGraphModel(folders["encoder-decoder"], new MemoryModel());
    await expect(generator.generate(["a"], { maxTokens: MAX_TARGET + 1 })).rejects.toMatchObject({
      code: "USAGE",
      message: "generate: maxTokens must be from 1 to 8, got 9",
    });
  });
});

describe("a decoder-only model", () => {
  test("reads the source as its own beginning, in one run per batch of equal lengths", async () => {
    const tokenizer = await loadTokenizer(folders["decoder-only"]);
    const runtime = new MemoryModel();
    const generator = await openGraphModel(folders["decoder-only"], runtime);
    const results = await generator.generate(SOURCES);
    results.forEach(({ tokens }, row) => {
      const source = tokenizer.encodeSource(SOURCES[row]!);
      const expected: number[] = [];
      while (expected.length < MAX_TARGET - source.length) {
        const logits = hashedLogits([], [...source, TOKENS.bos, ...expected]);
        const next = logits.indexOf(Math.max(...logits));
        if (next === TOKENS.eos) break;
        expected.push(next);
      }
      expect(tokens).toEqual(expected);
    });
    // Lengths 1, 2, 3, 4 and 6, and the beginning token.
    expect(runtime.prefillWidths).toEqual([2, 3, 4, 5, 7]);
  });

  test("rejects more tokens than the source leaves room for", async () => {
    const generator = await openGraphModel(folders["decoder-only"], new MemoryModel());
    await expect(generator.generate(["abcd"], { maxTokens: 5 })).rejects.toMatchObject({
      code: "USAGE",
      message: "generate: maxTokens must be from 1 to 4 after a source of 4 tokens, got 5",
    });
  });
});

describe("a generator", () => {
  test("streams pieces that add up to each row's text", async () => {
    const generator = await openGraphModel(folders["encoder-decoder"], new MemoryModel());
    for (const strategy of [{ kind: "greedy" }, { kind: "beam", beams: 2, lengthPenalty: 1 }] as const) {
      const streamed: string[] = SOURCES.map(() => "");
      const onToken = (row: number, piece: string): void => {
        streamed[row] = streamed[row]! + piece;
      };
      const results = await generator.generate(SOURCES, { strategy, onToken, batchSize: 2 });
      expect(streamed).toEqual(results.map(({ text }) => text));
    }
  });

  test("reports times in order and a rate without the encoder", async () => {
    const generator = await openGraphModel(folders["encoder-decoder"], new MemoryModel());
    for (const { firstTokenMs, totalMs, tokens, finished, tokensPerSecond } of await generator.generate(
      SOURCES,
    )) {
      const steps = tokens.length + (finished ? 1 : 0);
      expect(totalMs).toBeGreaterThanOrEqual(firstTokenMs);
      const seconds = (steps > 1 ? totalMs - firstTokenMs : totalMs) / 1000;
      expect(tokensPerSecond * seconds).toBeCloseTo(Math.max(1, steps - 1), 6);
    }
  });

  test("reuses its caches and leaves nothing on the device after closing", async () => {
    const runtime = new MemoryModel();
    const generator = await openGraphModel(folders["encoder-decoder"], runtime);
    await generator.generate(["ab", "c"]);
    const { uploads } = runtime;
    await generator.generate(["ba", "cd"]);
    expect(runtime.uploads).toBe(uploads);
    expect(runtime.tensors.size).toBe(2);
    for (const count of [1, 2, 3, 4, 5]) await generator.generate(SOURCES.slice(0, count));
    // Two pairs of a key and a value.
    expect(runtime.tensors.size).toBe(4);
    await generator.close();
    expect(runtime.tensors.size).toBe(0);
    expect(runtime.loaded).toEqual([]);
  });

  test("calls that overlap do not share caches", async () => {
    const generator = await openGraphModel(folders["encoder-decoder"], new MemoryModel());
    const apart = await Promise.all(
      SOURCES.map(async (source) => (await generator.generate([source]))[0]!.text),
    );
    expect(apart).toEqual((await generator.generate(SOURCES)).map(({ text }) => text));
  });

  test("releases the tensors of a stopped call", async () => {
    const runtime = new MemoryModel();
    const generator = await openGraphModel(folders["encoder-decoder"], runtime);
    const stop = new AbortController();
    stop.abort();
    await expect(generator.generate(["ab"], { signal: stop.signal })).rejects.toMatchObject({
      code: "INTERRUPTED",
    });
    await generator.close();
    expect(runtime.tensors.size).toBe(0);
  });

  test("stops within one token after the signal", async () => {
    const generator = await openGraphModel(folders["encoder-decoder"], new MemoryModel());
    const lengths = (await generator.generate(SOURCES)).map(({ tokens }) => tokens.length);
    const longest = SOURCES[lengths.indexOf(Math.max(...lengths))]!;
    expect(Math.max(...lengths)).toBeGreaterThan(3);
    const stop = new AbortController();
    let tokens = 0;
    const onToken = (): void => {
      tokens += 1;
      if (tokens === 2) stop.abort();
    };
    await expect(generator.generate([longest], { signal: stop.signal, onToken })).rejects.toMatchObject({
      code: "INTERRUPTED",
    });
    expect(tokens).toBe(2);
  });

  test("ends a text before a stop sequence that begins and ends within tokens, streamed or not", async () => {
    const generator = await openGraphModel(folders["encoder-decoder"], new MemoryModel());
    const plain = await generator.generate(SOURCES);
    const long = plain.find(({ text }) => text.length >= 5)!;
    // Symbols are joined by spaces: this sequence spans the end of one token and the beginning of the next.
    const stop = [long.text.slice(2, 4)];
    for (const strategy of [undefined, { kind: "beam", beams: 2, lengthPenalty: 1 }] as const) {
      const pieces = SOURCES.map(() => "");
      const base = { stop, strategy };
      const options = {
        ...base,
        onToken: (row: number, piece: string) => {
          pieces[row] = `${pieces[row] ?? ""}${piece}`;
          expect(pieces[row]).not.toContain(stop[0]);
        },
      };
      const results = await generator.generate(SOURCES, options);
      const silent = await generator.generate(SOURCES, base);
      expect(results.map(({ text }) => text)).toEqual(pieces);
      expect(silent.map(({ text }) => text)).toEqual(pieces);
      expect(results.some(({ reason }) => reason === "stop")).toBe(true);
      if (strategy !== undefined) continue;
      expect(pieces).toEqual(plain.map(({ text }) => text.split(stop[0]!)[0]));
      const at = plain.indexOf(long);
      expect(results[at]).toMatchObject({ reason: "stop", finished: false, text: long.text.slice(0, 2) });
      expect(results[at]!.tokens.length).toBeLessThan(long.tokens.length);
    }
  });

  test("draws the same text for a source whatever shares its batch", async () => {
    const generator = await openGraphModel(folders["encoder-decoder"], new MemoryModel());
    const strategy = { kind: "sample", temperature: 2 } as const;
    const texts = async (seed: number, batchSize: number): Promise<readonly string[]> =>
      (await generator.generate(SOURCES, { strategy, seed, batchSize })).map(({ text }) => text);
    expect(await texts(5, 1)).toEqual(await texts(5, 16));
    expect(await texts(6, 16)).not.toEqual(await texts(5, 16));
  });

  test("counts the source of a decoder-only model as seen", async () => {
    const generator = await openGraphModel(folders["decoder-only"], new MemoryModel());
    const rules = { repetitionPenalty: 1e6 };
    const [{ tokens } = { tokens: [] }] = await generator.generate(["ab"], { rules });
    const source = (await loadTokenizer(folders["decoder-only"])).encodeSource("ab");
    expect(tokens.length).toBeGreaterThan(0);
    expect(new Set([...source, ...tokens]).size).toBe(source.length + tokens.length);
  });

  test("ends a text when its time is up", async () => {
    const generator = await openGraphModel(folders["encoder-decoder"], new MemoryModel());
    const results = await generator.generate(SOURCES, { maxSeconds: 1e-9 });
    const reasons = new Set(results.map(({ reason }) => reason));
    expect(reasons.has("time")).toBe(true);
    expect(results.every(({ tokens }) => tokens.length <= 1)).toBe(true);
    await expect(generator.generate(["a"], { maxSeconds: 0 })).rejects.toMatchObject({ code: "USAGE" });
    await expect(generator.generate(["a"], { stop: [""] })).rejects.toMatchObject({ code: "USAGE" });
  });

  test("rejects a batch size of 0 and sampling without randomness", async () => {
    const generator = await openGraphModel(folders["encoder-decoder"], new MemoryModel());
    await expect(generator.generate(["a"], { batchSize: 0 })).rejects.toMatchObject({ code: "USAGE" });
    const strategy = { kind: "sample", temperature: 1 } as const;
    await expect(generator.generate(["a"], { strategy })).rejects.toMatchObject({ code: "USAGE" });
  });
});

describe(openGraphModel, () => {
  async function withModel(change: Partial<DeviceModel>): Promise<unknown> {
    const folder = await mkdtemp(join(root, "changed-"));
    await writeTinyModel(folder, { graphs: tinyDeviceModel().graphs, ...change });
    return openGraphModel(folder, new MemoryModel()).catch((error: unknown) => error);
  }

  test.each([
    [
      "an architecture that does not fit the graphs",
      { architecture: "decoder-only" },
      "has no encoder graph",
    ],
    [
      "a tokenizer larger than the model",
      { vocabularySize: 10 },
      "the tokenizer has 11 tokens, the model only 10",
    ],
    [
      "a graph outside the directory",
      {
        graphs: {
          ...tinyDeviceModel().graphs,
          decoder: { file: "../x.onnx", bytes: 1, scheme: "" },
        },
      },
      "rejected path '../x.onnx'",
    ],
  ] as const)("rejects %s", async (_, change, message) => {
    expect(await withModel(change)).toMatchObject({
      code: "DATA_INVALID",
      message: expect.stringContaining(message) as string,
    });
  });
});
