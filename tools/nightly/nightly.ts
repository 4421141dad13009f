/**
 * Tests that take too long for every change: attacks, faults, fuzzing, all model families, other processors, killed workers. There are six
 * parts of similar length. `.ci/run` runs one part, chosen by the commit's hash.
 *
 *   npm run test:nightly                          all parts
 *   npm run test:nightly -- --part 3              one part, 1 to 6
 *   npm run test:nightly -- --part commit         the part chosen by the hash of HEAD
 *   npm run test:nightly -- --run DIR             use this run of the shortened quick start; without it, one is trained
 *   npm run test:nightly -- --list                print the parts
 *
 * Continues after a failure. Prints the seconds of every task. Exit code 1 if a task failed.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";

interface Task {
  readonly name: string;
  /** Returns the program and its arguments for the directory of a shortened quick start run. */
  readonly command: (run: string) => readonly string[];
  /** Whether the task reads that run. */
  readonly needsRun?: boolean;
  readonly env?: Readonly<Record<string, string>>;
}

const root = join(import.meta.dirname, "..", "..");
const npm =
  (script: string, ...argv: string[]) =>
  (): readonly string[] => ["npm", "run", "--silent", script, "--", ...argv];
/** The nightly test files whose paths contain one of these texts. */
const tests = (...paths: string[]): Task => ({
  name: paths.join(", "),
  command: () => ["npx", "vitest", "run", "--project", "nightly", ...paths],
});

const PARTS: readonly (readonly Task[])[] = [
  [
    { name: "fuzzing", command: npm("fuzz", "--seconds", "180") },
    tests("corrupt-artifacts", "hostile-inputs", "pull-killed"),
  ],
  [{ name: "workers, some of them killed", command: npm("e2e:workers") }, tests("e2e/resume")],
  [
    {
      name: "emulated processors",
      needsRun: true,
      // A student with a few hundred steps of training has many near ties between tokens.
      command: (run) => [
        ...npm("e2e:processors", run, "--processors", "avx2,arm64-dot")(),
        "--models",
        "export,int8-dynamic,deploy",
        "--rows",
        "500",
        "--min-alike",
        "92",
        "--tolerance",
        "2",
      ],
    },
  ],
  [tests("published-road", "transformers-js-published", "how-to", "vision-bench")],
  [tests("network-faults", "serve-hostile", "e2e/network.nightly")],
  [
    { name: "runs exported to MLflow's server", command: npm("e2e:mlflow") },
    { name: "Windows, under Wine", command: npm("e2e:windows") },
    tests("reproducible", "bench-lengths"),
  ],
];

const { values } = parseArgs({
  options: { part: { type: "string" }, run: { type: "string" }, list: { type: "boolean", default: false } },
});

/** The parts to run, counted from 1. */
function chosenParts(part: string | undefined): readonly number[] {
  if (part === undefined) return PARTS.map((_, index) => index + 1);
  const number =
    part === "commit"
      ? 1 +
        (parseInt(execFileSync("git", ["rev-parse", "--short=8", "HEAD"], { cwd: root }).toString(), 16) %
          PARTS.length)
      : Number(part);
  if (PARTS[number - 1] === undefined)
    throw new Error(`--part ${part}: expected commit, or 1 to ${PARTS.length}`);
  return [number];
}

const say = (text: string): void => void process.stdout.write(`${text}\n`);
const nameOf = (number: number): string => PARTS[number - 1]!.map(({ name }) => name).join("; ");
const parts = chosenParts(values.part);
if (values.list) {
  PARTS.forEach((_, index) => {
    say(`${index + 1}  ${nameOf(index + 1)}`);
  });
  process.exit(0);
}

const work = mkdtempSync(join(tmpdir(), "slm-nightly-"));
const results: { readonly name: string; readonly seconds: number; readonly isPassed: boolean }[] = [];

function runTask(name: string, argv: readonly string[], env: Readonly<Record<string, string>> = {}): boolean {
  say(`\n> ${name}: ${argv.join(" ")}`);
  const start = performance.now();
  const [program, ...rest] = argv;
  const { status } = spawnSync(program!, rest, {
    cwd: root,
    stdio: ["ignore", "inherit", "inherit"],
    env: { ...process.env, ...env },
  });
  results.push({ name, seconds: (performance.now() - start) / 1000, isPassed: status === 0 });
  return status === 0;
}

try {
  const tasks = parts.flatMap((number) => PARTS[number - 1]!);
  say(
    `nightly tests, ${parts.map((number) => `part ${number} of ${PARTS.length} (${nameOf(number)})`).join(", ")}`,
  );
  let run = values.run === undefined ? undefined : resolve(values.run);
  if (run === undefined && tasks.some(({ needsRun }) => needsRun === true)) {
    run = join(work, "run");
    runTask("shortened quick start", ["tools/scripts/short-quickstart.sh", run]);
  }
  for (const { name, command, env } of tasks) runTask(name, command(run ?? ""), env);
} finally {
  rmSync(work, { recursive: true, force: true });
}
say("");
for (const { name, seconds, isPassed } of results)
  say(`${seconds.toFixed(1).padStart(7)} s  ${name}${isPassed ? "" : "  FAILED"}`);
process.exitCode = results.every(({ isPassed }) => isPassed) ? 0 : 1;
