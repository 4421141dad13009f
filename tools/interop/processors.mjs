/**
 * Numeric tests and a model's answers on other processors than this one, emulated by QEMU's user mode.
 *
 *   npm run build && npm run e2e:processors -- [RUN] [flags]
 *
 * RUN is a directory that `slm run` wrote. Its float32 export, its quantized models and its bundle answer rows of its
 * test split on each processor; the answers are compared with those of this machine. Without RUN only tests run.
 *
 *   --processors a,b     native, avx2, sse4, arm64, arm64-dot, arm64-i8mm. Default: all but arm64
 *   --models a,b         export, deploy, and schemes, quantized here where RUN has none; `all` for every one.
 *                        Default: those that RUN has
 *   --rows N             rows answered, default 100      --data FILE      other rows than RUN/data/test.jsonl
 *   --metric NAME        default wordError               --max-drop P     points that a model may be worse than float32
 *   --tests all|some|no  default some: a part of the export parity, which is what takes longest
 *   --jobs N             processors at once, default 2   --json           one object on stdout
 *
 * A table per processor: what ONNX Runtime's kernels compute (proof of the processor), tests, answers alike, the metric
 * and how far it is from float32's. Exit 3 if a test fails, a model's metric differs from this machine's by more than
 * 0.3 points and one row, or a model drops by more than --max-drop.
 */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { PROCESSORS, prepare, startNode } from "./processors/emulators.mjs";
import { answersTable, processorsTable } from "./processors/tables.mjs";

const root = join(import.meta.dirname, "..", "..");
const cli = join(root, "apps", "cli", "bin", "run.js");

/** Longest time for one program [s]; under emulation a hang looks like slowness. */
const LIMIT_SECONDS = 1800;
/** How far a metric may be from this machine's, as a share: sums in another order turn near ties of tokens. */
const TOLERANCE = 0.003;

const TEST_FILES = [
  "processors/processor",
  "quantize-operators",
  "quantize-calibrated",
  "perplexity",
  "export-parity",
];
/** All tests but most variants of `export-parity`. */
const SOME_TESTS =
  "^(?!.*computes what the trained one does: (?!gates|modulo head order, heads of 24|sizes that are|room))";

const LIST = (text) => text.split(",").filter((part) => part !== "");

function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exit(2);
}

function readArguments() {
  const option = (fallback) => ({ type: "string", ...(fallback === undefined ? {} : { default: fallback }) });
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        processors: option("native,avx2,sse4,arm64-dot,arm64-i8mm"),
        models: option(),
        rows: option("100"),
        data: option(),
        metric: option("wordError"),
        "max-drop": option(),
        tests: option("some"),
        jobs: option("2"),
        json: { type: "boolean", default: false },
      },
    });
    const processors = LIST(values.processors);
    const unknown = processors.find((name) => !Object.hasOwn(PROCESSORS, name));
    if (unknown !== undefined)
      fail(`no processor '${unknown}'; there are ${Object.keys(PROCESSORS).join(", ")}`);
    if (!["all", "some", "no"].includes(values.tests)) fail("--tests takes all, some or no");
    for (const name of ["rows", "jobs"]) {
      if (!/^[1-9]\d*$/.test(values[name]))
        fail(`--${name} takes a whole number above 0, got '${values[name]}'`);
    }
    const drop = values["max-drop"];
    if (drop !== undefined && !/^\d+(\.\d+)?$/.test(drop))
      fail(`--max-drop takes points such as 0.3, got '${drop}'`);
    if (positionals.length > 1) fail("one RUN at most");
    return {
      ...values,
      processors,
      run: positionals[0],
      maxDrop: drop === undefined ? undefined : drop / 100,
    };
  } catch (error) {
    return fail(error.message);
  }
}

const running = new Set();
for (const signal of ["SIGINT", "SIGTERM"]) {
  process.on(signal, () => {
    for (const child of running) child.kill("SIGKILL");
    process.exit(130);
  });
}

/** Runs a program without core dumps. Gives its output; throws with the end of it if it fails and `mayFail` is not set. */
function execute([program, ...args], { env = {}, mayFail = false, cwd = root } = {}) {
  return new Promise((done, failed) => {
    const child = spawn("/bin/sh", ["-c", 'ulimit -c 0; exec "$@"', "sh", program, ...args], {
      cwd,
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    running.add(child);
    const timer = setTimeout(() => child.kill("SIGKILL"), LIMIT_SECONDS * 1000);
    let [stdout, stderr] = ["", ""];
    child.stdout.on("data", (chunk) => (stdout += chunk));
    child.stderr.on("data", (chunk) => (stderr += chunk));
    child.on("error", failed);
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      running.delete(child);
      if (code === 0 || (mayFail && signal === null)) return done({ stdout, stderr, code });
      const end = `${stdout}\n${stderr}`.trim().slice(-2000);
      return failed(new Error(`${[program, ...args].join(" ")}: ended with ${signal ?? code}\n${end}`));
    });
  });
}

/** Directories of models by name, the float32 export first. Schemes that RUN lacks are quantized on this machine. */
async function findModels({ run, models }, work) {
  if (run === undefined) return new Map();
  const quantized = join(run, "quantize");
  const present = existsSync(quantized)
    ? (await readdir(quantized, { withFileTypes: true }))
        .filter((entry) => entry.isDirectory())
        .map(({ name }) => name)
    : [];
  const { SCHEME_NAMES, learnsFromData } = await import("@slm/quantization");
  const wanted =
    models === undefined
      ? [...present, "deploy"]
      : models === "all"
        ? [...SCHEME_NAMES, "deploy"]
        : LIST(models).filter((name) => name !== "export");
  const found = new Map([["export", join(run, "export")]]);
  for (const name of wanted) {
    const places = name === "deploy" ? [join(run, "deploy")] : [join(quantized, name)];
    const place = places.find((path) => existsSync(join(path, "model.json")));
    if (place === undefined && name !== "deploy") {
      const output = join(work, name);
      process.stderr.write(`quantizing: ${name}\n`);
      const calibration = ["--calibration", join(run, "data", "train.jsonl")];
      const command = [
        process.execPath,
        cli,
        "quantize",
        join(run, "export"),
        "--scheme",
        name,
        "-o",
        output,
      ];
      await execute([...command, ...(learnsFromData(name) ? calibration : []), "--quiet"]);
      found.set(name, output);
    } else if (place !== undefined) found.set(name, place);
  }
  return found;
}

async function runTests(start, name, work, which) {
  const output = join(work, "tests.json");
  const vitest = join(root, "node_modules", "vitest", "vitest.mjs");
  const command = [
    ...start.command,
    ...[vitest, "run", "--config", "e2e/processors/vitest.config.ts", ...TEST_FILES],
    ...["--reporter=json", `--outputFile=${output}`],
    ...(which === "some" ? ["--testNamePattern", SOME_TESTS] : []),
  ];
  const began = Date.now();
  const { stdout, stderr } = await execute(command, {
    mayFail: true,
    env: { ...start.env, SLM_TEST_PROCESSOR: JSON.stringify(PROCESSORS[name].expect) },
  });
  if (!existsSync(output))
    throw new Error(`${name}: vitest wrote no report\n${`${stdout}\n${stderr}`.slice(-2000)}`);
  const report = JSON.parse(await readFile(output, "utf8"));
  const failed = report.testResults.flatMap(({ name: file, status, message, assertionResults }) => {
    const titles = assertionResults
      .filter((test) => test.status === "failed")
      .map(({ fullName }) => fullName);
    return titles.length === 0 && status === "failed" ? [`${file}: ${message}`] : titles;
  });
  return { passed: report.numPassedTests, failed, seconds: (Date.now() - began) / 1000 };
}

async function answer(start, directory, work, { data, run, rows, metric }) {
  const output = join(work, "predictions.jsonl");
  const began = Date.now();
  const { stdout } = await execute(
    [
      ...[...start.command, cli, "eval", directory, "--data", data ?? join(run, "data", "test.jsonl")],
      ...["--limit", rows, "--metrics", metric, "--threads", "1", "-o", output, "--json", "--quiet"],
    ],
    { env: start.env },
  );
  const { result } = JSON.parse(stdout);
  const lines = (await readFile(output, "utf8")).trimEnd().split("\n");
  return {
    rows: result.n,
    metric: result.metrics[metric],
    answers: lines.map((line) => JSON.parse(line).prediction),
    seconds: (Date.now() - began) / 1000,
  };
}

/** Everything on one processor. Progress goes to stderr. */
async function measure(name, models, work, options) {
  const directory = join(work, `on-${name}`);
  await mkdir(directory);
  const start = await startNode(name, directory);
  const say = (text) => process.stderr.write(`${name}: ${text}\n`);
  const { stdout } = await execute([...start.command, join(import.meta.dirname, "processors", "probe.mjs")], {
    env: start.env,
  });
  const found = JSON.parse(stdout);
  const wrong = Object.entries(PROCESSORS[name].expect).filter(([key, value]) => found[key] !== value);
  if (wrong.length > 0) {
    throw new Error(
      `${name}: this is another processor: expected ${JSON.stringify(wrong)}, got ${stdout.trim()}`,
    );
  }
  const tests = options.tests === "no" ? undefined : await runTests(start, name, directory, options.tests);
  if (tests !== undefined) {
    say(`${tests.passed} tests passed, ${tests.failed.length} failed, ${tests.seconds.toFixed(0)} s`);
    for (const title of tests.failed) say(`failed: ${title}`);
  }
  const answers = new Map();
  for (const [model, path] of models) {
    const got = await answer(start, path, directory, options);
    say(`${model}: ${options.metric} ${got.metric} over ${got.rows} rows, ${got.seconds.toFixed(0)} s`);
    answers.set(model, got);
  }
  return { name, found, tests, answers };
}

/** The answers of a processor beside this machine's and beside float32's. */
function compare({ answers }, native, maxDrop) {
  return [...answers].map(([model, got]) => {
    const here = native.answers.get(model);
    const alike = got.answers.filter((text, at) => text === here.answers[at]).length;
    const toNative = got.metric - here.metric;
    const toFloat = got.metric - answers.get("export").metric;
    const tooFar = Math.abs(toNative) > TOLERANCE + 1 / got.rows;
    const { answers: _texts, ...rest } = got;
    return {
      model,
      ...rest,
      alike,
      toNative,
      toFloat,
      isWrong: tooFar || Math.abs(toFloat) > (maxDrop ?? Infinity),
    };
  });
}

const options = readArguments();
if (options.run !== undefined) {
  options.run = resolve(options.run);
  if (!existsSync(join(options.run, "export", "model.json"))) fail(`no export/model.json in ${options.run}`);
}
try {
  await prepare(options.processors);
} catch (error) {
  process.stderr.write(`${error.message}\n`);
  process.exit(69);
}
const work = await mkdtemp(join(tmpdir(), "slm-processors-"));
try {
  const models = await findModels(options, work);
  // This machine first: it is what the others are compared with.
  const others = options.processors.filter((name) => name !== "native");
  const isAsked = options.processors.includes("native");
  const native = await measure("native", models, work, isAsked ? options : { ...options, tests: "no" });
  const measured = [];
  const queue = [...others];
  const worker = async () => {
    for (let name = queue.shift(); name !== undefined; name = queue.shift()) {
      measured.push(await measure(name, models, work, options));
    }
  };
  await Promise.all(Array.from({ length: Math.min(Number(options.jobs), others.length) }, worker));
  measured.sort((a, b) => others.indexOf(a.name) - others.indexOf(b.name));
  const results = [native, ...measured].map(({ answers, ...rest }) => ({
    ...rest,
    what: PROCESSORS[rest.name].what,
    answers: compare({ answers }, native, options.maxDrop),
  }));
  const failed = results.filter(
    ({ tests, answers }) => (tests?.failed.length ?? 0) > 0 || answers.some(({ isWrong }) => isWrong),
  );
  if (options.json) {
    process.stdout.write(
      `${JSON.stringify({ metric: options.metric, isPassed: failed.length === 0, processors: results })}\n`,
    );
  } else {
    process.stdout.write(`${processorsTable(results)}\n`);
    if (models.size > 0) process.stdout.write(`\n${answersTable(results, options.metric)}\n`);
  }
  if (failed.length > 0) {
    process.stderr.write(`failed on ${failed.map(({ name }) => name).join(", ")}\n`);
    process.exitCode = 3;
  }
} finally {
  await rm(work, { recursive: true });
}
