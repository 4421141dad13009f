/** Calibration data of a graph, and running the graph on it. */
import { randomUUID } from "node:crypto";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { removePath, SlmError } from "@slm/core";
import { weightBytes, encodeModel, writeOnnx, type Graph } from "@slm/onnx";
import type { HostTensor, LoadOptions, Runtime, Session } from "@slm/runtime";

/** The inputs of one run, by name. */
export type Feeds = Readonly<Record<string, HostTensor>>;

/** A part of the calibration data of a graph: its runs, always the same ones in the same order. */
type FeedPart = () => AsyncIterable<Feeds> | Iterable<Feeds>;

/** Calibration data of a graph, in parts with a fixed number of runs, or of texts if the graph runs once per token. */
export type FeedSource = readonly FeedPart[];

/** Statistics are added up per part and then over the parts, which loses fewer digits than one long sum. */
const RUNS_OF_PART = 8;

/** Divides rows or files into parts. */
export function inParts<Item>(
  items: readonly Item[],
  partOf: (some: readonly Item[]) => FeedPart,
): FeedSource {
  const count = Math.ceil(items.length / RUNS_OF_PART);
  return Array.from({ length: count }, (_, at) =>
    partOf(items.slice(at * RUNS_OF_PART, (at + 1) * RUNS_OF_PART)),
  );
}

/** Larger graphs are passed to the runtime as a file, because a message would copy all weights [bytes]. */
const LARGEST_MESSAGE = 2 ** 28;

/** Calibration data in memory. */
export const feedsInMemory = (runs: readonly Feeds[]): FeedSource => inParts(runs, (some) => () => some);

/**
 * Loads a graph that exists only in memory, while `body` runs.
 *
 * @param optimization default: none, so that fused operators do not change values
 * @throws SlmError DATA_INVALID if the runtime rejects it
 */
export async function withSession<Result>(
  runtime: Runtime,
  graph: Graph,
  body: (session: Session) => Promise<Result>,
  optimization: NonNullable<LoadOptions["optimization"]> = "none",
): Promise<Result> {
  const options = { name: graph.name, optimization };
  const run = async (load: Promise<Session>): Promise<Result> => {
    const session = await load;
    try {
      return await body(session);
    } finally {
      await session.release();
    }
  };
  if (weightBytes(graph) <= LARGEST_MESSAGE) {
    return run(runtime.load({ kind: "bytes", bytes: encodeModel(graph) }, options));
  }
  const directory = await mkdtemp(join(tmpdir(), "slm-calibration-"));
  try {
    const path = join(directory, `${randomUUID()}.onnx`);
    await writeOnnx(graph, path, { externalData: { file: "weights.data" } });
    return await run(runtime.load({ kind: "file", path }, options));
  } finally {
    await removePath(directory);
  }
}

/** Runs a session on one batch. @throws SlmError DATA_INVALID if an input is missing */
export async function runOn(
  session: Session,
  batch: Feeds,
  fetch: readonly string[],
): Promise<Readonly<Record<string, HostTensor>>> {
  const used = Object.fromEntries(session.inputNames.map((name) => [name, inputOf(batch, name)]));
  return (await session.run({ feeds: used, fetch })).fetched;
}

function inputOf(batch: Feeds, name: string): HostTensor {
  const found = batch[name];
  if (found !== undefined) return found;
  throw new SlmError(
    "DATA_INVALID",
    `quantize: calibration data has no tensor for input '${name}', got ${Object.keys(batch).join(", ")}`,
  );
}

/** Returns a fetched float32 tensor as numbers. @throws SlmError SHAPE_MISMATCH for another dtype */
export function fetchedFloats(fetched: Readonly<Record<string, HostTensor>>, name: string): Float32Array {
  const tensor = fetched[name];
  if (tensor?.data instanceof Float32Array) return tensor.data;
  throw new SlmError(
    "SHAPE_MISMATCH",
    `quantize: '${name}' must be float32, got ${tensor?.dtype ?? "nothing"}`,
  );
}
