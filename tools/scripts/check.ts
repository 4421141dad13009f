/**
 * All checks that a change must pass on its author's machine: static checks, two at a time, then the fast tests, which use both cores.
 * Prints the seconds of every script and vitest's test counts at the end. Exit code 1 if a script failed, 130 after Ctrl-C.
 *
 *   npm test
 */
import { spawn, type ChildProcess } from "node:child_process";
import { stripVTControlCharacters } from "node:util";

/** Scripts of package.json. The lanes of a phase run in parallel; the scripts of a lane run one after another. */
const PHASES: readonly (readonly (readonly string[])[])[] = [
  [
    ["build", "typecheck", "reference:check", "lint", "structure", "knip", "vocabulary", "links"],
    ["walls", "format:check", "spell", "lockfile", "scripts:test"],
  ],
  [["fast"]],
];
/** Time for scripts to clean up after Ctrl-C [ms]. */
const GRACE_MS = 5000;

interface Result {
  readonly name: string;
  readonly seconds: number;
  readonly isPassed: boolean;
}

const running = new Set<ChildProcess>();
const results: Result[] = [];
const counts: string[] = [];
/** Aborted by Ctrl-C. */
const interruption = new AbortController();

/** Sends a signal to every script and its child processes. Each script leads a process group. */
function signalAll(signal: NodeJS.Signals): void {
  for (const { pid } of running) {
    if (pid === undefined) continue;
    try {
      process.kill(-pid, signal);
    } catch (problem) {
      if ((problem as NodeJS.ErrnoException).code !== "ESRCH") throw problem;
    }
  }
}

for (const signal of ["SIGINT", "SIGTERM"] as const)
  process.on(signal, () => {
    interruption.abort();
    signalAll(signal);
    setTimeout(() => {
      signalAll("SIGKILL");
    }, GRACE_MS).unref();
  });

/** Runs a script. Prints its output immediately if it runs alone, and at its end if scripts run in parallel. */
function runScript(name: string, isAlone: boolean): Promise<void> {
  const start = performance.now();
  const child = spawn("npm", ["run", "--silent", name], {
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
    env: process.stdout.isTTY ? { FORCE_COLOR: "1", ...process.env } : process.env,
  });
  running.add(child);
  const pieces: Buffer[] = [];
  const keep = (piece: Buffer): void => {
    pieces.push(piece);
    if (isAlone) process.stdout.write(piece);
  };
  child.stdout.on("data", keep);
  child.stderr.on("data", keep);
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => {
      running.delete(child);
      const seconds = (performance.now() - start) / 1000;
      const text = Buffer.concat(pieces).toString();
      if (!isAlone) process.stdout.write(`> ${name}\n${text}`);
      counts.push(...testCounts(text));
      results.push({ name, seconds, isPassed: code === 0 });
      resolve();
    });
  });
}

/** Vitest's lines with test counts. */
function testCounts(text: string): string[] {
  return stripVTControlCharacters(text)
    .split("\n")
    .filter((line) => /^ *Tests {2}.*\(\d+\)$/.test(line));
}

async function runPhase(lanes: readonly (readonly string[])[]): Promise<void> {
  const runLane = async (names: readonly string[]): Promise<void> => {
    for (const name of names) if (!interruption.signal.aborted) await runScript(name, lanes.length === 1);
  };
  await Promise.all(lanes.map(runLane));
}

const start = performance.now();
for (const lanes of PHASES) {
  if (interruption.signal.aborted || results.some(({ isPassed }) => !isPassed)) break;
  await runPhase(lanes);
}

const say = (text: string): void => void process.stdout.write(`${text}\n`);
const row = (seconds: number, text: string): string => `${seconds.toFixed(1).padStart(7)} s  ${text}`;
say("");
for (const { name, seconds, isPassed } of results) say(row(seconds, `${name}${isPassed ? "" : "  FAILED"}`));
for (const name of PHASES.flat(2).filter((script) => !results.some((result) => result.name === script)))
  say(`        -  ${name}, not started`);
say(row((performance.now() - start) / 1000, "in all"));
for (const count of counts) say(count);
process.exitCode = interruption.signal.aborted ? 130 : results.every(({ isPassed }) => isPassed) ? 0 : 1;
