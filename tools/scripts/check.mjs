/**
 * Everything that a change must pass, `npm test`: first what reads the sources, two scripts at a time, then the tests, which use
 * both cores themselves. A phase begins when all of the one before has passed. Ends with the seconds of every script and
 * vitest's count of tests; exit code 1 if a script failed, 130 after Ctrl-C.
 *
 *   node tools/scripts/check.mjs
 */
import { spawn } from "node:child_process";
import { stripVTControlCharacters } from "node:util";

/** Scripts of package.json. A phase has lanes that run side by side; scripts of a lane follow one another. */
const PHASES = [
  [
    ["typecheck", "reference:check", "format:check", "docs:library"],
    ["lint", "knip", "cycles", "spell", "links", "lockfile", "vocabulary", "vocabulary:test"],
  ],
  [["vitest"]],
];
/** How long children may take to clean up after Ctrl-C [ms]. */
const GRACE_MS = 5000;

/** @type {Set<import("node:child_process").ChildProcess>} */
const running = new Set();
/** @type {{ name: string, seconds: number, isPassed: boolean }[]} */
const results = [];
/** @type {string[]} */
let counts = [];
let isInterrupted = false;

/** Sends a signal to every script with all that it started: each leads a process group of its own. */
function signalAll(/** @type {NodeJS.Signals} */ signal) {
  for (const { pid } of running) {
    if (pid === undefined) continue;
    try {
      process.kill(-pid, signal);
    } catch (problem) {
      if (!(problem instanceof Error && "code" in problem && problem.code === "ESRCH")) throw problem;
    }
  }
}

for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM"]))
  process.on(signal, () => {
    isInterrupted = true;
    signalAll(signal);
    setTimeout(() => signalAll("SIGKILL"), GRACE_MS).unref();
  });

/** Runs a script; its output appears at once if it runs alone, and when it ends if another runs beside it. */
function runScript(/** @type {string} */ name, /** @type {boolean} */ isAlone) {
  const start = performance.now();
  const child = spawn("npm", ["run", "--silent", name], {
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
    env: process.stdout.isTTY ? { FORCE_COLOR: "1", ...process.env } : process.env,
  });
  running.add(child);
  /** @type {Buffer[]} */
  const pieces = [];
  const keep = (/** @type {Buffer} */ piece) => {
    pieces.push(piece);
    if (isAlone) process.stdout.write(piece);
  };
  child.stdout.on("data", keep);
  child.stderr.on("data", keep);
  return /** @type {Promise<void>} */ (
    new Promise((resolve, reject) => {
      child.on("error", reject);
      child.on("close", (code) => {
        running.delete(child);
        const seconds = (performance.now() - start) / 1000;
        const text = Buffer.concat(pieces).toString();
        if (!isAlone) process.stdout.write(`> ${name}\n${text}`);
        counts = [...counts, ...testCounts(text)];
        results.push({ name, seconds, isPassed: code === 0 });
        resolve();
      });
    })
  );
}

/** Lines in which vitest counts tests. */
function testCounts(/** @type {string} */ text) {
  return stripVTControlCharacters(text)
    .split("\n")
    .filter((line) => /^ *Tests {2}.*\(\d+\)$/.test(line));
}

async function runPhase(/** @type {string[][]} */ lanes) {
  const runLane = async (/** @type {readonly string[]} */ names) => {
    for (const name of names) if (!isInterrupted) await runScript(name, lanes.length === 1);
  };
  await Promise.all(lanes.map(runLane));
}

const start = performance.now();
for (const lanes of PHASES) {
  if (isInterrupted || results.some(({ isPassed }) => !isPassed)) break;
  await runPhase(lanes);
}

const line = (/** @type {number} */ seconds, /** @type {string} */ text) =>
  `${seconds.toFixed(1).padStart(7)} s  ${text}`;
console.log("");
for (const { name, seconds, isPassed } of results)
  console.log(line(seconds, `${name}${isPassed ? "" : "  FAILED"}`));
for (const name of PHASES.flat(2).filter((script) => !results.some((result) => result.name === script)))
  console.log(`        -  ${name}, not started`);
console.log(line((performance.now() - start) / 1000, "in all"));
for (const count of counts) console.log(count);
process.exitCode = isInterrupted ? 130 : results.every(({ isPassed }) => isPassed) ? 0 : 1;
