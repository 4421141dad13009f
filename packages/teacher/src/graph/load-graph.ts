/** A ready decoder-only graph as a teacher, through the engine's own runtime. */
import { join } from "node:path";
import { SlmError } from "@slm/core";
import { readOutline } from "@slm/onnx";
import { createHostTensor } from "@slm/runtime";
import type { Engine } from "@slm/tensor";
import { decodeWith, generateWith } from "../generate.js";
import type { Teacher } from "../teacher.js";
import { DecoderRun, rowsAtOnce, type LoadedDecoder } from "./decoder-run.js";
import { decoderSignature, type DecoderSignature } from "./decoder-signature.js";
import { readGraphFile } from "./graph-file.js";
import { graphScores } from "./graph-scores.js";
import { startGraphSteps, type GraphSteps } from "./graph-steps.js";

/** Reads what a graph's file says of its inputs and outputs; its large weights stay on disk. @throws SlmError INPUT_MISSING, DATA_INVALID */
export async function readDecoderSignature(file: string): Promise<DecoderSignature> {
  return decoderSignature(await readOutline(file), file);
}

/**
 * Loads a graph.
 *
 * @throws SlmError INPUT_MISSING, DATA_INVALID naming the file and what is odd about it; CONFIG_INVALID where the engine
 * runs no ONNX graphs.
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
      `teacher: ${file} gives logits over ${own} tokens, expected ${vocabularySize}`,
    );
  }
  if (engine.loadGraph === undefined) {
    throw new SlmError(
      "CONFIG_INVALID",
      `teacher: engine '${engine.name}' runs no ONNX graphs, and ${file} is one`,
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

/** Next-token logits of every position of a text, some positions at a time. */
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
