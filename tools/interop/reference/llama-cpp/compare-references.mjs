/**
 * Compares two references of the same texts with one another, such as llama.cpp on quantized and on float32 weights:
 * what its quantized arithmetic alone changes.
 *
 * Usage: node tools/interop/reference/llama-cpp/compare-references.mjs EXPECTED.safetensors OTHER.safetensors
 */
import { readFileSync } from "node:fs";

function read(file) {
  const bytes = readFileSync(file);
  const data = 8 + Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.subarray(8, data).toString());
  return Object.fromEntries(
    Object.entries(header)
      .filter(([name]) => name !== "__metadata__")
      .map(
        ([
          name,
          {
            dtype,
            shape,
            data_offsets: [begin, end],
          },
        ]) => {
          const buffer = new Uint8Array(bytes.subarray(data + begin, data + end)).buffer;
          return [name, { shape, data: dtype === "I32" ? new Int32Array(buffer) : new Float32Array(buffer) }];
        },
      ),
  );
}

const [expected, other] = process.argv.slice(2).map(read);
const [rows, length, k] = expected.topIds.shape;
if (Buffer.compare(Buffer.from(expected.ids.data.buffer), Buffer.from(other.ids.data.buffer)) !== 0) {
  throw new Error("the references hold different texts");
}
let [positions, agreed, kl] = [0, 0, 0];
const margins = [];
for (let row = 0; row < rows; row += 1) {
  for (let at = row * length; at < row * length + expected.lengths.data[row]; at += 1) {
    positions += 1;
    const ours = new Map();
    for (let place = at * k; place < (at + 1) * k; place += 1) {
      ours.set(other.topIds.data[place], other.topLogProbabilities.data[place]);
    }
    const first = at * k;
    // Tokens that only one of the two lists are part of the rest, as one outcome.
    let [rest, otherRest] = [1, 1];
    for (let place = first; place < first + k; place += 1) {
      const log = ours.get(expected.topIds.data[place]);
      if (log === undefined) continue;
      const mine = expected.topLogProbabilities.data[place];
      kl += Math.exp(mine) * (mine - log);
      rest -= Math.exp(mine);
      otherRest -= Math.exp(log);
    }
    if (rest > 1e-9 && otherRest > 1e-9) kl += rest * Math.log(rest / otherRest);
    if (expected.topIds.data[first] === other.topIds.data[first]) agreed += 1;
    else
      margins.push(expected.topLogProbabilities.data[first] - expected.topLogProbabilities.data[first + 1]);
  }
}
margins.sort((a, b) => a - b);
console.log(
  JSON.stringify({
    positions,
    agreement: agreed / positions,
    meanKl: kl / positions,
    disagreements: margins.length,
    medianMarginNats: margins[margins.length >> 1] ?? null,
    largestMarginNats: margins.at(-1) ?? null,
  }),
);
