/**
 * Runs the Python of docs/how-to/transformers-js.md as it stands there, on exports of a checkpoint in both layouts, quantized ones
 * too, and compares what it answers with `slm generate`. Exit 1 where an answer of float32 or float16 graphs differs, or more
 * than one of twenty of quantized ones, whose integer kernels round differently from version to version.
 *
 *   npm run build && node tools/interop/reference/how-to-python.mjs CHECKPOINT ROWS.jsonl PYTHON [COUNT]
 *
 * PYTHON is an interpreter with `onnxruntime`, `tokenizers` and `numpy`; COUNT sources (default 50) are asked.
 */
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";

const CLI = join(import.meta.dirname, "../../../apps/cli/bin/run.js");
const PAGE = join(import.meta.dirname, "../../../docs/how-to/transformers-js.md");

const [checkpoint, rowsFile, python, count = "50"] = process.argv.slice(2);
if (python === undefined) throw new Error("usage: how-to-python.mjs CHECKPOINT ROWS.jsonl PYTHON [COUNT]");

const slm = (...argv) => execa(process.execPath, [CLI, ...argv, "--quiet"]);

/** The page's blocks of Python, in order: layout transformers.js, slm's own. */
const [library, native] = [...(await readFile(PAGE, "utf8")).matchAll(/```python\n(.*?)```/gs)].map(
  ([, block]) => block,
);

const rows = (await readFile(rowsFile, "utf8")).trim().split("\n").slice(0, Number(count));
const sources = rows.map((line) => JSON.parse(line).source);

/** What each block is run on: flags of the export, a scheme to quantize with, changes that the page tells of. */
const CASES = [
  {
    name: "transformers.js float32",
    code: library,
    flags: ["--target", "web", "--layout", "transformers.js"],
  },
  {
    name: "transformers.js float16",
    code: library
      .replace("encoder_model.onnx", "encoder_model_fp16.onnx")
      .replace("decoder_model_merged.onnx", "decoder_model_merged_fp16.onnx")
      .replace("np.float32)", "np.float16)"),
    flags: ["--target", "web", "--layout", "transformers.js", "--precision", "float16"],
  },
  { name: "native float32", code: native, flags: ["--target", "cpu"] },
  { name: "native int8-dynamic", code: native, flags: ["--target", "cpu"], scheme: "int8-dynamic" },
  { name: "native int4-block", code: native, flags: ["--target", "cpu"], scheme: "int4-block" },
];

/** Answers of quantized graphs that have to be the same. */
const QUANTIZED_SHARE = 0.95;

const root = await mkdtemp(join(tmpdir(), "slm-python-"));
let isSame = true;
try {
  for (const [index, { name, code, flags, scheme }] of CASES.entries()) {
    const folder = join(root, String(index));
    await mkdir(folder);
    const model = join(folder, "model");
    const exported = scheme === undefined ? model : join(folder, "float32");
    await slm("export", checkpoint, ...flags, "-o", exported);
    if (scheme !== undefined) await slm("quantize", exported, "--scheme", scheme, "-o", model);
    // Batches of the library's layout are answered at once, slm's own one by one.
    const asked = code === native ? "[answer(text) for text in texts]" : "answer(texts)";
    const script = `${code}\ntexts = json.loads(pathlib.Path("texts.json").read_text())\nprint(json.dumps(${asked}))\n`;
    await writeFile(join(folder, "script.py"), script);
    await writeFile(join(folder, "texts.json"), JSON.stringify(sources));
    const { stdout } = await execa(python, ["script.py"], { cwd: folder });
    const theirs = JSON.parse(stdout.split("\n").at(-1));
    // The library's layout computes in float32 or float16; slm's own runtime answers from the checkpoint or the same graphs.
    const ours = await answers(scheme === undefined ? checkpoint : model);
    const same = sources.filter((_, at) => theirs[at] === ours[at]).length;
    isSame = isSame && same >= (scheme === undefined ? 1 : QUANTIZED_SHARE) * sources.length;
    process.stdout.write(`${name}: ${same} of ${sources.length} answers are those of slm generate\n`);
  }
} finally {
  await rm(root, { recursive: true, force: true });
}
process.exitCode = isSame ? 0 : 1;

async function answers(model) {
  const file = join(root, "rows.jsonl");
  await writeFile(file, sources.map((source) => `${JSON.stringify({ source, target: "x" })}\n`).join(""));
  const { stdout } = await execa(process.execPath, [
    ...[CLI, "eval", model, "--data", file, "--metrics", "exactMatch", "--json", "--quiet"],
    ...["--output", join(root, "predictions.jsonl")],
  ]);
  const { predictions } = JSON.parse(stdout).result;
  const lines = (await readFile(predictions, "utf8")).trim().split("\n");
  return lines.map((line) => JSON.parse(line).prediction);
}
