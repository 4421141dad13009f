/**
 * Corrupt ONNX files through static quantization: read, planned, run with probes on data, rewritten, written, and run again
 * beside the original, as `slm quantize MODEL.onnx --scheme a8w8 --calibration FEEDS` does. Each must be taken or rejected with
 * a reason (an SlmError), in bounded memory. Nothing may crash, ONNX Runtime included, which loads what our reader accepts.
 *
 *   npm run build && node tools/fuzz/static-quantization.mjs [count] [seed]
 *
 * The files are those of several exporters and a tiny model's static encoder, each with data that fit the sound file.
 * Prints one JSON line; exit 1 at the first error that is not a rejection, with the seed and the file's number.
 */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { runnerImport } from "vite";
import { SlmError } from "@slm/core";
import { SCHEME_NAMES } from "@slm/devices";
import { decodeModel, encodeModel, readOnnx } from "@slm/onnx";
import { feedsInMemory, isStatic, quantizeFile } from "@slm/quantization";
import { createHostTensor } from "@slm/runtime";
import { createCpuRuntime } from "@slm/runtime-node";

const [count, seed] = [Number(process.argv[2] ?? 10_000), Number(process.argv[3] ?? 20_251)];
const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const { module } = await runnerImport(here("../../packages/analysis/src/mutate.test-support.ts"));

const SCHEMES = SCHEME_NAMES.filter(isStatic);
const COVERAGES = ["standard", "all"];
const EXTERNAL = ["bert-block-static.onnx", "bert-block.onnx", "conv-net.onnx"];
const TINY = {
  architecture: "encoder-decoder",
  width: 16,
  heads: 2,
  kvHeads: 1,
  headDim: 16,
  feedForward: 32,
  encoderLayers: 1,
  decoderLayers: 1,
  maxSource: 16,
  maxTarget: 16,
  bias: false,
  vocabularySize: 128,
  tokens: { pad: 0, bos: 1, eos: 2, unknown: 3 },
};

/** What a symbolic size becomes in the data. */
const ANY_SIZE = 2;
const ARRAYS = { float32: Float32Array, int32: Int32Array, int64: BigInt64Array, bool: Uint8Array };

/** Two runs of small numbers for every input of a graph; integers are ids that any table has. */
function feedsOf({ inputs, initializers }) {
  const given = inputs.filter(({ name }) => !initializers.has(name));
  return [1, 2].map((run) =>
    Object.fromEntries(
      given.map(({ name, dtype, shape }) => {
        const sizes = shape.map((size) => (typeof size === "number" ? size : ANY_SIZE));
        const length = sizes.reduce((product, size) => product * size, 1);
        const number = (at) => (dtype === "float32" ? Math.sin(at * run + run) : dtype === "int64" ? 1n : 1);
        const data = ARRAYS[dtype].from({ length }, (_, at) => number(at));
        return [name, createHostTensor(dtype, sizes, data)];
      }),
    ),
  );
}

const root = await mkdtemp(join(tmpdir(), "slm-fuzz-"));
const runtime = await createCpuRuntime({ threads: 1 });
try {
  const slm = (...args) => execa(process.execPath, [here("../../apps/cli/bin/run.js"), ...args]);
  await writeFile(join(root, "tiny.yaml"), JSON.stringify(TINY));
  await slm("model", "init", join(root, "tiny.yaml"), "-o", join(root, "checkpoint"));
  const device = ["--target", "npu", "--profile", "vitisai", "--buckets", "8"];
  await slm("export", join(root, "checkpoint"), ...device, "-o", join(root, "exported"));
  const originals = [];
  for (const name of EXTERNAL) {
    const bytes = new Uint8Array(await readFile(here(`../../packages/analysis/fixtures/${name}`)));
    originals.push({ name, bytes, feeds: feedsOf(decodeModel(bytes)) });
  }
  const encoder = await readOnnx(join(root, "exported", "encoder.8.onnx"));
  originals.push({ name: "encoder.8.onnx", bytes: encodeModel(encoder), feeds: feedsOf(encoder) });

  const { next } = module.createMutator(seed);
  const outcome = { files: count, taken: 0, rejected: {}, slowestMs: 0, grownMb: 0 };
  const before = process.memoryUsage.rss();
  const input = join(root, "corrupt.onnx");
  const output = join(root, "output", "model.onnx");
  for (let index = 0; index < count; index += 1) {
    const { name, bytes, feeds } = originals[index % originals.length];
    // The first round is undamaged: were the data wrong, nothing would ever get as far as the rewrite.
    const isSound = index < originals.length;
    await writeFile(input, isSound ? bytes : next(bytes));
    const start = performance.now();
    try {
      await quantizeFile({
        input,
        output,
        scheme: SCHEMES[Math.floor(index / originals.length) % SCHEMES.length],
        coverage: COVERAGES[Math.floor(index / (originals.length * SCHEMES.length)) % COVERAGES.length],
        calibration: { runtime, feeds: feedsInMemory(feeds) },
      });
      outcome.taken += 1;
    } catch (error) {
      const isRejection =
        error instanceof SlmError && error.code !== "UNEXPECTED" && error.message.length <= 4000;
      if (isSound || !isRejection) {
        console.error(`file ${index} of seed ${seed}, from ${name}:`, error);
        process.exitCode = 1;
        break;
      }
      outcome.rejected[error.code] = (outcome.rejected[error.code] ?? 0) + 1;
    }
    outcome.slowestMs = Math.max(outcome.slowestMs, Math.round(performance.now() - start));
    if (index % 500 === 499) process.stderr.write(`${index + 1} files, ${outcome.taken} taken\n`);
  }
  outcome.grownMb = Math.round((process.memoryUsage.rss() - before) / 1e6);
  console.log(JSON.stringify(outcome));
} finally {
  await runtime.close();
  await rm(root, { recursive: true, force: true });
}
