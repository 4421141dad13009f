/** Statistics of a teacher over rows of the task, from which a student's layers are chosen. */
import { layerInfluence, type DecoderOnlyModel } from "@slm/model";
import { createHostTensor, type DeviceTensor } from "@slm/runtime";
import type { Engine } from "@slm/tensor";
import {
  packWeights,
  planChunks,
  unpackParameters,
  valueInput,
  valueSpecs,
  type TokenPairs,
} from "@slm/training";

/** Rows that are read: enough that the order of layers settles. */
const ROWS = 128;
/** Rows of one program. */
const BATCH = 8;

/** Sequences of the teacher's tokens, as it reads a pair: source, BOS, target. */
export async function calibrationRows(
  pairs: TokenPairs,
  teacherIds: readonly number[],
  { bos }: { readonly bos: number },
): Promise<readonly Int32Array[]> {
  const count = Math.min(ROWS, pairs.count);
  const rows = Array.from({ length: count }, (_, index) => Math.floor((index * pairs.count) / count));
  const { sources, targets } = await pairs.read(rows);
  return sources.map((source, row) =>
    Int32Array.from([...source, bos, ...targets[row]!], (id) => teacherIds[id]!),
  );
}

/** Block influence of each of the teacher's layers: the mean of 1 - cosine of its input and output states over all positions. */
export async function measureInfluence(
  engine: Engine,
  { config, weights }: DecoderOnlyModel,
  rows: readonly Int32Array[],
): Promise<readonly number[]> {
  const length = Math.max(...rows.map((row) => row.length));
  const chunks = planChunks(config);
  const feeds: Record<string, DeviceTensor> = {};
  const program = await engine.compile({
    name: `teacher influence ${BATCH}x${length}`,
    forwardOnly: true,
    inputs: {
      ...valueSpecs(chunks),
      ids: { dtype: "int32", shape: [BATCH, length] },
      mask: { dtype: "float32", shape: [BATCH, length] },
    },
    build: (x) => ({ influence: layerInfluence(config, unpackParameters(chunks, x), x["ids"]!, x["mask"]!) }),
  });
  try {
    for (const chunk of chunks) feeds[valueInput(chunk)] = await engine.upload(packWeights(chunk, weights));
    const sums = new Float64Array(config.decoderLayers);
    for (let first = 0; first < rows.length; first += BATCH) {
      const ids = new Int32Array(BATCH * length).fill(config.tokens.pad);
      const mask = new Float32Array(BATCH * length);
      rows.slice(first, first + BATCH).forEach((row, index) => {
        ids.set(row, index * length);
        mask.fill(1, index * length, index * length + row.length);
      });
      const { fetched } = await program.run({
        feeds: {
          ...feeds,
          ids: createHostTensor("int32", [BATCH, length], ids),
          mask: createHostTensor("float32", [BATCH, length], mask),
        },
        fetch: ["influence"],
      });
      fetched["influence"]!.data.forEach((value, layer) => (sums[layer] = sums[layer]! + Number(value)));
    }
    const positions = rows.reduce((sum, row) => sum + row.length, 0);
    return Array.from(sums, (sum) => sum / positions);
  } finally {
    await engine.release(Object.values(feeds));
    await program.release();
  }
}
