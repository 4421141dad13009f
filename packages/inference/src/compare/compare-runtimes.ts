/** Compares a model on two runtimes with the same rows, token by token. */
import { GRAPH_IO } from "@slm/exported-model";
import { repeatRuns, withLoad, type HostTensor, type Runtime, type Session } from "@slm/runtime";
import { openGraphModel } from "../generate/open-graph-model.js";
import type { Source } from "../options/types.js";
import type { EvaluationRow } from "../evaluate/evaluation-input.js";

export interface RuntimeComparison {
  /** Number of decoded rows. */
  readonly rows: number;
  /** Rows with the same greedy answer on both runtimes. */
  readonly equalAnswers: number;
  /** Number of compared steps: for each row, the steps before the answers differ. */
  readonly steps: number;
  /** Largest absolute difference between logits. */
  readonly maxAbs: number;
  /** Smallest cosine similarity between the logits of a step. */
  readonly minCosine: number;
  /** Greedy answers of each runtime, in the order of the rows. */
  readonly answers: { readonly reference: readonly string[]; readonly device: readonly string[] };
  /** Whether every graph on the device was compiled ahead of time instead of at load time. */
  readonly compiledAhead: boolean;
}

export interface CompareOptions {
  readonly rows: readonly EvaluationRow[];
  readonly onRow?: ((row: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Greedy answers of a model, with the logits of every step. */
class Recorder {
  readonly #logits: HostTensor[] = [];
  /** Whether every graph so far was loaded in a compiled form. */
  compiledAhead = true;
  readonly runtime: Runtime;

  constructor(runtime: Runtime) {
    this.runtime = withLoad(runtime, async (source, options) =>
      this.#watch(await runtime.load(source, options)),
    );
  }

  /** The logits since the last call, one tensor `[1, vocabulary]` per step. */
  take(): readonly HostTensor[] {
    return this.#logits.splice(0);
  }

  #watch(session: Session): Session {
    this.compiledAhead &&= session.compiled !== undefined;
    return {
      inputNames: session.inputNames,
      outputNames: session.outputNames,
      compiled: session.compiled,
      release: () => session.release(),
      run: async (request) => {
        const result = await session.run(request);
        const logits = result.fetched[GRAPH_IO.logits];
        if (logits !== undefined) this.#logits.push({ ...logits, data: logits.data.slice() });
        return result;
      },
      repeat(request) {
        return repeatRuns(this, request);
      },
    };
  }
}

/**
 * Decodes rows greedily on two runtimes. Logits are compared up to the first token that differs, because until then both decoders have read the same
 * tokens.
 *
 * @throws SlmError the errors of loading and generating
 */
export async function compareRuntimes(
  directory: string,
  runtimes: { readonly reference: Runtime; readonly device: Runtime },
  { rows, onRow, signal }: CompareOptions,
): Promise<RuntimeComparison> {
  const recorders = [new Recorder(runtimes.reference), new Recorder(runtimes.device)] as const;
  const generators = [
    await openGraphModel(directory, recorders[0].runtime),
    await openGraphModel(directory, recorders[1].runtime),
  ] as const;
  const answers = { reference: [] as string[], device: [] as string[] };
  const found = { equalAnswers: 0, steps: 0, maxAbs: 0, minCosine: 1 };
  try {
    for (const [at, row] of rows.entries()) {
      onRow?.(at);
      const [expected] = await generators[0].generate([sourceOf(row)], { signal, abstain: "off" });
      const [actual] = await generators[1].generate([sourceOf(row)], { signal, abstain: "off" });
      answers.reference.push(expected!.text);
      answers.device.push(actual!.text);
      if (expected!.text === actual!.text) found.equalAnswers++;
      for (const { maxAbs, cosine } of stepDistances(recorders[0].take(), recorders[1].take())) {
        found.steps++;
        found.maxAbs = Math.max(found.maxAbs, maxAbs);
        found.minCosine = Math.min(found.minCosine, cosine);
      }
    }
  } finally {
    for (const generator of generators) await generator.close();
  }
  return { rows: rows.length, ...found, answers, compiledAhead: recorders[1].compiledAhead };
}

/** Distances of the comparable steps: up to the first step with different picks. */
function* stepDistances(
  expected: readonly HostTensor[],
  actual: readonly HostTensor[],
): Generator<{ readonly maxAbs: number; readonly cosine: number }> {
  for (const [step, logits] of expected.entries()) {
    const others = actual[step];
    if (others === undefined) return;
    yield distance(floats(logits), floats(others));
    if (argmax(floats(logits)) !== argmax(floats(others))) return;
  }
}

const sourceOf = ({ source, image }: EvaluationRow): Source =>
  image === undefined ? source : { text: source, image: image.source };

const floats = ({ data }: HostTensor): Float32Array => data as Float32Array;

/** Largest absolute difference and cosine similarity of two vectors. */
function distance(a: Float32Array, b: Float32Array): { readonly maxAbs: number; readonly cosine: number } {
  let [maxAbs, product, lengthA, lengthB] = [0, 0, 0, 0];
  for (let at = 0; at < a.length; at++) {
    const [x, y] = [a[at]!, b[at]!];
    maxAbs = Math.max(maxAbs, Math.abs(x - y));
    product += x * y;
    lengthA += x * x;
    lengthB += y * y;
  }
  return { maxAbs, cosine: product / Math.sqrt(lengthA * lengthB) };
}

function argmax(values: Float32Array): number {
  let best = 0;
  for (let at = 1; at < values.length; at++) if (values[at]! > values[best]!) best = at;
  return best;
}
