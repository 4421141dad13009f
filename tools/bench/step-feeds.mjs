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
  /** @type {{ batch?: number, target?: number, past: number, capacity: number, source: number }} */
  { batch = 1, target = 1, past, capacity, source },
  /** @type {ort.InferenceSession.SessionOptions} */ sessionOptions,
) {
  const { graphs, caches } = JSON.parse(await readFile(join(directory, "model.json"), "utf8"));
  const session = await ort.InferenceSession.create(join(directory, graphs.decoder.file), sessionOptions);
  /** @type {Readonly<Record<string, number>>} */
  const axes = { batch, target, source, capacity };
  const tensorOf = (/** @type {ort.InferenceSession.ValueMetadata} */ input) => {
    if (!input.isTensor) throw new Error(`${input.name}: is no tensor`);
    const { name, type, shape } = input;
    const dims = shape.map((axis) => {
      const size = typeof axis === "number" ? axis : axes[axis];
      if (size === undefined) throw new Error(`${name}: unknown axis in [${shape.join(", ")}]`);
      return size;
    });
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

/** The middle of the values. */
export const median = (/** @type {readonly number[]} */ values) =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
