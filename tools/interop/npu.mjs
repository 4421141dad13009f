/**
 * Everything that slm exports for a Qualcomm NPU, compiled by Qualcomm's own HTP compiler with CPU fallback disabled, and run on the HTP
 * simulator: every model of npu/models.mjs, every precision and scheme of profile qnn, every graph, every SoC of npu/socs.mjs.
 *
 *   npm run build
 *   npm run interop:npu -- --python PYTHON              a Markdown table on stdout; exit 3 if a graph is refused
 *   npm run interop:npu -- --python PYTHON --only ocr   models, precisions and schemes whose name holds the text
 *   npm run interop:npu -- --python PYTHON --trained quickstart=runs/quickstart   a run's checkpoint and rows instead of random ones
 *   npm run interop:npu -- --python PYTHON --large      and the model of 332 million parameters: an hour, 20 GB of memory
 *   npm run interop:npu -- --python PYTHON --trained quickstart=runs/quickstart --answers 200   and greedy answers of trained students
 *   npm run interop:npu -- --python PYTHON --soc SM8750 --json OUT.json   one SoC; every figure of every graph
 *
 * PYTHON has Qualcomm's compiler, whose licence is Qualcomm's: python -m venv V && V/bin/pip install onnxruntime==1.30.0
 * onnxruntime-qnn==2.7.0 numpy, then V/bin/python. Models and results are kept in ${SLM_CACHE:-~/.cache/slm}/npu: a second run compiles
 * only what changed. What the simulator computed is labelled simulated; its time says nothing about a device and is not shown.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { compileGraph } from "./npu/compile.mjs";
import { exportsOf } from "./npu/exports.mjs";
import { MODELS } from "./npu/models.mjs";
import { SOCS } from "./npu/socs.mjs";
import { simulatedAnswers } from "./npu/answers.mjs";
import { answerTable, refusalTable, schemeTable } from "./npu/table.mjs";

const { values: flags } = parseArgs({
  options: {
    python: { type: "string" },
    only: { type: "string", multiple: true, default: [] },
    soc: { type: "string", multiple: true, default: [] },
    answers: { type: "string", default: "0" },
    trained: { type: "string", multiple: true, default: [] },
    large: { type: "boolean", default: false },
    json: { type: "string" },
  },
});
if (flags.python === undefined) {
  process.stderr.write(
    "--python names an interpreter with onnxruntime-qnn; tools/interop/npu.mjs says how to make one\n",
  );
  process.exit(2);
}

const cache = join(process.env.SLM_CACHE ?? join(homedir(), ".cache", "slm"), "npu");
const trained = Object.fromEntries(flags.trained.map((pair) => pair.split("=")));
const socs = SOCS.filter(({ name }) => flags.soc.length === 0 || flags.soc.includes(name));
const models = MODELS.filter(({ isLarge }) => flags.large || isLarge !== true);
const count = Number(flags.answers);
await mkdir(cache, { recursive: true });

const isWanted = (...names) => flags.only.every((text) => names.some((name) => name.includes(text)));
const results = [];
const answers = [];
for (const model of models) {
  for await (const exported of exportsOf(model, { cache, trained, isWanted, python: flags.python })) {
    for (const graph of exported.graphs) {
      for (const soc of socs) {
        const outcome = await compileGraph({ ...exported, graph, soc, cache, python: flags.python });
        results.push({
          model: model.name,
          form: exported.form,
          graph,
          soc: soc.name,
          arch: soc.arch,
          ...outcome,
        });
        process.stderr.write(
          `${outcome.status.padEnd(8)} ${model.name} ${exported.form} ${graph} ${soc.name}\n`,
        );
      }
    }
    const run = trained[model.name];
    if (count === 0 || run === undefined || model.stage !== "distill") continue;
    for (const soc of socs) {
      const found = await simulatedAnswers({ ...exported, run, soc, count, cache, python: flags.python });
      answers.push({ model: model.name, form: exported.form, soc: soc.name, ...found });
    }
  }
}
process.stdout.write(`${schemeTable(results, socs)}\n\n${refusalTable(results)}\n`);
if (answers.length > 0) process.stdout.write(`\n${answerTable(answers)}\n`);
if (flags.json !== undefined)
  await writeFile(flags.json, `${JSON.stringify({ results, answers }, null, 1)}\n`);
if (results.some(({ status }) => status !== "compiled")) process.exitCode = 3;
