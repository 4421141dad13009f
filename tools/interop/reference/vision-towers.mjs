/**
 * Imported towers beside the library they were published for: the largest difference of a feature, for every way to read them.
 *
 *   npm run build && python tools/interop/reference/vision-towers.py --large DIRECTORY && node tools/interop/reference/vision-towers.mjs DIRECTORY [threads=1]
 *
 * Prints one row for each tower and kind of feature, in Markdown. Exit 1 if a feature is more than 1e-3 off.
 */
import { join } from "node:path";
import { readSafetensors } from "@slm/checkpoints";
import { runTower, toFloat32 } from "@slm/model";
import { importVisionTower, readHuggingFaceDirectory } from "@slm/checkpoints";
import { createHostTensor } from "@slm/runtime";
import { createCpuRuntime } from "@slm/runtime-node";
import { createOnnxEngine } from "@slm/tensor";
import { toPatches } from "@slm/vision";

const LIMIT = 1e-3;
const CASES = [
  ["clip", "penultimate", { features: -2, classToken: true }],
  ["clip", "penultimate", { features: -2, classToken: false }],
  ["clip", "last", { features: "last", classToken: true }],
  ["siglip", "last", { features: "last" }],
  ["siglip", "penultimate", { features: -2 }],
];

const [root, threads = "threads=1"] = process.argv.slice(2);
if (root === undefined) throw new Error("usage: vision-towers.mjs DIRECTORY [threads=1]");
const runtime = await createCpuRuntime({ inThread: true, threads: Number(threads.split("=")[1]) });
const engine = createOnnxEngine(runtime);

/** The pixels are made already, so of the processing only the size counts. */
const processing = (height, width) => ({
  channels: 3,
  filter: "bicubic",
  scale: 1 / 255,
  mean: [0, 0, 0],
  std: [1, 1, 1],
  resize: { kind: "stretch", height, width },
});

async function features(directory, pixels, options) {
  const [, channels, height, width] = pixels.shape;
  const external = await readHuggingFaceDirectory(directory);
  const { tower, weights } = await importVisionTower(external, {
    image: processing(height, width),
    ...options,
  });
  const rows = toPatches({ channels, height, width, values: pixels.data }, tower.patch);
  const values = channels * tower.patch.height * tower.patch.width;
  const before = tower.classToken === "none" ? 0 : values;
  const data = new Float32Array(before + rows.length);
  data.set(rows, before);
  const feeds = {
    ...Object.fromEntries(weights),
    patches: createHostTensor("float32", [1, data.length / values, values], data),
  };
  const inputs = Object.fromEntries(
    Object.entries(feeds).map(([name, { shape }]) => [name, { dtype: "float32", shape }]),
  );
  const program = await engine.compile({
    name: "tower",
    inputs,
    build: (given) => ({ out: runTower(tower, given, given.patches) }),
  });
  const { fetched } = await program.run({ feeds, fetch: ["out"] });
  await program.release();
  const parameters = [...weights.values()].reduce((sum, weight) => sum + weight.data.length, 0);
  return { found: fetched.out, parameters, layers: tower.layers };
}

console.log(
  "| tower | features | class token | layers | parameters | largest feature | largest difference |",
);
console.log("| --- | --- | --- | ---: | ---: | ---: | ---: |");
let worst = 0;
for (const [name, which, options] of CASES) {
  const directory = join(root, name);
  const { tensors } = await readSafetensors(join(directory, "expected.safetensors"));
  const pixels = tensors.get("pixels");
  const { found, parameters, layers } = await features(directory, pixels, options);
  const all = toFloat32(tensors.get(which), which).data;
  // Of several images the first.
  const expected = all.subarray(0, all.length / pixels.shape[0]);
  // A dropped class token is the first of the library's rows.
  const skipped = expected.length - found.data.length;
  let [largest, difference] = [0, 0];
  found.data.forEach((value, index) => {
    const wanted = expected[skipped + index];
    largest = Math.max(largest, Math.abs(wanted));
    const off = Math.abs(value - wanted);
    difference = Number.isNaN(off) ? Infinity : Math.max(difference, off);
  });
  worst = Math.max(worst, difference);
  const token = { true: "read", false: "dropped" }[options.classToken] ?? "none";
  console.log(
    `| ${name} | ${which} | ${token} | ${layers} | ${(parameters / 1e6).toFixed(0)}M | ${largest.toFixed(1)} | ${difference.toExponential(1)} |`,
  );
}
await runtime.close();
if (!(worst <= LIMIT)) process.exitCode = 1;
