/**
 * Training and generation on a GPU, compared with reference implementations on the same GPU, in one line. Prints Markdown tables for docs/benchmarks, with the
 * machine, the devices and the versions:
 *
 *   training    tokens/s of a whole step, the share of the rate of one square product of 2,048 (software adapters: 512), and the ratio to
 *               PyTorch, eager and compiled, with the losses of both
 *   generation  tokens/s of batches of 1 to 64 beside PyTorch (the same weights) and transformers, and decoder-only beside llama.cpp
 *
 *   npm run build && node tools/bench/gpu.mjs
 *   node tools/bench/gpu.mjs --device gpu:webgpu --peer-device cpu --peer-dtype float32 --sizes tiny --batch 2 --source 16 --answer 8 --rounds 2 --batches 1,2 --no-compile
 *
 *   --tasks        train,generate (default)
 *   --device       slm's: gpu:cuda (default), gpu:webgpu, gpu:directml, cpu
 *   --precision    slm's products in training: bfloat16 on gpu:cuda (default there), float16, float32 (default elsewhere)
 *   --peer-device  PyTorch's: cuda (default), cpu           --peer-dtype   bfloat16 (default), float16, float32
 *   --llama-gpu    llama.cpp's: cuda (default with --peer-device cuda), vulkan, metal, none
 *   --sizes        30m,paper,1b (default), small, tiny      --batch, --source, --answer, --rounds, --steps of the training
 *   --batches      1,4,16,64 (default) of the generation, which reads --source tokens and writes --answer tokens
 *   --no-compile   leaves torch.compile out, which needs a C++ compiler
 *
 * The second line runs anywhere where the software adapter of WebGPU does (docs/how-to/webgpu.md) and shows that the comparison works; its
 * times say nothing about a GPU. SLM_PEER_PYTHON names an interpreter that has torch, transformers and safetensors.
 */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const SIDE_BY_SIDE = new URL("../interop/reference/side-by-side/", import.meta.url);

const { values } = parseArgs({
  options: {
    tasks: { type: "string", default: "train,generate" },
    device: { type: "string", default: "gpu:cuda" },
    precision: { type: "string" },
    "peer-device": { type: "string", default: "cuda" },
    "peer-dtype": { type: "string", default: "bfloat16" },
    "llama-gpu": { type: "string" },
    sizes: { type: "string", default: "30m,paper,1b" },
    batch: { type: "string", default: "16" },
    source: { type: "string", default: "512" },
    answer: { type: "string", default: "128" },
    rounds: { type: "string", default: "5" },
    steps: { type: "string", default: "8" },
    batches: { type: "string", default: "1,4,16,64" },
    "no-compile": { type: "boolean", default: false },
  },
});
const { device, batch, source, answer, rounds, steps } = values;
const isCuda = device === "gpu:cuda";
const reference = { peerDevice: values["peer-device"], peerDtype: values["peer-dtype"] };

/** The report of a comparison. @throws Error if a side fails or results disagree; the reason has been printed */
function compared(script, settings) {
  const argv = Object.entries(settings).map(([key, value]) => `${key}=${value}`);
  const { status, stdout } = spawnSync(
    process.execPath,
    [fileURLToPath(new URL(script, SIDE_BY_SIDE)), ...argv],
    { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"], maxBuffer: 2 ** 26 },
  );
  if (status !== 0) throw new Error(`the comparison ${script} ${argv.join(" ")} failed`);
  return JSON.parse(stdout.split("\n").find((line) => line.startsWith("{")));
}

const rate = (figure) => Math.round(figure.p50).toLocaleString("en-US");
const ratio = (ours, theirs) =>
  ours === theirs ? "" : (ours.tokensPerSecond.p50 / theirs.tokensPerSecond.p50).toFixed(2);

let machine;

function train() {
  const precision = values.precision ?? (isCuda ? "bfloat16" : "float32");
  const rows = [];
  for (const size of values.sizes.split(",")) {
    const report = compared("torch.mjs", {
      ...{ task: "train", size, batch, source, answer, rounds, steps, device, precision, warmup: 1 },
      ...reference,
      compile: values["no-compile"] ? 0 : 1,
    });
    machine ??= report.machine;
    const [ours] = report.results;
    for (const one of report.results)
      rows.push([
        size,
        one.name,
        one.device ?? "",
        rate(one.tokensPerSecond),
        `${one.stepMs.p50.toFixed(1)} (${one.stepMs.p25.toFixed(1)} to ${one.stepMs.p75.toFixed(1)})`,
        one === ours ? `${(100 * ours.shareOfProductRate).toFixed(0)} %` : "",
        ratio(ours, one),
        one === ours ? "" : one.lossApartLargest.toExponential(1),
      ]);
    process.stderr.write(`training, ${size}: compared with ${report.results.length - 1} runs of PyTorch\n`);
  }
  const head = [
    ...["size", "program", "device", "tokens/s", "step [ms], quartiles", "share of a square product's rate"],
    ...["slm to it", "losses apart"],
  ];
  return { title: `Training, batch ${batch}, ${source} tokens in, ${answer} out`, head, rows };
}

function generate() {
  const precision = isCuda ? "float16" : "float32";
  const llamaGpu = values["llama-gpu"] ?? (reference.peerDevice === "cuda" ? "cuda" : "none");
  const rows = [];
  for (const size of values.sizes.split(","))
    for (const kind of ["encoder-decoder", "decoder-only"])
      for (const together of values.batches.split(",")) {
        const report = compared("generate.mjs", {
          ...{ size, kind, batch: together, source, answer, rounds, device, precision, warmup: 1 },
          ...{ ...reference, llamaGpu },
        });
        machine ??= report.machine;
        const [ours] = report.results;
        for (const one of report.results)
          rows.push([
            size,
            one.name,
            one === ours ? `${one.device}, ${precision}` : one.device,
            `${(one.parameters / 1e6).toFixed(1)}M`,
            together,
            rate(one.tokensPerSecond),
            ratio(ours, one),
            one.sameTokens ?? "",
          ]);
        process.stderr.write(`generation, ${size}, ${kind}: batch ${together} compared\n`);
      }
  const head = ["size", "program", "device", "parameters", "batch", "tokens/s", "slm to it", "same tokens"];
  return { title: `Generation, ${source} tokens in, ${answer} out`, head, rows };
}

const TASKS = { train, generate };
const tables = values.tasks.split(",").map((task) => {
  if (!Object.hasOwn(TASKS, task))
    throw new Error(`--tasks has ${Object.keys(TASKS).join(" and ")}, got ${task}`);
  return TASKS[task]();
});
for (const { title, head, rows } of tables) {
  console.log(`\n${title}: slm on ${device}; ${machine.cpu}, ${machine.cores} cores, Node ${machine.node}\n`);
  for (const row of [head, head.map(() => "---"), ...rows]) console.log(`| ${row.join(" | ")} |`);
}
