import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { temporaryFolder, withCode } from "@slm/core/testing";
import { writeDeviceModel, type DeviceModel } from "@slm/exported-model";
import { tinyDeviceModel } from "@slm/exported-model/testing";
import { trainSymbolTokenizer, writeTokenizer } from "@slm/tokenizer";
import { parseImageProcessing } from "@slm/vision";
import { build } from "vite";
import { beforeAll, describe, expect, test } from "vitest";
import { benchConfig } from "./bench-config.js";
import { benchModels, type BenchInput } from "./bench-models.js";
import { figuresTable } from "./reports/bench-tables.js";
import { forkModel } from "./models/fork-model.js";
import { openTimedModel } from "./models/local-model.js";
import { peakMemoryBytes } from "./models/peak-memory.js";
import { promptText, type TimedModel } from "./models/timed-model.js";

/**
 * A runtime without a device: an encoder that returns nothing of use and a decoder that wants to end at once (id 2) and
 * else says id 8. Option `ballast` takes memory while loading; option `crash` ends the process at the first run.
 */
const FAKE_RUNTIME = `
const tensor = (shape) => ({ id: Math.random(), dtype: "float32", shape });
export async function createFake({ ballast = 0, crash = false, vocabulary }) {
  const held = [];
  const session = {
    inputNames: [], outputNames: [], release: async () => {},
    run: async ({ feeds, fetch = [], keep = [] }) => {
      if (crash) process.exit(9);
      const kept = Object.fromEntries(keep.map((name) => [name, tensor([1])]));
      const rows = feeds.target_ids?.shape[0] ?? 0;
      const data = new Float32Array(rows * vocabulary);
      for (let row = 0; row < rows; row += 1) { data[row * vocabulary + 2] = 9; data[row * vocabulary + 8] = 5; }
      const logits = { dtype: "float32", shape: [rows, vocabulary], data };
      const image_tokens = { dtype: "float32", shape: [1, 2, 4], data: new Float32Array(8) };
      const fetched = Object.fromEntries(fetch.map((name) => [name, name === "logits" ? logits : image_tokens]));
      return { fetched, kept };
    },
  };
  return {
    device: { provider: "fake", threads: 3, description: "none", simulated: true, fallbacks: [] },
    load: async () => { held.push(Buffer.alloc(ballast, 1)); return session; },
    upload: async ({ shape }) => tensor(shape),
    download: async () => { throw new Error("not here"); },
    permuteRows: async () => {}, release: async () => {}, close: async () => {},
    peakMemoryBytes: async () => 1,
  };
}`;

const root = temporaryFolder();
let entry: URL;
let runtime: BenchInput["runtime"];

beforeAll(async () => {
  await writeFile(join(root, "package.json"), '{"type":"module"}');
  await writeFile(join(root, "fake.js"), FAKE_RUNTIME);
  await writeModel("student", { parameters: 1000 });
  await writeModel("baseline", { parameters: 4000 });
  const vocabulary = 10;
  runtime = {
    module: pathToFileURL(join(root, "fake.js")).href,
    export: "createFake",
    options: { vocabulary },
  };
  entry = await bundleEntry();
});

async function writeModel(name: string, change: Partial<DeviceModel>): Promise<void> {
  const directory = join(root, name);
  await mkdir(directory);
  const tokenizer = trainSymbolTokenizer({ sources: ["abc"], targets: ["X Y Z"], sourceLowercase: false });
  await writeTokenizer(tokenizer, directory);
  const graphs = {
    encoder: { file: "encoder.onnx", bytes: 3, scheme: "float32" },
    decoder: { file: "decoder.onnx", bytes: 4, scheme: "float32" },
  };
  await writeDeviceModel(
    directory,
    tinyDeviceModel({
      name,
      graphs,
      parameters: 1000,
      vocabularySize: 10,
      headDim: 2,
      maxSource: 16,
      maxTarget: 16,
      flops: { encoderPerSourceToken: 50, decoderPerTargetToken: 80 },
      ...change,
    }),
  );
}

/** The child's file as one module: a plain Node process cannot read these sources. */
async function bundleEntry(): Promise<URL> {
  await build({
    configFile: false,
    logLevel: "silent",
    ssr: {
      noExternal: true,
      resolve: { conditions: ["@slm/source", "node", "import", "module", "default"] },
    },
    build: {
      ssr: fileURLToPath(new URL("./models/model-process.ts", import.meta.url)),
      outDir: join(root, "entry"),
      minify: false,
    },
  });
  return pathToFileURL(join(root, "entry", "model-process.js"));
}

function input(change: Partial<BenchInput> = {}): BenchInput {
  return {
    models: [
      { name: "student", directory: join(root, "student") },
      { name: "baseline", directory: join(root, "baseline") },
    ],
    baseline: "baseline",
    prompts: ["ab", "abca"],
    runtime,
    engine: "fake 1.0",
    config: benchConfig.parse({ runs: 4, warmup: 1, loads: 1, forceTokens: 5, settleMs: 0 }),
    seed: 1,
    open: openTimedModel,
    rates: () => Promise.resolve({ productFlops: 1e9, readBytes: 1e9 }),
    energy: { source: "a test", take: () => 0.25 },
    ...change,
  };
}

describe(benchModels, () => {
  test("ends every process if answers end at once and have no rate", async () => {
    const closed: Promise<void>[] = [];
    const open: typeof forkModel = async (options) => {
      const timed = await forkModel(options, entry);
      const close = (): Promise<void> => {
        const closing = timed.close();
        closed.push(closing);
        return closing;
      };
      return { ...timed, close };
    };
    const config = benchConfig.parse({ runs: 4, warmup: 1, loads: 1, settleMs: 0 });
    await expect(benchModels(input({ config, open }))).rejects.toMatchObject({ code: "DATA_INVALID" });
    expect(closed).toHaveLength(2);
    await expect(Promise.all(closed)).resolves.toBeDefined();
  });

  test("stops between two runs when asked to", async () => {
    const controller = new AbortController();
    const calls: string[] = [];
    const model = recording("model", calls);
    const timed: TimedModel = {
      ...model,
      run: (...request) => {
        // Both models are warm then.
        if (calls.length === 2) controller.abort();
        return model.run(...request);
      },
    };
    const stopped = benchModels(input({ open: () => Promise.resolve(timed), signal: controller.signal }));
    await expect(stopped).rejects.toMatchObject({ code: "INTERRUPTED" });
    expect(calls).toHaveLength(3 + 2);
  });

  test("measures every model and compares it with the baseline", async () => {
    const { device, models, comparisons, notes } = await benchModels(input());
    expect(device).toMatchObject({ provider: "fake", threads: 3, engine: "fake 1.0", simulated: true });
    expect(device).toMatchObject({ energy: "a test", ratesDiffer: 0 });
    expect(models.map(({ name, runs, bytes }) => [name, runs, bytes])).toEqual([
      ["student", 4, 7],
      ["baseline", 4, 7],
    ]);
    expect(models[0]).toMatchObject({
      sourceTokens: 3,
      generatedTokens: 5,
      flopsPerToken: 80,
      flopsPerTokenWithSource: 110,
      // A quarter of a joule for each run of five tokens: what was used between runs is not counted.
      joulesPerToken: 0.05,
    });
    expect(comparisons.map(({ model, ratios }) => [model, ratios.parameters])).toEqual([["student", 0.25]]);
    expect(notes.some((note) => note.includes("fake was simulated"))).toBe(true);
  });

  test("tells the time of an image apart, and counts its tokens and its cost", async () => {
    await writeModel("seeing", {
      graphs: {
        vision: { file: "vision.onnx", bytes: 2, scheme: "float32" },
        encoder: { file: "encoder.onnx", bytes: 3, scheme: "float32" },
        decoder: { file: "decoder.onnx", bytes: 4, scheme: "float32" },
      },
      vision: {
        image: parseImageProcessing({ resize: { kind: "stretch", height: 4, width: 8 } }, "test"),
        patch: { height: 4, width: 4 },
        classToken: false,
        tokens: 2,
        width: 4,
        flopsPerImage: 1000,
      },
    });
    const image = fileURLToPath(new URL("../../vision/fixtures/files/colour.png", import.meta.url));
    const models = [{ name: "seeing", directory: join(root, "seeing") }];
    const prompts = [{ text: "abc", image }];
    const { models: measured } = await benchModels(input({ models, prompts, baseline: "seeing" }));
    const [figures] = measured;
    // Five source tokens of 50 and an image of 1000, over five steps.
    expect(figures).toMatchObject({ bytes: 9, sourceTokens: 5, flopsPerTokenWithSource: 80 + 50 + 200 });
    expect(figures!.imageMs!.p50).toBeGreaterThan(0);
    expect(figures!.imageMs!.p50).toBeLessThan(figures!.firstTokenMs.p50);
    expect(figuresTable({ models: measured }).columns.at(-1)?.title).toMatch(/image/);
    await expect(benchModels(input({ models, baseline: "seeing" }))).rejects.toThrow(
      withCode("DATA_INVALID"),
    );
  });

  test("generates as many tokens as each prompt's own answer has, EOS included, and counts its words", async () => {
    const config = benchConfig.parse({ runs: 4, warmup: 1, loads: 1, settleMs: 0 });
    const { models } = await benchModels(input({ config, answers: ["X Y Z", "X"] }));
    for (const { samples } of models) {
      expect(samples.map(({ steps }) => steps)).toEqual([4, 2, 4, 2]);
      expect(samples.map(({ words }) => words)).toEqual([3, 1, 3, 1]);
    }
  });

  test("cuts an answer at the model's limit, and rejects a number of answers that differs from the prompts", async () => {
    const long = Array.from({ length: 40 }, () => "X").join(" ");
    const config = benchConfig.parse({ runs: 2, warmup: 0, loads: 1, settleMs: 0 });
    const { models } = await benchModels(input({ config, answers: [long, ""] }));
    expect(models.map(({ samples }) => samples.map(({ steps }) => steps))).toEqual([
      [16, 1],
      [16, 1],
    ]);
    await expect(benchModels(input({ answers: ["X"] }))).rejects.toThrow(withCode("USAGE"));
  });

  test("warms each model up, then gives each the same prompts in turn", async () => {
    const calls: string[] = [];
    await benchModels(
      input({
        open: (options) => Promise.resolve(recording(options.directory.slice(root.length + 1), calls)),
      }),
    );
    expect(calls.slice(0, 2)).toEqual(["student ab", "baseline ab"]);
    for (const name of ["student", "baseline"]) {
      expect(calls.slice(2, 10).filter((call) => call.startsWith(name))).toEqual(
        ["ab", "abca", "ab", "abca"].map((prompt) => `${name} ${prompt}`),
      );
    }
    expect(calls.slice(10)).toEqual(["student closed", "baseline closed"]);
  });

  test("loads each model as often as it is told, each time anew, and notes a machine that changed", async () => {
    const calls: string[] = [];
    const speeds = [1e9, 3e9];
    const { models, device, notes } = await benchModels(
      input({
        config: benchConfig.parse({ runs: 2, warmup: 0, loads: 3, settleMs: 0 }),
        open: (options) => Promise.resolve(recording(options.directory.slice(root.length + 1), calls)),
        rates: () => Promise.resolve({ productFlops: speeds.shift()!, readBytes: 1e9 }),
      }),
    );
    expect(models.map(({ loadsMs }) => loadsMs)).toEqual([
      [1, 1, 1],
      [1, 1, 1],
    ]);
    expect(calls.slice(0, 4)).toEqual([
      "student closed",
      "student closed",
      "baseline closed",
      "baseline closed",
    ]);
    expect(device.rates.productFlops).toBe(3e9);
    expect(notes.join()).toMatch(/rates before and after the models differ by 67 %/);
  });

  test.each([
    ["no models", { models: [] }, /at least one model/],
    ["no prompts", { prompts: [] }, /at least one prompt/],
    ["an unknown baseline", { baseline: "other" }, /student, baseline, got other/],
    [
      "two models of one name",
      {
        models: [
          { name: "a", directory: "x" },
          { name: "a", directory: "y" },
        ],
      },
      /different names/,
    ],
  ])("rejects %s", async (_, change, message) => {
    await expect(benchModels(input(change))).rejects.toThrow(message);
  });
});

/** A model that only records its calls. */
function recording(name: string, calls: string[]): TimedModel {
  return {
    opened: {
      loadMs: 1,
      processRssBytes: 1,
      device: { provider: "cpu", threads: 1, description: "", simulated: false, fallbacks: [] },
    },
    run: (prompt) => {
      calls.push(`${name} ${promptText(prompt)}`);
      return Promise.resolve({
        firstTokenMs: 1,
        decodeMs: 1,
        gapsMs: [0.25],
        steps: 5,
        words: 1,
        totalMs: 2,
      });
    },
    peakRssBytes: () => Promise.resolve(1),
    close: () => {
      calls.push(`${name} closed`);
      return Promise.resolve();
    },
  };
}

describe(forkModel, () => {
  test("measures through processes as it does in this one", async () => {
    const { models } = await benchModels(input({ open: (options) => forkModel(options, entry) }));
    expect(models.map(({ generatedTokens }) => generatedTokens)).toEqual([5, 5]);
    expect(models.every(({ peakRssBytes, processRssBytes }) => peakRssBytes >= processRssBytes)).toBe(true);
  });

  test("counts the memory of its model, not the memory of the process that started it", async () => {
    const mine = Buffer.alloc(300e6, 1);
    const small = await forkModel(
      { directory: join(root, "student"), runtime, endless: true, batch: 1 },
      entry,
    );
    const options = { ...runtime.options, ballast: 50e6 };
    const large = await forkModel(
      { directory: join(root, "student"), runtime: { ...runtime, options }, endless: true, batch: 1 },
      entry,
    );
    const [smallBytes, largeBytes] = [await small.peakRssBytes(), await large.peakRssBytes()];
    await Promise.all([small.close(), large.close()]);
    expect(await peakMemoryBytes()).toBeGreaterThan(mine.length);
    expect(smallBytes).toBeLessThan(250e6);
    // Two graphs with 50 MB each.
    expect(largeBytes - smallBytes).toBeGreaterThan(80e6);
  });

  test("passes on why a model cannot be loaded, under the same code", async () => {
    const opening = forkModel({ directory: join(root, "nowhere"), runtime, endless: false, batch: 1 }, entry);
    await expect(opening).rejects.toMatchObject({
      code: "INPUT_MISSING",
      message: expect.stringContaining("nowhere") as string,
    });
    const nameless = { ...runtime, export: "createOther" };
    const rejected = forkModel(
      { directory: join(root, "student"), runtime: nameless, endless: false, batch: 1 },
      entry,
    );
    await expect(rejected).rejects.toMatchObject({ code: "DEVICE_UNAVAILABLE" });
  });

  test("says so when the process ends unasked", async () => {
    const options = { ...runtime.options, crash: true };
    const model = await forkModel(
      { directory: join(root, "student"), runtime: { ...runtime, options }, endless: false, batch: 1 },
      entry,
    );
    await expect(model.run("ab", 4)).rejects.toMatchObject({
      code: "DEVICE_UNAVAILABLE",
      message: expect.stringContaining("exit code 9") as string,
    });
    await expect(model.run("ab", 4)).rejects.toMatchObject({ code: "DEVICE_UNAVAILABLE" });
    await model.close();
  });
});
