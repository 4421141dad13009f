/** Real data for a graph, and the graph that runs on it. */
import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SlmError } from "@slm/core";
import { weightBytes, encodeModel, writeOnnx, type Graph } from "@slm/onnx";
import type { HostTensor, LoadOptions, Runtime, Session } from "@slm/runtime";

/** One run of a graph: every input by name. */
export type Feeds = Readonly<Record<string, HostTensor>>;

/** Mini-batches of a graph, the same ones in the same order each time it is called. */
export type FeedSource = () => AsyncIterable<Feeds> | Iterable<Feeds>;

/** Larger graphs go to the runtime through a file: a message with all weights would be a second copy of them [bytes]. */
const LARGEST_MESSAGE = 2 ** 28;

/**
 * Loads a graph that exists only in memory, for as long as `body` runs.
 *
 * @param optimization by default none: a value is then what the graph says, not what a fused operator made of it
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
    await rm(directory, { recursive: true, force: true });
  }
}

/** Runs a session on every mini-batch. @throws SlmError DATA_INVALID if there is none: real data decide, not synthetic ones */
export async function forEachRun(
  session: Session,
  feeds: FeedSource,
  fetch: readonly string[],
  visit: (fetched: Readonly<Record<string, HostTensor>>) => void,
): Promise<number> {
  let runs = 0;
  for await (const batch of feeds()) {
    const used = Object.fromEntries(session.inputNames.map((name) => [name, inputOf(batch, name)]));
    visit((await session.run({ feeds: used, fetch })).fetched);
    runs += 1;
  }
  if (runs > 0) return runs;
  throw new SlmError("DATA_INVALID", "quantize: calibration needs real data, got no rows", {
    suggestions: ["--calibration ROWS.jsonl"],
  });
}

function inputOf(batch: Feeds, name: string): HostTensor {
  const found = batch[name];
  if (found !== undefined) return found;
  throw new SlmError(
    "DATA_INVALID",
    `quantize: calibration data has no tensor for input '${name}', got ${Object.keys(batch).join(", ")}`,
  );
}

/** The numbers of a fetched float32 tensor. @throws SlmError SHAPE_MISMATCH for another dtype */
export function fetchedFloats(fetched: Readonly<Record<string, HostTensor>>, name: string): Float32Array {
  const tensor = fetched[name];
  if (tensor?.data instanceof Float32Array) return tensor.data;
  throw new SlmError(
    "SHAPE_MISMATCH",
    `quantize: '${name}' must be float32, got ${tensor?.dtype ?? "nothing"}`,
  );
}
