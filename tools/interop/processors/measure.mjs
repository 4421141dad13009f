/** Measurements on one CPU: the probe that proves its type, tests, and answers of models. */
import { existsSync } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { PROCESSORS, startNode } from "./emulators.mjs";
import { execute } from "./programs.mjs";

const root = join(import.meta.dirname, "..", "..", "..");
export const cli = join(root, "apps", "cli", "bin", "run.js");

const TEST_FILES = ["quantize-operators", "quantize-calibrated", "perplexity", "export-parity"];
/** Arguments of vitest. `some`: all tests except most variants of `export-parity`, which take longest. */
/** @type {Readonly<Record<string, readonly string[] | undefined>>} */
export const TEST_CHOICES = {
  all: [],
  some: [
    "--testNamePattern",
    "^(?!.*computes what the trained one does: (?!gates|sizes that are multiples))",
  ],
  no: undefined,
};

/**
 * The measurements for every CPU.
 *
 * @typedef {{ data: string | undefined, rows: string, metric: string, tests: string }} Options
 *
 * @typedef {{ rows: number, metric: number, answers: string[], seconds: number }} Answers
 * @typedef {{ passed: number, failed: string[], seconds: number }} Tests
 *
 * The results of a CPU, or its error.
 * @typedef {{ name: string, error?: string, found?: Record<string, unknown>, tests?: Tests | undefined, answers: Map<string, Answers> }} Measured
 */

/**
 * Runs all measurements on one CPU. Progress goes to stderr. @throws Error if the CPU is a different one or a program crashes. @returns
 * {Promise<Measured>}
 */
export async function measure(
  /** @type {string} */ name,
  /** @type {ReadonlyMap<string, string>} */ models,
  /** @type {string} */ work,
  /** @type {Options} */ options,
) {
  const directory = join(work, `on-${name}`);
  await mkdir(directory);
  const node = await startNode(name, directory);
  const say = (/** @type {string} */ text) => process.stderr.write(`${name}: ${text}\n`);
  const found = await probe(name, node);
  const tests =
    TEST_CHOICES[options.tests] === undefined ? undefined : await runTests(node, directory, options);
  if (tests !== undefined) {
    say(`${tests.passed} tests passed, ${tests.failed.length} failed, ${tests.seconds.toFixed(0)} s`);
    for (const title of tests.failed) say(`failed: ${title}`);
  }
  /** @type {Map<string, Answers>} */
  const answers = new Map();
  for (const [model, path] of models) {
    const got = await answer(node, path, directory, options);
    say(`${model}: ${options.metric} ${got.metric} over ${got.rows} rows, ${got.seconds.toFixed(0)} s`);
    answers.set(model, got);
  }
  return { name, found, tests, answers };
}

async function probe(
  /** @type {string} */ name,
  /** @type {import("./emulators.mjs").NodeOn} */ { command, env },
) {
  const { stdout } = await execute([...command, join(import.meta.dirname, "probe.mjs")], { cwd: root, env });
  /** @type {Record<string, unknown>} */
  const found = JSON.parse(stdout);
  for (const [key, expected] of Object.entries(PROCESSORS[name]?.expect ?? {})) {
    if (found[key] !== expected) {
      throw new Error(`${name} is a different CPU: expected ${key} ${expected}, got ${stdout.trim()}`);
    }
  }
  return found;
}

const secondsSince = (/** @type {number} */ began) => (performance.now() - began) / 1000;

/** @returns {Promise<Tests>} */
async function runTests(
  /** @type {import("./emulators.mjs").NodeOn} */ { command, env },
  /** @type {string} */ work,
  /** @type {Options} */ { tests },
) {
  const output = join(work, "tests.json");
  const vitest = join(root, "node_modules", "vitest", "vitest.mjs");
  const choice = [
    "--config",
    "e2e/processors/vitest.config.ts",
    ...TEST_FILES,
    ...(TEST_CHOICES[tests] ?? []),
  ];
  const report = ["--reporter=json", `--outputFile=${output}`];
  const began = performance.now();
  const printed = await execute([...command, vitest, "run", ...choice, ...report], {
    cwd: root,
    env,
    mayFail: true,
  });
  if (!existsSync(output)) throw new Error(`vitest wrote no report: ${printed.stderr.slice(-2000)}`);
  /** @type {{ numPassedTests: number, testResults: { name: string, status: string, message: string, assertionResults: { status: string, fullName: string }[] }[] }} */
  const { numPassedTests, testResults } = JSON.parse(await readFile(output, "utf8"));
  const failed = testResults.flatMap(({ name: file, status, message, assertionResults }) => {
    const titles = assertionResults.filter((test) => test.status === "failed").map((test) => test.fullName);
    // A file with failing hooks or imports has no failed test.
    return titles.length === 0 && status === "failed" ? [`${file}: ${message}`] : titles;
  });
  return { passed: numPassedTests, failed, seconds: secondsSince(began) };
}

/** Runs `slm eval` for one model on one thread. @returns {Promise<Answers>} */
async function answer(
  /** @type {import("./emulators.mjs").NodeOn} */ { command, env },
  /** @type {string} */ directory,
  /** @type {string} */ work,
  /** @type {Options} */ { data = "", rows, metric },
) {
  const output = join(work, "predictions.jsonl");
  const flags = ["--limit", rows, "--metrics", metric, "--threads", "1", "-o", output, "--json", "--quiet"];
  const began = performance.now();
  const { stdout } = await execute([...command, cli, "eval", directory, "--data", data, ...flags], {
    cwd: root,
    env,
  });
  const { result } = JSON.parse(stdout);
  const lines = (await readFile(output, "utf8")).trimEnd().split("\n");
  return {
    rows: result.n,
    metric: result.metrics[metric],
    answers: lines.map((line) => JSON.parse(line).prediction),
    seconds: secondsSince(began),
  };
}
