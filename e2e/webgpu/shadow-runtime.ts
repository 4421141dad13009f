/** A runtime that also runs every computation on a second runtime and compares the outputs. */
import type { DeviceTensor, GraphSource, HostTensor, LoadOptions, Runtime, Session } from "@slm/runtime";
import { fromHalves, repeatRuns, withLoad } from "@slm/runtime";

/** Largest difference of one output over all runs of a graph. */
export interface OutputDifference {
  readonly graph: string;
  readonly output: string;
  /** Largest absolute difference of two numbers, in units of the output; infinite if one of them is not a number. */
  readonly maxAbs: number;
}

/**
 * A runtime that computes on `main`, and compares each run with the same run of the same graph on `shadow`.
 *
 * @returns the runtime, and a function that lists the differences so far
 */
export function shadowed(
  main: Runtime,
  shadow: Runtime,
): { readonly runtime: Runtime; readonly differences: () => readonly OutputDifference[] } {
  const largest = new Map<string, OutputDifference>();
  const note = (graph: string, output: string, maxAbs: number): void => {
    const key = `${graph} ${output}`;
    if (maxAbs >= (largest.get(key)?.maxAbs ?? 0)) largest.set(key, { graph, output, maxAbs });
  };

  async function load(source: GraphSource, options: LoadOptions = {}): Promise<Session> {
    const graph = options.name ?? (source.kind === "file" ? source.path : "graph");
    const [session, other] = [await main.load(source, options), await shadow.load(source, options)];
    const run: Session["run"] = async (request) => {
      const feeds = Object.entries(request.feeds).map(
        async ([name, value]) => [name, await onHost(main, value)] as const,
      );
      const copies = Object.fromEntries(await Promise.all(feeds));
      const outputs = [...session.outputNames];
      const { fetched: expected } = await other.run({ feeds: copies, fetch: outputs });
      const { fetched: actual } = await session.run({ feeds: copies, fetch: outputs });
      for (const output of outputs) note(graph, output, maxAbsDifference(actual[output]!, expected[output]!));
      return session.run(request);
    };
    return {
      inputNames: session.inputNames,
      outputNames: session.outputNames,
      run,
      repeat: (request) => repeatRuns({ run }, request),
      release: async () => {
        await session.release();
        await other.release();
      },
    };
  }
  return { runtime: withLoad(main, load), differences: () => [...largest.values()] };
}

function onHost(runtime: Runtime, value: HostTensor | DeviceTensor): Promise<HostTensor> {
  return "data" in value ? Promise.resolve(value) : runtime.download(value);
}

/** @returns infinity for outputs of different types or shapes */
export function maxAbsDifference(a: HostTensor, b: HostTensor): number {
  if (a.dtype !== b.dtype || a.shape.join() !== b.shape.join()) return Infinity;
  const [left, right] = [numbers(a), numbers(b)];
  let largest = 0;
  for (let at = 0; at < left.length; at++) {
    const difference = Math.abs(left[at]! - right[at]!);
    if (!(difference <= largest)) largest = Number.isNaN(difference) ? Infinity : difference;
  }
  return largest;
}

function numbers({ dtype, data }: HostTensor): ArrayLike<number> {
  if (dtype === "float16") return fromHalves(data as Uint16Array);
  return data instanceof BigInt64Array ? Array.from(data, Number) : data;
}
