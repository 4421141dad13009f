/** Measures a teacher's statistics on rows of the task, which decide what a student copies. */
import {
  observeTeacher,
  STATISTIC_NAMES,
  STATISTICS,
  type DecoderOnlyModel,
  type TeacherStatistics,
} from "@slm/model";
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

/** Number of rows; enough for a stable order of layers. */
const ROWS = 128;
/** Rows per batch. */
const BATCH = 8;

/** Sequences of a decoder-only model (source, BOS, target) for rows that are evenly spaced in the corpus. */
export async function calibrationRows(
  pairs: TokenPairs,
  { bos }: { readonly bos: number },
): Promise<readonly Int32Array[]> {
  const count = Math.min(ROWS, pairs.count);
  const rows = Array.from({ length: count }, (_, index) => Math.floor((index * pairs.count) / count));
  const { sources, targets } = await pairs.read(rows);
  return sources.map((source, row) => Int32Array.from([...source, bos, ...targets[row]!]));
}

/** Averages the teacher's statistics over all positions of the rows. */
export async function measureTeacher(
  engine: Engine,
  { config, weights }: DecoderOnlyModel,
  rows: readonly Int32Array[],
): Promise<TeacherStatistics> {
  const length = Math.max(...rows.map((row) => row.length));
  const chunks = planChunks(config);
  const feeds: Record<string, DeviceTensor> = {};
  const program = await engine.compile({
    name: `teacher statistics ${BATCH}x${length}`,
    forwardOnly: true,
    inputs: {
      ...valueSpecs(chunks),
      ids: { dtype: "int32", shape: [BATCH, length] },
      mask: { dtype: "float32", shape: [BATCH, length] },
    },
    build: (x) => ({ ...observeTeacher(config, unpackParameters(chunks, x), x["ids"]!, x["mask"]!) }),
  });
  const size = (name: (typeof STATISTIC_NAMES)[number]): number =>
    STATISTICS[name](config).reduce((product, axis) => product * axis, 1);
  const means = Object.fromEntries(
    STATISTIC_NAMES.map((name) => [name, new Float64Array(size(name))]),
  ) as Record<keyof TeacherStatistics, Float64Array>;
  const positions = rows.reduce((sum, row) => sum + row.length, 0);
  try {
    for (const chunk of chunks) feeds[valueInput(chunk)] = await engine.upload(packWeights(chunk, weights));
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
        fetch: STATISTIC_NAMES,
      });
      for (const name of STATISTIC_NAMES) {
        const [sums, mean] = [fetched[name]!.data as Float32Array, means[name]];
        sums.forEach((sum, index) => (mean[index] = mean[index]! + sum / positions));
      }
    }
    return means;
  } finally {
    await engine.release(Object.values(feeds));
    await program.release();
  }
}
