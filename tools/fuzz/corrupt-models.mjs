/**
 * Corrupt models through everything that reads one: each must be taken or rejected with a reason (an SlmError), in bounded
 * time and memory. Nothing may crash.
 *
 *   npm run build && node tools/fuzz/corrupt-models.mjs [count] [seed]
 *
 * `count` files (default 10,000) for each reader:
 *   analyze   ONNX files of several exporters, against every profile in turn; every other one with its open sizes fixed
 *   quantize  the same files, as `slm quantize MODEL.onnx` reads and rewrites them, every other one with `--shape`
 *   directory an exported model with one file corrupt, as `slm quantize DIR` reads it
 *   export    a checkpoint with one file corrupt, as `slm export` and its `--dry-run` read it
 *
 * Prints one JSON line per reader; exit 1 at the first error that is not a rejection, with the seed and the file's number.
 */
import { analyzeModel, withFixedSizes } from "@slm/analysis";
import { ALL_DEVICES } from "@slm/devices";
import { SlmError } from "@slm/core";
import { decodeOutline } from "@slm/onnx";
import { exportModel, planExport } from "@slm/onnx-export";
import { quantizeDirectory, quantizeFile } from "@slm/quantization";
import { execa } from "execa";
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { runnerImport } from "vite";

const [count, seed] = [Number(process.argv[2] ?? 10_000), Number(process.argv[3] ?? 20_251)];
const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const { module } = await runnerImport(here("../../packages/analysis/src/mutate.test-support.ts"));

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

const root = await mkdtemp(join(tmpdir(), "slm-fuzz-"));
try {
  const fixtures = here("../../packages/analysis/fixtures");
  const external = await filesOf(fixtures, (name) => name.endsWith(".onnx"));
  const slm = (...args) => execa(process.execPath, [here("../../apps/cli/bin/run.js"), ...args]);
  await writeFile(join(root, "tiny.yaml"), JSON.stringify(TINY));
  await slm("model", "init", join(root, "tiny.yaml"), "-o", join(root, "checkpoint"));
  await slm("export", join(root, "checkpoint"), "-o", join(root, "exported"));
  const isModelFile = (name) => name !== "manifest.json";
  const checkpoint = await filesOf(join(root, "checkpoint"), isModelFile);
  const exported = await filesOf(join(root, "exported"), isModelFile);
  const schemes = ["int8-dynamic", "int4-block", "int8-block", "cpu"];
  const [work, output] = [join(root, "work"), join(root, "output")];

  await fuzz("analyze", external, (bytes, _name, index) => {
    const { target, profile } = ALL_DEVICES[index % ALL_DEVICES.length];
    const outline = decodeOutline(bytes);
    const sizes = index % 2 === 0 ? [] : twos(outline);
    analyzeModel(outline, { target, profile, sizes });
  });
  await fuzz("quantize", external, async (bytes, _name, index) => {
    const [input, scheme] = [join(root, "corrupt.onnx"), schemes[index % schemes.length]];
    await writeFile(input, bytes);
    const prepare = index % 2 === 0 ? undefined : (graph) => withFixedSizes(graph, twos(graph));
    await quantizeFile({ input, output: join(output, "model.onnx"), scheme, prepare });
  });
  const inDirectory = (from, read) => async (bytes, name, index) => {
    await fresh(output);
    await writeFile(join(work, name), bytes);
    await read(index).finally(() => copyFile(join(from, name), join(work, name)));
  };
  await copyAll(join(root, "exported"), work);
  await fuzz(
    "directory",
    exported,
    inDirectory(join(root, "exported"), (index) =>
      quantizeDirectory({
        modelDirectory: work,
        outputDirectory: output,
        scheme: schemes[index % schemes.length],
      }),
    ),
  );
  await copyAll(join(root, "checkpoint"), work);
  await fuzz(
    "export",
    checkpoint,
    inDirectory(join(root, "checkpoint"), async (index) => {
      const buckets = [8];
      const choice = index % 2 === 0 ? { target: "cpu" } : { target: "npu", profile: "qnn", buckets };
      await planExport(work, choice);
      await exportModel({ ...choice, checkpointDirectory: work, outputDirectory: output });
    }),
  );
} finally {
  await rm(root, { recursive: true, force: true });
}

/** Every open size of every input as 2. */
function twos({ inputs }) {
  const fixed = (shape) => shape.map((size) => (typeof size === "number" ? size : 2));
  return inputs
    .filter(({ shape }) => shape !== undefined)
    .map(({ name, shape }) => ({ name, sizes: fixed(shape) }));
}

/** Every file of a directory that is wanted, by name. */
async function filesOf(directory, isWanted) {
  const names = (await readdir(directory)).filter(isWanted).sort();
  return Promise.all(
    names.map(async (name) => ({ name, bytes: new Uint8Array(await readFile(join(directory, name))) })),
  );
}

async function fresh(directory) {
  await rm(directory, { recursive: true, force: true });
  await mkdir(directory, { recursive: true });
}

async function copyAll(from, to) {
  await fresh(to);
  for (const name of await readdir(from)) await copyFile(join(from, name), join(to, name));
}

/** Shows `count` corrupt files to a reader and prints what became of them. */
async function fuzz(reader, originals, read) {
  const { next } = module.createMutator(seed);
  const outcome = { reader, files: count, taken: 0, rejected: {}, slowestMs: 0, grownMb: 0 };
  const before = process.memoryUsage.rss();
  for (let index = 0; index < count; index += 1) {
    const { name, bytes } = originals[index % originals.length];
    const corrupt = next(bytes);
    const start = performance.now();
    try {
      await read(corrupt, name, index);
      outcome.taken += 1;
    } catch (error) {
      if (!(error instanceof SlmError) || error.code === "UNEXPECTED" || error.message.length > 2000) {
        console.error(`${reader}: file ${index} of seed ${seed}, from ${name}:`, error);
        process.exitCode = 1;
        return;
      }
      outcome.rejected[error.code] = (outcome.rejected[error.code] ?? 0) + 1;
    }
    outcome.slowestMs = Math.max(outcome.slowestMs, Math.round(performance.now() - start));
  }
  outcome.grownMb = Math.round((process.memoryUsage.rss() - before) / 1e6);
  console.log(JSON.stringify(outcome));
}
