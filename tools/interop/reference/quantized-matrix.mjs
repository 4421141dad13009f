/**
 * Every scheme that a profile of a target takes, from one checkpoint: exported, quantized, analysed by the profile's rules and
 * checked by ONNX's own checker with full shape inference (tools/interop/reference/check-onnx.py). Prints one table, in Markdown.
 *
 *   npm run build && node tools/interop/reference/quantized-matrix.mjs CHECKPOINT TRAIN.jsonl OUT PYTHON [buckets=8,20,40] [only=npu]
 *
 * PYTHON is an interpreter with the package `onnx`. What lies in OUT already is not made again. Exit 1 if a model is not
 * supported, or a file not accepted.
 */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { ALL_DEVICES } from "@slm/devices";

const CLI = join(import.meta.dirname, "../../../apps/cli/bin/run.js");
const CHECK = join(import.meta.dirname, "check-onnx.py");

const [checkpoint, train, out, python, ...settings] = process.argv.slice(2);
if (python === undefined)
  throw new Error("usage: quantized-matrix.mjs CHECKPOINT TRAIN.jsonl OUT PYTHON [key=value ...]");
const options = { buckets: "64", only: "" };
for (const setting of settings) {
  const [key, value] = setting.split("=");
  if (!(key in options)) throw new Error(`unknown key ${key}; known: ${Object.keys(options).join(", ")}`);
  options[key] = value;
}

const exists = (path) =>
  stat(path).then(
    () => true,
    () => false,
  );

/** The result of a command; of one that answers no (exit 3), too. */
async function slm(...argv) {
  const { exitCode, stdout, stderr } = await execa(process.execPath, [CLI, ...argv, "--json", "--quiet"], {
    reject: false,
    maxBuffer: 1 << 28,
  });
  if (exitCode !== 0 && exitCode !== 3)
    throw new Error(`slm ${argv.join(" ")}: exit ${exitCode}\n${stdout}${stderr}`);
  return JSON.parse(stdout).result;
}

/** @returns how many files ONNX's checker accepts, and of how many */
async function checkOnnx(directory) {
  const { stdout } = await execa(python, [CHECK, directory], { reject: false });
  const [, accepted, files] = /(\d+) of (\d+) files accepted/.exec(stdout) ?? [];
  if (files === undefined) throw new Error(`check-onnx.py ${directory}: ${stdout}`);
  for (const line of stdout.split("\n")) if (line.startsWith("FAIL")) process.stderr.write(`${line}\n`);
  return { accepted: Number(accepted), files: Number(files) };
}

async function bytesOf(directory) {
  const weights = ["-name", "*.onnx", "-o", "-name", "*.data"];
  const { stdout } = await execa("find", [directory, "(", ...weights, ")", "-printf", "%s\n"]);
  return stdout.split("\n").reduce((sum, size) => sum + Number(size), 0);
}

async function row(target, profile, scheme) {
  const exported = join(out, `${target}-${profile}`);
  if (!(await exists(join(exported, "model.json")))) {
    const buckets = target === "npu" ? ["--buckets", options.buckets] : [];
    const device = ["--target", target, "--profile", profile, ...buckets];
    await slm("export", checkpoint, ...device, "-o", exported, "--threads", "1");
  }
  const directory = scheme === "float32" ? exported : `${exported}-${scheme}`;
  if (!(await exists(join(directory, "model.json")))) {
    const given = ["--scheme", scheme, "--calibration", train, "--threads", "1"];
    // Schemes that learn nothing from data reject to be given some.
    const data = /^int8-(dynamic|block)$/.test(scheme)
      ? given.filter((word) => !["--calibration", train].includes(word))
      : given;
    await slm("quantize", exported, ...data, "-o", directory);
  }
  const { supported, findings } = await slm("analyze", directory, "--target", target, "--profile", profile);
  const count = (severity) => findings.filter((finding) => finding.severity === severity).length;
  const { accepted, files } = await checkOnnx(directory);
  process.stdout.write(
    `| ${target} | ${profile} | \`${scheme}\` | ${(await bytesOf(directory)).toLocaleString("en-US")} ` +
      `| ${supported ? "yes" : "NO"} | ${count("error")} | ${count("warning")} | ${accepted} of ${files} |\n`,
  );
  return supported && accepted === files;
}

process.stdout.write(
  "| target | profile | scheme | graphs [bytes] | supported | errors | warnings | ONNX checker |\n",
);
process.stdout.write("| --- | --- | --- | ---: | --- | ---: | ---: | --- |\n");
let isGood = true;
for (const { target, profile, schemes } of ALL_DEVICES) {
  if (options.only !== "" && target !== options.only) continue;
  for (const scheme of ["float32", ...schemes.takes]) isGood = (await row(target, profile, scheme)) && isGood;
}
process.exitCode = isGood ? 0 : 1;
