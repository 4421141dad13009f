/**
 * Reads every hostile input, each in a process of its own that is ended after 60 s, and prints how each ended.
 *
 *   npm run build && node e2e/hostile/run-all.mjs [text in the names]
 *
 * An input that is neither read nor rejected with a code, that takes more than 5 s of CPU time or 1 GB of memory, is a failure (exit 3).
 */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { FIXTURES, writeFixture } from "./fixtures.mjs";

export const LIMITS = { cpuSeconds: 5, peakMiB: 1000, messageCharacters: 1000 };
const END_MS = 60_000;
const CHILD = fileURLToPath(new URL("read-one.mjs", import.meta.url));

/** How the reading of one input ended: what it gave, the time and memory that it took, and what is wrong with that. */
/**
 * What became of an input, as read-one.mjs prints it.
 *
 * @typedef {{ outcome: string, message: string, cpuSeconds: number, wallSeconds: number, peakMiB: number }} Outcome
 */

export async function readHostile(/** @type {number} */ index) {
  const fixture = FIXTURES[index];
  if (fixture === undefined) throw new Error(`no fixture ${index}`);
  const folder = mkdtempSync(join(tmpdir(), "slm-hostile-"));
  try {
    writeFixture(fixture, folder);
    const result = await runChild(index, folder);
    return { what: fixture.what, ...result, problem: problemOf(result) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function problemOf(/** @type {Outcome} */ { outcome, message, cpuSeconds, peakMiB }) {
  if (!/^(?:taken|[A-Z_]+)$/.test(outcome) || outcome === "UNEXPECTED") return outcome;
  if (cpuSeconds > LIMITS.cpuSeconds) return `${cpuSeconds.toFixed(1)} s of CPU time`;
  if (peakMiB > LIMITS.peakMiB) return `${Math.round(peakMiB)} MiB of memory`;
  if (message.length > LIMITS.messageCharacters) return `a message of ${message.length} characters`;
  return undefined;
}

/** @returns {Promise<Outcome>} */
function runChild(/** @type {number} */ index, /** @type {string} */ folder) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [CHILD, String(index), folder], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    const timer = setTimeout(() => child.kill("SIGKILL"), END_MS);
    let [out, err] = ["", ""];
    child.stdout.on("data", (piece) => (out += piece));
    child.stderr.on("data", (piece) => (err += piece));
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      const ended = { outcome: `ended by ${signal ?? `exit ${code}`}: ${err.slice(-300)}`, message: "", cpuSeconds: 0, wallSeconds: 0, peakMiB: 0 }; // prettier-ignore
      resolve(code === 0 && out !== "" ? JSON.parse(out) : ended);
    });
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const wanted = process.argv[2] ?? "";
  let [count, failed] = [0, 0];
  for (const [index, { what }] of FIXTURES.entries()) {
    if (!what.includes(wanted)) continue;
    const { outcome, cpuSeconds, wallSeconds, peakMiB, problem } = await readHostile(index);
    count++;
    failed += problem === undefined ? 0 : 1;
    const figures = `${cpuSeconds.toFixed(2)} s CPU  ${wallSeconds.toFixed(2)} s  ${Math.round(peakMiB)} MiB`;
    console.log(`${what.padEnd(58)} ${outcome.slice(0, 40).padEnd(14)} ${figures}${problem === undefined ? "" : `  FAILED: ${problem}`}`); // prettier-ignore
  }
  console.log(
    `${count} hostile inputs, ${failed} failed; limits: ${LIMITS.cpuSeconds} s, ${LIMITS.peakMiB} MiB`,
  );
  process.exitCode = failed === 0 ? 0 : 3;
}
