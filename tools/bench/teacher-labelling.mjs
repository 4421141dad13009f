/**
 * How fast a teacher labels sources: sources and tokens a second, and the share of the machine's product rate. That rate, of one large
 * float32 product, is measured in the same process before and after, so that a busy machine slows both. Needs `npm run build`.
 *
 *   node tools/bench/teacher-labelling.mjs TEACHER_DIRECTORY ROWS.jsonl [sources=256] [batches=8,32,64] [threads=2]
 *
 * Work is counted as the dry run's estimate does: two operations per weight of the layers and token read or written, and the output
 * head once per written token. Reading a prompt that all sources share more than once is no work.
 */
import { performance } from "node:perf_hooks";
import { measureRates } from "@slm/bench";
import { readAllRows, textRow } from "@slm/data";
import { flopsPerToken } from "@slm/model";
import { createCpuRuntime } from "@slm/runtime-node";
import { decodeSources, loadTeachers, readTeacherConfigs, teacherTokenizer } from "@slm/teacher";
import { createOnnxEngine } from "@slm/tensor";

/** Tokens that all sources begin with. */
function sharedLength(sources) {
  const [first] = sources;
  const length = Math.min(...sources.map((source) => source.length));
  for (let at = 0; at < length; at += 1) if (sources.some((source) => source[at] !== first[at])) return at;
  return length;
}

async function labelled(teacher, config, sources, rows) {
  const started = performance.now();
  const decoded = await decodeSources({
    teacher,
    sources,
    strategy: { kind: "greedy" },
    random: () => 0,
    signal: new AbortController().signal,
    rows,
  });
  const seconds = (performance.now() - started) / 1000;
  const shared = sharedLength(sources);
  const read = shared + sources.reduce((sum, { length }) => sum + length - shared, 0);
  const written = decoded.reduce((sum, { tokens }) => sum + tokens.length + 1, 0);
  const { decoderPerTargetToken } = flopsPerToken(config);
  const head = 2 * config.width * config.vocabularySize;
  const flops = (read + written) * (decoderPerTargetToken - head) + written * head;
  const finished = decoded.filter((one) => one.finished).length;
  return { seconds, read, written, flops, finished, tokens: decoded.map(({ tokens }) => tokens) };
}

async function main(directory, file, count, batches, threads) {
  const runtime = await createCpuRuntime({ threads });
  const engine = createOnnxEngine(runtime);
  const [config] = await readTeacherConfigs(directory);
  const tokenizer = await teacherTokenizer(directory);
  const rows = (await readAllRows(file)).slice(0, count).map(textRow);
  const sources = rows.map(({ source }) => Int32Array.from(tokenizer.encodeSource(source)));
  const teacher = await loadTeachers(engine, directory);
  let first;
  for (const batch of batches) {
    const before = await measureRates(runtime);
    const { tokens, seconds, read, written, flops, finished } = await labelled(
      teacher,
      config,
      sources,
      batch,
    );
    const after = await measureRates(runtime);
    const rate = (before.productFlops + after.productFlops) / 2;
    first ??= tokens;
    const same = tokens.filter((one, at) => one.join() === first[at].join()).length;
    console.log(
      JSON.stringify({
        batch,
        threads,
        sources: sources.length,
        seconds: Number(seconds.toFixed(1)),
        sourcesPerSecond: Number((sources.length / seconds).toFixed(2)),
        tokensRead: read,
        tokensWritten: written,
        tokensPerSecond: Number(((read + written) / seconds).toFixed(1)),
        finished,
        sameAsFirstBatch: same,
        productGflops: Number((rate / 1e9).toFixed(1)),
        shareOfProductRate: Number((flops / seconds / rate).toFixed(3)),
      }),
    );
  }
  await teacher.close();
  await engine.close();
  await runtime.close();
}

const [directory, file, sources = "256", batches = "8,32,64", threads = "2"] = process.argv.slice(2);
if (file === undefined) {
  console.error("usage: teacher-labelling.mjs TEACHER_DIRECTORY ROWS.jsonl [sources] [batches] [threads]");
  process.exitCode = 2;
} else await main(directory, file, Number(sources), batches.split(",").map(Number), Number(threads));
