/** What a decoder's graph for target cpu is fed in one step, filled with synthetic numbers, and where it writes its caches. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import ort from "onnxruntime-node";

/**
 * @param directory an export for target cpu
 * @param {{ batch?: number, target?: number, past: number, capacity: number, source: number }} sizes tokens fed, positions in the cache,
 *   positions it has room for, and tokens of the source
 * @param sessionOptions of ONNX Runtime
 * @returns the session, feeds and fetches of one step, how caches are handed back (`caches` of model.json), and the graph's bytes
 */
export async function openStep(
  /** @type {string} */ directory,
  { batch = 1, target = 1, past, capacity, source },
  /** @type {{ intraOpNumThreads: number; enableProfiling: boolean; profileFilePrefix: string; }} */ sessionOptions,
) {
  const { graphs, caches } = JSON.parse(await readFile(join(directory, "model.json"), "utf8"));
  const session = await ort.InferenceSession.create(join(directory, graphs.decoder.file), sessionOptions);
  const axes = { batch, target, source, capacity };
  const tensorOf = (/** @type {ort.InferenceSession.ValueMetadata} */ { name, type, shape }) => {
    const dims = shape.map((axis) => (typeof axis === "number" ? axis : axes[axis]));
    if (dims.includes(undefined)) throw new Error(`${name}: unknown axis in [${shape.join(", ")}]`);
    const count = dims.reduce((product, size) => product * size, 1);
    if (type === "float32") return new ort.Tensor(type, new Float32Array(count).fill(0.01), dims);
    // Token 5, and the number of positions that are in the cache.
    return new ort.Tensor(type, new Int32Array(count).fill(name === "past_length" ? past : 5), dims);
  };
  const feeds = Object.fromEntries(session.inputMetadata.map((input) => [input.name, tensorOf(input)]));
  const isReplaced = caches !== "delta";
  const fetches = Object.fromEntries(
    session.outputNames.map((name) => [
      name,
      (isReplaced ? feeds[name.replace("present", "past")] : undefined) ?? null,
    ]),
  );
  return { session, feeds, fetches, caches, bytes: graphs.decoder.bytes };
}

/** Bytes of the source's keys and values, which a step reads besides its weights. */
export const sourceBytes = (feeds) =>
  Object.entries(feeds).reduce(
    (sum, [name, { data }]) => sum + (name.startsWith("cross.") ? data.byteLength : 0),
    0,
  );

export const median = (/** @type {number[]} */ values) =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
