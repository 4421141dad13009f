/** `slm serve` as a child process, and what the system and its metrics say about it. */
import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { availableParallelism, cpus } from "node:os";
import { join } from "node:path";

export const root = join(import.meta.dirname, "..", "..", "..");
/** The program that is attacked: of another build where `SLM_BIN` names it. */
export const bin = process.env.SLM_BIN ?? join(root, "apps", "cli", "bin", "run.js");

/** Servers that run: they end with this process, also when it is ended. */
/** @type {Set<import("node:child_process").ChildProcess>} */
const running = new Set();
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(130));

/**
 * @param openFiles limit of open files of the server; undefined: the caller's
 */
export async function startServer(
  /** @type {string} */ bundle,
  /** @type {{ flags?: string[], openFiles?: number }} */ { flags = [], openFiles } = {},
) {
  const argv = [bin, "serve", bundle, "--port", "0", "--json", ...flags];
  const child =
    openFiles === undefined
      ? spawn(process.execPath, argv, { stdio: ["ignore", "pipe", "pipe"] })
      : spawn("sh", ["-c", `ulimit -n ${openFiles}; exec "$0" "$@"`, process.execPath, ...argv], {
          stdio: ["ignore", "pipe", "pipe"],
        });
  running.add(child);
  child.on("exit", () => running.delete(child));
  let story = "";
  let stdout = "";
  child.stdout.on("data", (chunk) => (stdout += chunk));
  /** @type {Promise<{ code: number | string | null, at: number }>} */
  const ended = new Promise((resolve) =>
    child.on("exit", (code, signal) => resolve({ code: code ?? signal, at: performance.now() })),
  );
  /** @type {string} */
  const url = await new Promise((resolve, reject) => {
    child.stderr.on("data", (chunk) => {
      story += chunk;
      const found = /http:\/\/\S+/.exec(story)?.[0];
      if (found !== undefined) resolve(found);
    });
    void ended.then(() => reject(new Error(`slm serve ended: ${story}${stdout}`)));
  });
  return {
    url,
    pid: child.pid,
    /** What it has told so far. */
    story: () => story,
    /** Sends SIGTERM. @returns exit code and seconds until it */
    async stop() {
      const began = performance.now();
      child.kill("SIGTERM");
      const timer = setTimeout(() => child.kill("SIGKILL"), 120_000);
      const { code, at } = await ended;
      clearTimeout(timer);
      return { exit: code, seconds: Number(((at - began) / 1000).toFixed(2)) };
    },
  };
}

/** Answers of status 500 that the server counted. */
export async function failures(/** @type {string} */ url) {
  const text = await (await fetch(`${url}/metrics`)).text();
  const counts = [...text.matchAll(/^slm_http_requests_total\{.*status="5(\d\d)"\} (\d+)$/gm)];
  return counts.filter(([, rest]) => rest !== "03").reduce((sum, [, , count]) => sum + Number(count), 0);
}

/** CPU time that all programs of this machine, and a process with its threads, have taken so far [s]. */
async function cpuSeconds(/** @type {number | undefined} */ pid) {
  const all =
    cpus().reduce((sum, { times }) => sum + times.user + times.nice + times.sys + times.irq, 0) / 1000;
  const text = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => undefined);
  // Source: proc_pid_stat(5), fields 14 and 15, in hundredths of a second.
  const fields = text?.slice(text.lastIndexOf(")") + 2).split(" ");
  return { all, server: fields === undefined ? Number.NaN : (Number(fields[11]) + Number(fields[12])) / 100 };
}

/**
 * Watches who takes the CPUs.
 *
 * @returns a function that gives the shares of all cores since then: the server's, of this process, which is the clients, and of other programs,
 * which should be next to nothing where times are measured
 */
export async function watchCpu(/** @type {number | undefined} */ pid) {
  const [began, before, own] = [performance.now(), await cpuSeconds(pid), process.cpuUsage()];
  return async () => {
    const { user, system } = process.cpuUsage(own);
    const after = await cpuSeconds(pid);
    const whole = ((performance.now() - began) / 1000) * availableParallelism();
    const [server, clients] = [after.server - before.server, (user + system) / 1e6];
    const share = (/** @type {number} */ seconds) => Number((seconds / whole).toFixed(3));
    return {
      server: share(server),
      clients: share(clients),
      others: share(after.all - before.all - server - clients),
    };
  };
}

/** Resident memory of a process [bytes]; undefined if the system does not report it. */
async function residentBytes(/** @type {number | undefined} */ pid) {
  const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => undefined);
  const found = /^VmRSS:\s+(\d+) kB$/m.exec(status ?? "")?.[1];
  return found === undefined ? undefined : Number(found) * 1024;
}

/** Resident memory of a process, sampled twice a second. @returns a function that ends the samples and gives their median and largest [bytes] */
export function watchMemory(/** @type {number | undefined} */ pid) {
  /** @type {number[]} */
  const samples = [];
  const sample = async () => samples.push((await residentBytes(pid)) ?? NaN);
  const timer = setInterval(() => void sample(), 500);
  return async () => {
    clearInterval(timer);
    await sample();
    return { median: quantile(samples, 0.5), largest: Math.max(...samples) };
  };
}

export function quantile(/** @type {readonly number[]} */ values, /** @type {number} */ share) {
  const sorted = [...values].sort((a, b) => a - b);
  return Number((sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0).toFixed(2));
}
