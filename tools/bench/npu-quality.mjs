/**
 * The quality of static graphs (target npu) on real rows: greedy answers on the CPU provider, measured by a task metric,
 * once with integer kernels (graph optimization `all`: QuantizeLinear and DequantizeLinear fused into what they surround)
 * and once without (`none`: every node computed as ONNX defines it, in float32 between roundings).
 *
 *   npm run build && node tools/bench/npu-quality.mjs MODEL_DIR ROWS.jsonl METRIC [LIMIT]
 *
 * Prints one JSON line per form, and how many of the answers are the same. A host of an NPU works as this one does.
 */
import { join } from "node:path";
import { GRAPH_IO, readDeviceModel } from "@slm/exported-model";
import { readAllRows, referencesOf } from "@slm/data";
import { evaluateModel } from "@slm/inference";
import { createHostTensor } from "@slm/runtime";
import { createCpuRuntime } from "@slm/runtime-node";
import { loadTokenizer } from "@slm/tokenizer";

const [directory, rowsFile, metric, limit] = process.argv.slice(2);
if (metric === undefined) throw new Error("usage: npu-quality.mjs MODEL_DIR ROWS.jsonl METRIC [LIMIT]");

const model = await readDeviceModel(directory);
const { window, maskedBias, buckets } = model.static;
const tokenizer = await loadTokenizer(directory);
const rows = (await readAllRows(rowsFile)).slice(0, limit === undefined ? undefined : Number(limit));

const int32 = (shape, values) => createHostTensor("int32", shape, Int32Array.from(values));
const biasOf = (size, isSeen) =>
  createHostTensor(
    "float32",
    [1, 1, 1, size],
    Float32Array.from({ length: size }, (_, at) => (isSeen(at) ? 0 : maskedBias)),
  );

/** The caches of one text: keys [1, kvHeads, headDim, slots], values [1, kvHeads, slots, headDim] of every layer. */
function createCaches({ kvHeads, headDim, decoderLayers }, slots) {
  const layers = Array.from({ length: decoderLayers }, () => ({
    key: createHostTensor("float32", [1, kvHeads, headDim, slots]),
    value: createHostTensor("float32", [1, kvHeads, slots, headDim]),
  }));
  return {
    feeds: Object.fromEntries(
      layers.flatMap(({ key, value }, layer) => [
        [GRAPH_IO.pastKey(layer), key],
        [GRAPH_IO.pastValue(layer), value],
      ]),
    ),
    write(slot, fetched) {
      for (const [layer, { key, value }] of layers.entries()) {
        fetched[GRAPH_IO.presentKey(layer)].data.forEach((number, row) => {
          key.data[row * slots + slot] = number;
        });
        const made = fetched[GRAPH_IO.presentValue(layer)].data;
        for (let head = 0; head < kvHeads; head += 1) {
          const part = made.subarray(head * headDim, (head + 1) * headDim);
          value.data.set(part, (head * slots + slot) * headDim);
        }
      }
    },
  };
}

const mostProbable = (logits) => logits.reduce((best, value, at) => (value > logits[best] ? at : best), 0);

/** Ids of the greedy answer to a source. */
async function answer(source, { encoder, decoder, size }) {
  const ids = new Int32Array(size).fill(model.tokens.pad);
  ids.set(source);
  const bias = biasOf(size, (slot) => slot < source.length);
  const encoded = await encoder.run({
    feeds: {
      [GRAPH_IO.sourceIds]: int32([1, size], ids),
      [GRAPH_IO.sourceBias]: bias,
    },
    fetch: encoder.outputNames,
  });
  const caches = createCaches(model, window - 1);
  const tokens = [];
  let token = model.tokens.bos;
  for (let position = 0; position < window - 1; position += 1) {
    const feeds = {
      [GRAPH_IO.targetIds]: int32([1, 1], [token]),
      position: int32([1], [position]),
      window_bias: biasOf(window, (slot) => slot < position || slot === window - 1),
      [GRAPH_IO.sourceBias]: bias,
      ...encoded.fetched,
      ...caches.feeds,
    };
    const { fetched } = await decoder.run({ feeds, fetch: decoder.outputNames });
    token = mostProbable(fetched[GRAPH_IO.logits].data);
    if (token === model.tokens.eos) break;
    tokens.push(token);
    caches.write(position, fetched);
  }
  return tokens;
}

const runtime = await createCpuRuntime({ threads: 1 });
const answers = {};
try {
  for (const [form, optimization] of [
    ["integer", "all"],
    ["literal", "none"],
  ]) {
    const sessions = [];
    for (const { source, encoder, decoder } of buckets) {
      const load = ({ file }) =>
        runtime.load({ kind: "file", path: join(directory, file) }, { name: file, optimization });
      sessions.push({ size: source, encoder: await load(encoder), decoder: await load(decoder) });
    }
    const texts = [];
    const generator = {
      async generate(sources) {
        const generations = [];
        for (const source of sources) {
          const ids = tokenizer.encodeSource(source);
          const fitting = sessions.find(({ size }) => ids.length <= size);
          if (fitting === undefined) throw new Error(`${ids.length} tokens fit none of the graphs`);
          const tokens = await answer(ids, fitting);
          generations.push({ text: tokens.length === 0 ? "" : tokenizer.decode(tokens), tokens });
        }
        texts.push(...generations.map(({ text }) => text));
        return generations;
      },
    };
    const { metrics, n } = await evaluateModel({
      generator,
      rows: rows.map((row) => ({ source: row.source, references: referencesOf(row) })),
      metrics: [metric],
      batchSize: 64,
    });
    answers[form] = texts;
    const { profile, scheme } = model;
    process.stdout.write(`${JSON.stringify({ profile, scheme, form, rows: n, ...metrics })}\n`);
    for (const { encoder, decoder } of sessions) {
      await encoder.release();
      await decoder.release();
    }
  }
} finally {
  await runtime.close();
}
const same = answers.integer.filter((text, at) => text === answers.literal[at]).length;
process.stdout.write(`${JSON.stringify({ same, of: rows.length })}\n`);
