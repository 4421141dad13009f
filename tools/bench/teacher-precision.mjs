/**
 * What quantized weights cost a teacher and what they save: its distributions over the targets of rows with 8- and 4-bit weights, as
 * `teacher.precision` makes them, beside those with float32 weights. Each is scored in a process of its own, so that peak
 * memory is that of one. Divergence and memory hold on any machine, speeds on a quiet one only. Needs `npm run build`.
 *
 *   node tools/bench/teacher-precision.mjs CHECKPOINT ROWS.jsonl|prompts [limit=200] [threads=1]
 *
 * `prompts` are the texts of tools/interop/reference/llama-cpp without special tokens, each cut in two: a source and its continuation.
 */
import { execFile } from "node:child_process";
import { cp, mkdtemp, open, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { readAllRows } from "@slm/data";
import { createCpuRuntime } from "@slm/runtime-node";
import { loadTeachers } from "@slm/teacher";
import { createOnnxEngine } from "@slm/tensor";
import { loadTokenizer } from "@slm/tokenizer";
import { quantizeTeacher } from "../../packages/pipeline/dist/stages/quantize-teacher.js";
import { PROMPTS } from "../interop/reference/llama-cpp/prompts.mjs";

const PRECISIONS = ["float32", "int8", "int4"];
/** Pairs of about equal length that are scored together. */
const BATCH = 8;

const [directory, rowsFile, ...settings] = process.argv.slice(2);
if (rowsFile === undefined)
  throw new Error("usage: teacher-precision.mjs CHECKPOINT ROWS.jsonl|prompts [limit=200] [threads=1]");
const options = { limit: "200", threads: "1", scores: "" };
for (const setting of settings) {
  const [key, value] = setting.split("=");
  if (!(key in options)) throw new Error(`unknown key ${key}; known: limit, threads`);
  options[key] = value;
}

function cut(text) {
  const middle = text.indexOf(" ", Math.floor(text.length / 3));
  return { source: text.slice(0, middle), target: text.slice(middle) };
}

/** Rows as the teacher's tokens, those of about equal length side by side. */
async function pairsOf(path) {
  const tokenizer = await loadTokenizer(path);
  // What spells special tokens belongs into a prompt, not into a row.
  const plain = PROMPTS.filter((text) => !text.includes("<|"));
  const rows = rowsFile === "prompts" ? plain.map(cut) : await readAllRows(rowsFile);
  const pairs = rows.slice(0, Number(options.limit)).map(({ source, target }) => ({
    source: tokenizer.encodeSource(source),
    target: tokenizer.encodeTarget(target),
  }));
  return pairs.sort((a, b) => a.source.length + a.target.length - b.source.length - b.target.length);
}

/** Scores all rows, writes the logits of every target position, and says what it took. */
async function score() {
  const runtime = await createCpuRuntime({ threads: Number(options.threads) });
  const engine = createOnnxEngine(runtime);
  const teacher = await loadTeachers(engine, directory);
  const pairs = await pairsOf(directory);
  const { vocabularySize } = teacher.config;
  const file = await open(options.scores, "w");
  let seconds = 0;
  let tokens = 0;
  for (let from = 0; from < pairs.length; from += BATCH) {
    const batch = pairs.slice(from, from + BATCH);
    const longest = (side) => Math.max(...batch.map((pair) => pair[side].length));
    const shape = { batch: batch.length, source: longest("source"), target: longest("target") + 1 };
    const run = () => teacher.score(batch, shape);
    // The first run of a shape compiles it.
    await engine.release([await run()]);
    const startedAt = performance.now();
    const scored = await run();
    seconds += (performance.now() - startedAt) / 1000;
    tokens += batch.reduce((sum, { source, target }) => sum + source.length + target.length + 1, 0);
    const { data } = await engine.download(scored);
    for (const [row, { target }] of batch.entries()) {
      const start = row * shape.target * vocabularySize;
      await file.write(data.subarray(start, start + (target.length + 1) * vocabularySize));
    }
    await engine.release([scored]);
  }
  await file.close();
  await teacher.close();
  await runtime.close();
  const peakRssBytes = process.resourceUsage().maxRSS * 1024;
  process.stdout.write(
    JSON.stringify({ vocabularySize, tokens, tokensPerSecond: tokens / seconds, peakRssBytes }),
  );
}

function logSoftmax(logits) {
  let largest = -Infinity;
  for (const value of logits) largest = Math.max(largest, value);
  let sum = 0;
  for (const value of logits) sum += Math.exp(value - largest);
  const normalizer = largest + Math.log(sum);
  return Float64Array.from(logits, (value) => value - normalizer);
}

/** Mean and largest KL(exact || other) [nats], and the share of positions with the same most probable token. */
async function compare(exactFile, otherFile, vocabularySize) {
  const exact = await open(exactFile);
  const other = await open(otherFile);
  const bytes = vocabularySize * 4;
  const positions = (await stat(exactFile)).size / bytes;
  const found = { positions, meanKl: 0, maxKl: 0, agreement: 0 };
  for (let at = 0; at < positions; at += 1) {
    const [p, q] = await Promise.all(
      [exact, other].map(async (file) => {
        const { buffer } = await file.read(Buffer.alloc(bytes), 0, bytes, at * bytes);
        return logSoftmax(new Float32Array(buffer.buffer, buffer.byteOffset, vocabularySize));
      }),
    );
    const kl = p.reduce((sum, value, id) => sum + Math.exp(value) * (value - q[id]), 0);
    const top = (values) => values.reduce((best, value, id) => (value > values[best] ? id : best), 0);
    found.meanKl += kl / positions;
    found.maxKl = Math.max(found.maxKl, kl);
    found.agreement += (top(p) === top(q) ? 1 : 0) / positions;
  }
  await exact.close();
  await other.close();
  return found;
}

async function compareAll() {
  const root = await mkdtemp(join(tmpdir(), "slm-precision-"));
  try {
    for (const precision of PRECISIONS) {
      const work = join(root, precision);
      await cp(directory, work, { recursive: true });
      const context = { seed: 1, progress: () => undefined, signal: new AbortController().signal };
      const compute = { engine: "onnx", threads: Number(options.threads) };
      const { quantized = {} } =
        precision === "float32" ? {} : await quantizeTeacher(precision, { work, compute, context });
      const scores = join(root, `${precision}.f32`);
      const argv = [import.meta.filename, work, rowsFile, `scores=${scores}`];
      const given = [`limit=${options.limit}`, `threads=${options.threads}`];
      const { stdout } = await promisify(execFile)(process.execPath, [...argv, ...given]);
      const { vocabularySize, ...measured } = JSON.parse(stdout);
      const difference =
        precision === "float32" ? {} : await compare(join(root, "float32.f32"), scores, vocabularySize);
      process.stdout.write(`${JSON.stringify({ precision, ...measured, ...quantized, ...difference })}\n`);
    }
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

await (options.scores === "" ? compareAll() : score());
