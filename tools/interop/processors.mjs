/**
 * Runs numeric tests and compares a model's answers on other CPUs, emulated by QEMU's user mode.
 *
 *   npm run build && npm run e2e:processors -- [RUN] [flags]
 *
 * RUN is a directory that `slm run` wrote. On each CPU, its float32 export, quantized models and bundle answer rows of the test split, and
 * the answers are compared with this machine's. Without RUN, only tests run.
 *
 *   --processors a,b     native, avx2, sse4, arm64, arm64-dot, arm64-i8mm, and at native speed
 *                        masked-avx2, masked-avx512, masked-avx-vnni. Default: all emulated CPUs except arm64
 *   --models a,b         export, deploy, and schemes, which are quantized here if missing; `all` for all of them.
 *                        Default: the models in RUN
 *   --rows N             rows to answer, default 100     --data FILE      rows, default RUN/data/test.jsonl
 *   --metric NAME        default wer               --jobs N         CPUs at the same time, default 2
 *   --tolerance P        allowed difference of a model's metric to this machine [points], default 0.3, plus one row
 *   --max-change P       allowed difference of a model's metric to float32 on the same CPU [points]
 *   --min-alike P        percentage of answers that must equal this machine's
 *   --tests all|some|no  default some: only a part of export parity, which takes longest
 *   --json               prints one JSON object
 *
 * Prints per CPU the results of ONNX Runtime's kernels (which prove the CPU), tests, equal answers, the metric and its difference to
 * float32. Exit code 3 if a test fails, a program crashes, or a model misses --tolerance, --max-change or --min-alike. A different order of
 * sums can change the result of near ties between tokens; a model with little training has many.
 */
import { existsSync, rmSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { PROCESSORS, prepare } from "./processors/emulators.mjs";
import { TEST_CHOICES, cli, measure } from "./processors/measure.mjs";
import { findModels } from "./processors/models.mjs";
import { answersTable, processorsTable } from "./processors/tables.mjs";

const FLAGS = /** @type {const} */ ({
  processors: { type: "string", default: "native,avx2,sse4,arm64-dot,arm64-i8mm" },
  models: { type: "string" },
  rows: { type: "string", default: "100" },
  data: { type: "string" },
  metric: { type: "string", default: "wer" },
  tolerance: { type: "string", default: "0.3" },
  "max-change": { type: "string", default: "100" },
  "min-alike": { type: "string", default: "0" },
  tests: { type: "string", default: "some" },
  jobs: { type: "string", default: "2" },
  json: { type: "boolean", default: false },
});

/** @throws Error that names the flag. */
function readArguments() {
  const { values, positionals } = parseArgs({ allowPositionals: true, options: FLAGS });
  const check = (/** @type {boolean} */ holds, /** @type {string} */ message) => {
    if (!holds) throw new Error(message);
  };
  const oneOf = (/** @type {string} */ flag, /** @type {string} */ name, /** @type {object} */ choices) =>
    check(
      Object.hasOwn(choices, name),
      `--${flag}: expected ${Object.keys(choices).join(", ")}, got '${name}'`,
    );
  const processors = values.processors.split(",");
  for (const name of processors) oneOf("processors", name, PROCESSORS);
  oneOf("tests", values.tests, TEST_CHOICES);
  for (const flag of /** @type {const} */ (["rows", "jobs"])) {
    check(
      /^[1-9]\d*$/.test(values[flag]),
      `--${flag}: expected a whole number above 0, got '${values[flag]}'`,
    );
  }
  for (const flag of /** @type {const} */ (["tolerance", "max-change", "min-alike"])) {
    check(
      /^\d+(\.\d+)?$/.test(values[flag]),
      `--${flag}: expected a number such as 0.3, got '${values[flag]}'`,
    );
  }
  check(positionals.length <= 1, "expected at most one RUN");
  const run = positionals[0] === undefined ? undefined : resolve(positionals[0]);
  if (run !== undefined)
    check(existsSync(join(run, "export", "model.json")), `no export/model.json in ${run}`);
  return {
    ...values,
    processors,
    run,
    cli,
    data: values.data ?? (run === undefined ? undefined : join(run, "data", "test.jsonl")),
    tolerance: Number(values.tolerance) / 100,
    maxChange: Number(values["max-change"]) / 100,
    minAlike: Number(values["min-alike"]) / 100,
  };
}

/**
 * @typedef {ReturnType<typeof readArguments>} Options
 * @typedef {import("./processors/measure.mjs").Measured} Measured
 */

/** Compares a CPU's answers with this machine's, and its metric with float32's. */
function compare(
  /** @type {Measured} */ { answers },
  /** @type {Measured} */ native,
  /** @type {Options} */ { tolerance, maxChange, minAlike },
) {
  return [...answers].map(([model, { answers: texts, ...got }]) => {
    const here = native.answers.get(model) ?? { answers: [], metric: Number.NaN };
    const alike = texts.filter((text, at) => text === here.answers[at]).length;
    const toNative = got.metric - here.metric;
    const toFloat = got.metric - (answers.get("export")?.metric ?? Number.NaN);
    const isWrong =
      Math.abs(toNative) > tolerance + 1 / got.rows ||
      Math.abs(toFloat) > maxChange ||
      alike < minAlike * got.rows;
    return { model, ...got, alike, toNative, toFloat, isWrong };
  });
}

/** Measures this machine first, as the reference, then the other CPUs in parallel. */
async function measureAll(
  /** @type {ReadonlyMap<string, string>} */ models,
  /** @type {string} */ work,
  /** @type {Options} */ options,
) {
  const others = options.processors.filter((name) => name !== "native");
  const isAsked = options.processors.includes("native");
  const native = await measure("native", models, work, isAsked ? options : { ...options, tests: "no" });
  /** @type {Map<string, Measured>} */
  const measured = new Map();
  const queue = [...others];
  const takeTurns = async () => {
    for (let name = queue.shift(); name !== undefined; name = queue.shift()) {
      try {
        measured.set(name, await measure(name, models, work, options));
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error);
        process.stderr.write(`${name}: ${message}\n`);
        measured.set(name, { name, error: message, answers: new Map() });
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(Number(options.jobs), others.length) }, takeTurns));
  return [native, ...others.flatMap((name) => measured.get(name) ?? [])].map((result) => ({
    ...result,
    what: PROCESSORS[result.name]?.what ?? "",
    answers: compare(result, native, options),
  }));
}

/** @returns {never} */
function end(/** @type {number} */ exitCode, /** @type {unknown} */ error) {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
  process.exit(exitCode);
}

const options = (() => {
  try {
    return readArguments();
  } catch (error) {
    return end(2, error);
  }
})();
try {
  await prepare(options.processors);
} catch (error) {
  end(69, error);
}

const work = await mkdtemp(join(tmpdir(), "slm-processors-"));
process.on("exit", () => rmSync(work, { recursive: true, force: true }));
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(130));

const { run } = options;
const models = run === undefined ? new Map() : await findModels({ ...options, run }, work);
const processors = await measureAll(models, work, options);
const failed = processors.filter(
  ({ error, tests, answers }) =>
    error !== undefined || (tests?.failed.length ?? 0) > 0 || answers.some(({ isWrong }) => isWrong),
);
if (options.json) {
  const report = { metric: options.metric, isPassed: failed.length === 0, processors };
  process.stdout.write(`${JSON.stringify(report)}\n`);
} else {
  process.stdout.write(`${processorsTable(processors)}\n`);
  if (models.size > 0) process.stdout.write(`\n${answersTable(processors, options.metric)}\n`);
}
if (failed.length > 0) {
  process.stderr.write(`failed on ${failed.map(({ name }) => name).join(", ")}\n`);
  process.exitCode = 3;
}
