/** Loads a decoder-only ONNX graph as a teacher on the engine's runtime. */
import { join } from "node:path";
import { SlmError } from "@slm/core";
import { readOutline } from "@slm/onnx";
import { createHostTensor } from "@slm/runtime";
import type { Engine } from "@slm/tensor";
import { decodeWith, generateWith } from "../models/generate.js";
import type { Teacher, ScoredPair, ScoreShape } from "../models/teacher.js";
import { DecoderRun, rowsAtOnce, type LoadedDecoder } from "./decoder-run.js";
import { decoderSignature, type DecoderSignature } from "./decoder-signature.js";
import { readGraphFile } from "./graph-file.js";
import { startGraphSteps, type GraphSteps } from "./graph-steps.js";

// Scoring with a graph: next-token logits over given targets.

/** Special tokens of a row. */
interface RowSpecialTokens {
  readonly bos: number;
  readonly pad: number;
}

/**
 * Logits of every target position of `[source ; bos ; target]`: float32 `[batch · target, vocab]`, as `Teacher.score`.
 * Rows are padded at the end, because causal attention never reads padding there.
 */
async function graphScores(
  decoder: LoadedDecoder,
  pairs: readonly ScoredPair[],
  shape: ScoreShape,
  marks: RowSpecialTokens,
): Promise<Float32Array> {
  const { vocabularySize } = decoder;
  const scores = new Float32Array(shape.batch * shape.target * vocabularySize);
  for (let from = 0; from < pairs.length;) {
    const count = piece(decoder, pairs.slice(from));
    await scorePiece(decoder, pairs.slice(from, from + count), marks, (row, position, logits) => {
      scores.set(logits, ((from + row) * shape.target + position) * vocabularySize);
    });
    from += count;
  }
  return scores;
}

const lengthOf = ({ source, target }: ScoredPair): number => source.length + 1 + target.length;
const longest = (pairs: readonly ScoredPair[]): number => Math.max(...pairs.map(lengthOf));

/** Number of last positions that cover the targets of all rows. */
const positionsWanted = (pairs: readonly ScoredPair[]): number =>
  longest(pairs) - Math.min(...pairs.map(({ source }) => source.length));

/** Number of pairs in the first run. */
function piece(decoder: LoadedDecoder, pairs: readonly ScoredPair[]): number {
  let count = 1;
  while (count < pairs.length) {
    const more = pairs.slice(0, count + 1);
    if (more.length > rowsAtOnce(decoder, longest(more), positionsWanted(more))) break;
    count += 1;
  }
  return count;
}

async function scorePiece(
  decoder: LoadedDecoder,
  pairs: readonly ScoredPair[],
  { bos, pad }: RowSpecialTokens,
  take: (row: number, position: number, logits: Float32Array) => void,
): Promise<void> {
  const { vocabularySize } = decoder;
  const length = longest(pairs);
  const wanted = positionsWanted(pairs);
  const ids = new Int32Array(pairs.length * length).fill(pad);
  pairs.forEach(({ source, target }, row) => {
    ids.set(source, row * length);
    ids[row * length + source.length] = bos;
    ids.set(target, row * length + source.length + 1);
  });
  const run = new DecoderRun(decoder, pairs.length);
  try {
    const logits = await run.read(ids, wanted);
    pairs.forEach(({ source, target }, row) => {
      const first = row * wanted + source.length - (length - wanted);
      for (let at = 0; at <= target.length; at++)
        take(row, at, logits.subarray((first + at) * vocabularySize, (first + at + 1) * vocabularySize));
    });
  } finally {
    await run.close();
  }
}

/** Reads the inputs and outputs of a graph, without its external weights. @throws SlmError INPUT_MISSING, DATA_INVALID */
export async function readDecoderSignature(file: string): Promise<DecoderSignature> {
  return decoderSignature(await readOutline(file), file);
}

/**
 * Loads a graph.
 *
 * @throws SlmError INPUT_MISSING, DATA_INVALID naming the file and the problem; CONFIG_INVALID if the engine cannot run ONNX graphs.
 */
export async function loadDecoder(
  engine: Engine,
  file: string,
  vocabularySize: number,
): Promise<LoadedDecoder> {
  const signature = await readDecoderSignature(file);
  const { vocabularySize: own = vocabularySize } = signature;
  if (own !== vocabularySize) {
    throw new SlmError(
      "SHAPE_MISMATCH",
      `teacher: ${file} returns logits over ${own} tokens, expected ${vocabularySize}`,
    );
  }
  if (engine.loadGraph === undefined) {
    throw new SlmError(
      "CONFIG_INVALID",
      `teacher: engine '${engine.name}' cannot run ONNX graphs such as ${file}`,
      {
        suggestions: ["--engine onnx"],
      },
    );
  }
  const session = await engine.loadGraph({ kind: "file", path: file }, { name: file, planMemory: false });
  return { engine, session, signature, vocabularySize, where: file };
}

/** The teacher of a directory with `graph.json`. @throws SlmError as {@link loadDecoder} */
export async function loadGraphTeacher(engine: Engine, directory: string): Promise<Teacher> {
  const { file, parameters, vocabularySize, maxSource, maxTarget, tokens } = await readGraphFile(directory);
  const decoder = await loadDecoder(engine, join(directory, file), vocabularySize);
  let steps: GraphSteps | undefined;
  const start: Teacher["start"] = async (sources, { batch }) => {
    await steps?.close();
    steps = undefined;
    steps = await startGraphSteps(decoder, sources, batch);
    return steps;
  };
  return {
    config: { vocabularySize, maxSource, maxTarget, tokens },
    parameters,
    start,
    decode: decodeWith(start, tokens),
    generate: generateWith(start, tokens),
    score: async (pairs, shape) => {
      const scores = await graphScores(decoder, pairs, shape, tokens);
      return engine.upload(createHostTensor("float32", [shape.batch * shape.target, vocabularySize], scores));
    },
    close: async () => {
      await steps?.close();
      await decoder.session.release();
    },
  };
}

/** Next-token logits for every position of a text, a few positions at a time. */
export async function* textLogits(
  decoder: LoadedDecoder,
  ids: Int32Array,
): AsyncGenerator<{ readonly from: number; readonly logits: Float32Array }> {
  const run = new DecoderRun(decoder, 1);
  try {
    const isCached = decoder.signature.caches.length > 0;
    const step = isCached ? rowsAtOnce(decoder, 1, 1) : ids.length;
    for (let from = 0; from < ids.length; from += step) {
      const piece = ids.subarray(from, from + step);
      yield { from, logits: await run.read(piece, piece.length) };
    }
  } finally {
    await run.close();
  }
}
