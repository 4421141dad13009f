/**
 * slm's graphs: small random checkpoints, exported for every device and quantized with every scheme for NPUs. The group `quickstart` is a
 * random checkpoint of the quick start's shape, exported for Intel's NPU.
 */
import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import sharp from "sharp";
import { SLM_VERSION } from "@slm/core";
import { ALL_DEVICES } from "@slm/devices";
import { createRandom } from "@slm/generation";
import { initializeWeights, parseModelConfig } from "@slm/model";
import { MODEL_SIZES } from "@slm/model/model-sizes";
import { readOnnx } from "@slm/onnx";
import { exportWeights } from "@slm/onnx-export";
import { loadTokenizer, trainSymbolTokenizer, writeTokenizer } from "@slm/tokenizer";
import { folderOf } from "./cache.mjs";
import { reasonOf, slm } from "../slm.mjs";

// cspell:ignore cabba aabbcc ghijkl mnopqr stuvwx
const ROWS = ["abc", "cabba", "b", "aabbcc", "abcdef", "ghijkl", "mnopqr", "stuvwx", "yz"].map((source) => ({
  source,
  target: source.toUpperCase().split("").join(" "),
}));

const PLAIN = {
  architecture: "encoder-decoder",
  width: 32,
  heads: 4,
  kvHeads: 2,
  headDim: 16,
  feedForward: 48,
  encoderLayers: 2,
  decoderLayers: 2,
  maxSource: 16,
  maxTarget: 8,
  bias: false,
  tokens: { pad: 0, bos: 1, eos: 2, unknown: 3 },
};

const IMAGE = { height: 16, width: 32 };

/** All options of the architecture that change the nodes of a graph. */
const MODELS = {
  plain: PLAIN,
  biased: {
    ...PLAIN,
    bias: true,
    headOrder: "modulo",
    activation: "swiglu",
    qkNorm: true,
    postNorm: true,
    tieWordEmbeddings: false,
  },
  capped: { ...PLAIN, activation: "geglu", logitSoftcap: 30, kvHeads: 4 },
  seeing: {
    ...PLAIN,
    vision: {
      tower: {
        image: { resize: { kind: "stretch", ...IMAGE } },
        patch: { height: 8, width: 8 },
        width: 32,
        layers: 1,
        heads: 2,
        feedForward: 48,
        classToken: "dropped",
        activation: "quickGelu",
      },
      projector: { pool: { kind: "average", height: 2, width: 2 } },
    },
  },
};

/** The student of configs/quickstart. */
const QUICKSTART = {
  ...PLAIN,
  ...MODEL_SIZES.tiny,
  kvHeads: 4,
  headDim: 24,
  feedForward: 384,
  maxSource: 40,
  maxTarget: 40,
};

/** @typedef {AsyncGenerator<[name: string, graph: import("@slm/onnx").Graph]>} Graphs */

/** @returns {Graphs} */
export const ownGraphs = () => graphsOf("own", { models: MODELS, devices: ALL_DEVICES });

/** @returns {Graphs} */
export const quickstartGraphs = () =>
  graphsOf("quickstart", {
    models: { quickstart: QUICKSTART },
    devices: ALL_DEVICES.filter(({ profile }) => profile === "openvino"),
    buckets: [16, QUICKSTART.maxSource],
  });

/**
 * @typedef {object} Plan
 * @property {Readonly<Record<string, object>>} models configurations by name
 * @property {typeof ALL_DEVICES} devices
 * @property {number[]} [buckets] source lengths of the graphs
 */

/** @returns {Graphs} */
async function* graphsOf(/** @type {string} */ group, /** @type {Plan} */ plan) {
  const { models, buckets } = plan;
  const version = `${SLM_VERSION} ${JSON.stringify([models, ROWS, buckets])}`;
  const folder = await folderOf(group, version, (target) => makeAll(target, plan));
  const files = await readdir(folder, { recursive: true });
  for (const file of files.filter((name) => name.endsWith(".onnx")).sort())
    yield [relative(folder, join(folder, file)), await readOnnx(join(folder, file))];
}

async function makeAll(/** @type {string} */ folder, /** @type {Plan} */ { models, devices, buckets }) {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "image.png"), await grayImage(IMAGE));
  const trained = trainSymbolTokenizer({
    sources: ROWS.map(({ source }) => source),
    targets: ROWS.map(({ target }) => target),
    sourceLowercase: false,
  });
  await writeTokenizer(trained, join(folder, "tokenizer"));
  const { vocabularySize } = await loadTokenizer(join(folder, "tokenizer"));
  for (const [name, shape] of Object.entries(models)) {
    const config = parseModelConfig({ ...shape, vocabularySize }, name);
    const image = "vision" in config && config.vision !== undefined ? { image: "image.png" } : {};
    const rows = join(folder, `${name}.jsonl`);
    await writeFile(rows, ROWS.map((row) => `${JSON.stringify({ ...row, ...image })}\n`).join(""));
    for (const device of devices) await makeModel(folder, { name, config, rows, device, buckets });
  }
}

async function makeModel(
  /** @type {string} */ folder,
  /** @type {{ name: string, config: import("@slm/model").ModelConfig, rows: string, device: (typeof ALL_DEVICES)[number], buckets: number[] | undefined }} */ {
    name,
    config,
    rows,
    device,
    buckets,
  },
) {
  const { target, profile, schemes, precisions } = device;
  const weights = initializeWeights(config, createRandom(5).next);
  const taken = /** @type {const} */ (["float32", "float16"]).filter((one) => precisions[one] === true);
  for (const precision of taken) {
    const outputDirectory = join(folder, `${name}-${target}-${profile}-${precision}`);
    await mkdir(outputDirectory);
    await exportWeights(
      { config, weights, name, tokenizerDirectory: join(folder, "tokenizer") },
      { outputDirectory, target, profile, precision, buckets },
    );
    if (precision === "float32") await quantizeAll(outputDirectory, schemes.takes, rows);
  }
}

async function quantizeAll(
  /** @type {string} */ directory,
  /** @type {readonly string[]} */ schemes,
  /** @type {string} */ rows,
) {
  for (const scheme of schemes) {
    const answer = await slm([
      "quantize",
      directory,
      "--scheme",
      scheme,
      "--calibration",
      rows,
      "--threads",
      "1",
      "-o",
      `${directory}-${scheme}`,
      "--json",
    ]);
    if (answer.result === undefined) throw new Error(`${directory} ${scheme}: ${reasonOf(answer)}`);
  }
}

/** An 8-bit gray PNG file with a diagonal gradient. */
function grayImage(/** @type {{ height: number; width: number; }} */ { width, height }) {
  const pixels = Uint8Array.from(
    { length: width * height },
    (_, at) => (at % width) * 4 + Math.floor(at / width) * 8,
  );
  return sharp(pixels, { raw: { width, height, channels: 1 } })
    .toColourspace("b-w")
    .png()
    .toBuffer();
}
