/**
 * The data stage on a file larger than memory should be: makes JSONL of a given size, prepares and inspects it, and prints how
 * long each took and the peak memory of its process. Needs `npm run build`, Linux, and three times the size on disk.
 *
 *   node tools/bench/large-data.mjs [GIGABYTES] [DIRECTORY]
 *
 * Rows have about 300 bytes: synthetic sentences of a Zipf-like distribution of words, one in fifty of them there twice.
 */
import { spawn } from "node:child_process";
import { createWriteStream } from "node:fs";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { randomNumbers } from "../lib/random-numbers.mjs";

const CLI = join(import.meta.dirname, "../../apps/cli/bin/run.js");
const gigabytes = Number(process.argv[2] ?? 3);
const root = process.argv[3] ?? (await mkdtemp(join(tmpdir(), "slm-large-")));

const WORDS = 200_000;
const REPEATED = 1 / 50;

async function writeRows(file) {
  const random = randomNumbers(1);
  const word = () => `w${Math.floor(WORDS * random() ** 3).toString(36)}`;
  const sentence = (count) => Array.from({ length: count }, word).join(" ");
  const stream = createWriteStream(file);
  let bytes = 0;
  let rows = 0;
  let line = "";
  while (bytes < gigabytes * 1e9) {
    if (line === "" || random() >= REPEATED)
      line = `${JSON.stringify({ source: sentence(40), target: sentence(12) })}\n`;
    bytes += line.length;
    rows += 1;
    if (!stream.write(line)) await once(stream, "drain");
  }
  stream.end();
  await once(stream, "finish");
  return rows;
}

/** Seconds, and the most memory that the process had resident at once. */
async function measure(...argv) {
  const startedAt = performance.now();
  const child = spawn(process.execPath, [CLI, ...argv, "--json", "--quiet"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  child.stdout.on("data", (chunk) => (output += chunk));
  let peakBytes = 0;
  const timer = setInterval(async () => {
    const status = await readFile(`/proc/${child.pid}/status`, "utf8").catch(() => "");
    peakBytes = Math.max(peakBytes, 1024 * Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0));
  }, 200);
  const [code] = await once(child, "exit");
  clearInterval(timer);
  if (code !== 0) throw new Error(`slm ${argv.join(" ")}: exit ${code}\n${output}`);
  const seconds = Math.round((performance.now() - startedAt) / 1000);
  return { result: JSON.parse(output).result, seconds, peakMiB: Math.round(peakBytes / 2 ** 20) };
}

try {
  const file = join(root, "rows.jsonl");
  const rows = await writeRows(file);
  process.stdout.write(`${JSON.stringify({ rows, bytes: (await stat(file)).size })}\n`);
  const recipe = join(root, "recipe.json");
  await writeFile(recipe, JSON.stringify({ name: "large", data: { train: file } }));
  const { result, ...prepared } = await measure("data:prepare", recipe, "--out", join(root, "run"));
  process.stdout.write(`${JSON.stringify({ command: "data prepare", ...prepared, ...countsOf(result) })}\n`);
  const { result: seen, ...inspected } = await measure("data:inspect", file);
  process.stdout.write(`${JSON.stringify({ command: "data inspect", ...inspected, ...countsOf(seen) })}\n`);
} finally {
  await rm(root, { recursive: true, force: true });
}

function countsOf({ rows, rejected, splits, duplicates }) {
  return { rows, rejected: rejected?.length, splits, duplicates };
}
