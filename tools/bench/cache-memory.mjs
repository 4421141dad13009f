/**
 * Peak memory of reading a whole epoch from a cache of teacher distributions, at n rows and at 8 n: it must not grow.
 *
 *   npm run build && node tools/bench/cache-memory.mjs [key=value ...]
 *
 * The teacher is synthetic, so that only the cache is measured. Each size is read in a process of its own, in an order unlike
 * that of the file, the small one as often as it takes to read as many rows: garbage then is the same in both. Prints one JSON line: peak resident memory (VmHWM) and reading rate for both sizes.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildTeacherCache, openTeacherCache } from "@slm/teacher";

const options = {
  rows: 4000,
  factor: 8,
  vocab: 512,
  k: 50,
  source: 12,
  target: 16,
  batch: 64,
  shardTokens: 32768,
};
const [mode, directory, count, ...rest] =
  process.argv[2] === "read" ? process.argv.slice(2) : ["measure", "", "0", ...process.argv.slice(2)];
for (const argument of rest) {
  const [key, value] = argument.split("=");
  if (!(key in options)) throw new Error(`unknown option ${key}; known: ${Object.keys(options).join(", ")}`);
  options[key] = Number(value);
}

/** Uniform 32-bit integers from a seed (xorshift). */
function random(seed) {
  let state = (seed + 1) * 0x9e3779b1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}

/** Row i of the data, made when it is asked for: the data must not be what fills memory. */
function pairOf(row) {
  const next = random(row);
  const list = (length) => Int32Array.from({ length }, () => 4 + (next() % (options.vocab - 4)));
  return { source: list(1 + (next() % options.source)), target: list(1 + (next() % (options.target - 1))) };
}

async function build(cacheDirectory, rows) {
  const lengths = { source: new Int32Array(rows), target: new Int32Array(rows) };
  for (let row = 0; row < rows; row++) {
    const { source, target } = pairOf(row);
    lengths.source[row] = source.length;
    lengths.target[row] = target.length + 1;
  }
  const noise = random(rows);
  /** Logits to draw from: making new ones for every position would take longer than the cache. */
  const pool = Float32Array.from({ length: 64 * options.vocab }, () => 10 * (noise() / 2 ** 32) ** 3);
  const tokens = { pad: 0, bos: 1, eos: 2, unknown: 3 };
  return buildTeacherCache({
    directory: cacheDirectory,
    identity: "synthetic",
    teacher: {
      config: { vocabularySize: options.vocab, tokens },
      score: (_pairs, { batch, target }) =>
        Promise.resolve({ id: 0, dtype: "float32", shape: [batch * target, options.vocab] }),
    },
    engine: {
      download: ({ dtype, shape }) => {
        const data = new Float32Array(shape[0] * shape[1]);
        const start = noise();
        for (let at = 0; at < shape[0]; at++) {
          const from = ((start + at) % 64) * options.vocab;
          data.set(pool.subarray(from, from + options.vocab), at * options.vocab);
        }
        return Promise.resolve({ dtype, shape, data });
      },
      release: () => Promise.resolve(),
    },
    pairs: {
      count: rows,
      lengths,
      read: (wanted) => {
        const pairs = Array.from(wanted, pairOf);
        return Promise.resolve({
          sources: pairs.map(({ source }) => source),
          targets: pairs.map(({ target }) => target),
        });
      },
    },
    k: options.k,
    shardTokens: options.shardTokens,
    context: { progress: () => undefined, signal: new AbortController().signal, seed: 1 },
  });
}

/** Peak resident memory of this process [bytes]. */
function peakBytes() {
  const line = readFileSync("/proc/self/status", "utf8").match(/VmHWM:\s+(\d+) kB/u);
  if (line === null) throw new Error("no VmHWM in /proc/self/status: this measurement needs Linux");
  return 1024 * Number(line[1]);
}

/** Reads `reads` rows, epoch after epoch. */
async function readRows(cacheDirectory, rows, reads) {
  const cache = await openTeacherCache(cacheDirectory);
  const began = performance.now();
  let tokens = 0;
  // A stride without a common factor with the number of rows visits each row once, far from its neighbours.
  let stride = Math.floor(rows * 0.618) | 1;
  while (gcd(stride, rows) > 1) stride += 2;
  for (let begin = 0; begin < reads; begin += options.batch) {
    const size = Math.min(options.batch, reads - begin);
    const pairs = Array.from({ length: size }, (_, at) => pairOf(((begin + at) * stride) % rows));
    await cache.read(pairs, { batch: options.batch, target: options.target });
    tokens += pairs.reduce((sum, { target }) => sum + target.length + 1, 0);
  }
  await cache.close();
  const seconds = (performance.now() - began) / 1000;
  return { peakBytes: peakBytes(), tokensPerSecond: Math.round(tokens / seconds) };
}

const gcd = (a, b) => (b === 0 ? a : gcd(b, a % b));

if (mode === "read") {
  console.log(JSON.stringify(await readRows(directory, Number(count), options.factor * options.rows)));
} else {
  const root = mkdtempSync(join(tmpdir(), "slm-cache-memory-"));
  try {
    const results = [];
    for (const rows of [options.rows, options.factor * options.rows]) {
      const at = join(root, String(rows));
      const { tokens, bytesPerToken, shards, tokensPerSecond } = await build(at, rows);
      const cacheBytes = readdirSync(at).reduce((sum, name) => sum + statSync(join(at, name)).size, 0);
      const script = fileURLToPath(import.meta.url);
      const child = spawnSync(
        process.execPath,
        [...process.execArgv, script, "read", at, String(rows), ...rest],
        {
          encoding: "utf8",
        },
      );
      if (child.status !== 0) throw new Error(child.stderr);
      const read = JSON.parse(child.stdout);
      results.push({
        rows,
        tokens,
        shards,
        cacheBytes,
        bytesPerToken,
        buildTokensPerSecond: Math.round(tokensPerSecond),
        ...read,
      });
    }
    const [small, large] = results;
    console.log(JSON.stringify({ options, small, large, growthBytes: large.peakBytes - small.peakBytes }));
  } finally {
    rmSync(root, { recursive: true });
  }
}
