/**
 * Training on a GPU beside PyTorch on the same GPU, in one line: tokens/s of a whole step, the share of the rate of one square product of
 * 2,048 (software adapters: 512), and the ratio to PyTorch in bfloat16, eager and compiled. Prints a Markdown table for docs/benchmarks, with
 * the machine and the versions.
 *
 *   npm run build && node tools/bench/gpu.mjs
 *   node tools/bench/gpu.mjs --device gpu:webgpu --peer-device cpu --peer-dtype float32 --sizes tiny --batch 2 --source 16 --answer 8 --rounds 2
 *
 *   --device       slm's: gpu:cuda (default), gpu:webgpu, gpu:directml, cpu
 *   --peer-device  PyTorch's: cuda (default), cpu           --peer-dtype   bfloat16 (default), float32
 *   --sizes        30m,paper,1b (default), small, tiny      --batch, --source, --answer, --rounds, --steps
 *   --no-compile   leaves torch.compile out, which needs a C++ compiler
 *
 * The second line runs anywhere where the software adapter of WebGPU does (docs/how-to/webgpu.md) and shows that the comparison works; its
 * times say nothing about a GPU. SLM_PEER_PYTHON names an interpreter that has torch and safetensors.
 */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const TORCH = fileURLToPath(new URL("../interop/reference/side-by-side/torch.mjs", import.meta.url));

const { values } = parseArgs({
  options: {
    device: { type: "string", default: "gpu:cuda" },
    "peer-device": { type: "string", default: "cuda" },
    "peer-dtype": { type: "string", default: "bfloat16" },
    sizes: { type: "string", default: "30m,paper,1b" },
    batch: { type: "string", default: "16" },
    source: { type: "string", default: "512" },
    answer: { type: "string", default: "128" },
    rounds: { type: "string", default: "5" },
    steps: { type: "string", default: "8" },
    "no-compile": { type: "boolean", default: false },
  },
});

/** The report of one size. @throws Error if a side fails or the losses disagree; the reason has been printed */
function compared(size) {
  const { batch, source, answer, rounds, steps, device } = values;
  const settings = { task: "train", size, batch, source, answer, rounds, steps, device, warmup: 1 };
  const other = {
    peerDevice: values["peer-device"],
    peerDtype: values["peer-dtype"],
    compile: values["no-compile"] ? 0 : 1,
  };
  const argv = Object.entries({ ...settings, ...other }).map(([key, value]) => `${key}=${value}`);
  const { status, stdout } = spawnSync(process.execPath, [TORCH, ...argv], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
    maxBuffer: 2 ** 26,
  });
  if (status !== 0) throw new Error(`the comparison of size ${size} failed`);
  return JSON.parse(stdout.split("\n").find((line) => line.startsWith("{")));
}

const rate = (figure) => Math.round(figure.p50).toLocaleString("en-US");
const rows = [];
let machine;
for (const size of values.sizes.split(",")) {
  const report = compared(size);
  machine ??= report.machine;
  const [ours, ...theirs] = report.results;
  for (const one of report.results)
    rows.push([
      size,
      one.name,
      one.device ?? "",
      rate(one.tokensPerSecond),
      `${one.stepMs.p50.toFixed(1)} (${one.stepMs.p25.toFixed(1)} to ${one.stepMs.p75.toFixed(1)})`,
      one === ours ? `${(100 * ours.shareOfProductRate).toFixed(0)} %` : "",
      one === ours ? "" : (ours.tokensPerSecond.p50 / one.tokensPerSecond.p50).toFixed(2),
      one === ours ? "" : one.lossApartLargest.toExponential(1),
    ]);
  process.stderr.write(`${size}: compared with ${theirs.length} runs of PyTorch\n`);
}
const HEAD = [
  "size",
  "program",
  "device",
  "tokens/s",
  "step [ms], quartiles",
  "share of a square product's rate",
  "slm to it",
  "losses apart",
];
console.log(
  `\n${machine.cpu}, Node ${machine.node}; batch ${values.batch}, ${values.source} tokens in, ${values.answer} out\n`,
);
for (const row of [HEAD, HEAD.map(() => "---"), ...rows]) console.log(`| ${row.join(" | ")} |`);
