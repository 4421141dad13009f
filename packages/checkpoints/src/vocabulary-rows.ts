/** Cuts the embedding table and the output head of a model to a subset of the tokens. */
import { SlmError } from "@slm/core";
import { EMBEDDING_WEIGHT, HEAD_WEIGHT, type ModelConfig } from "@slm/model";
import { createHostTensor, type HostTensor } from "@slm/runtime";
import { readModelConfig, writeModelConfig, type CheckpointDType } from "./checkpoint.js";
import type { DeferredTensor } from "./safetensors.js";
import { openWeights, writeWeights } from "./weight-files.js";

/** Parameters with one row per token. */
export const TOKEN_WEIGHTS: ReadonlySet<string> = new Set([EMBEDDING_WEIGHT, HEAD_WEIGHT]);

/**
 * Selects rows of a matrix, in the given order. The matrix arrives in pieces of any size, and only the chosen rows are kept.
 *
 * Shapes: pieces `[all, columns]` together; result `[rows.length, columns]`.
 *
 * @throws SlmError SHAPE_MISMATCH if the pieces end before the last row that is needed.
 */
export async function selectRows<Values extends Float32Array | Uint16Array>(
  pieces: AsyncIterable<Values>,
  rows: ArrayLike<number>,
  columns: number,
  make: (length: number) => Values,
): Promise<Values> {
  const selected = make(rows.length * columns);
  const order = Array.from(rows, (row, place) => ({ row, place })).sort((a, b) => a.row - b.row);
  let begin = 0;
  let next = 0;
  let copied = 0;
  for await (const piece of pieces) {
    const end = begin + piece.length;
    // The part of each wanted row in this piece; a row may continue in the next piece.
    for (; next < order.length; next++) {
      const { row, place } = order[next]!;
      const [from, to] = [Math.max(begin, row * columns), Math.min(end, (row + 1) * columns)];
      if (from < to) {
        selected.set(piece.subarray(from - begin, to - begin), place * columns + from - row * columns);
        copied += to - from;
      }
      if ((row + 1) * columns > end) break;
    }
    begin = end;
  }
  if (copied === selected.length) return selected;
  throw new SlmError(
    "SHAPE_MISMATCH",
    `import: needs row ${order.at(-1)!.row} of a matrix with ${Math.floor(begin / columns)} rows`,
  );
}

/** Types for the weights of a checkpoint. */
const WEIGHT_TYPES: Readonly<Record<string, CheckpointDType>> = {
  F32: "float32",
  F16: "float16",
  BF16: "bfloat16",
};

/**
 * Copies a checkpoint with a subset of its tokens, one weight in memory at a time, in the stored types.
 *
 * @param vocabulary tokens to keep, by new id
 * @param tokens new ids of the special tokens
 * @throws SlmError as reading a checkpoint; SHAPE_MISMATCH for a token that the checkpoint lacks.
 */
export async function copyWithVocabulary(
  source: string,
  directory: string,
  vocabulary: ArrayLike<number>,
  tokens: ModelConfig["tokens"],
): Promise<ModelConfig> {
  const config = { ...(await readModelConfig(source)), vocabularySize: vocabulary.length, tokens };
  const opened = await openWeights(source);
  try {
    const copies = [...opened.entries].map(([name, entry]): [string, DeferredTensor] => {
      const dtype = WEIGHT_TYPES[entry.dtype];
      if (dtype === undefined) {
        const known = Object.keys(WEIGHT_TYPES).join(", ");
        throw new SlmError("DATA_INVALID", `${opened.where}: '${name}' is ${entry.dtype}, expected ${known}`);
      }
      if (!TOKEN_WEIGHTS.has(name))
        return [name, { dtype, shape: entry.shape, read: () => opened.read(name) }];
      const shape = [vocabulary.length, entry.shape[1] ?? 1];
      return [name, { dtype, shape, read: async () => rowsOf(await opened.read(name), vocabulary) }];
    });
    await writeWeights(directory, new Map(copies));
  } finally {
    await opened.close();
  }
  await writeModelConfig(directory, config);
  return config;
}

async function rowsOf({ dtype, shape, data }: HostTensor, rows: ArrayLike<number>): Promise<HostTensor> {
  const columns = shape[1] ?? 1;
  const values =
    dtype === "float32"
      ? await selectRows(once(data as Float32Array), rows, columns, (length) => new Float32Array(length))
      : await selectRows(once(data as Uint16Array), rows, columns, (length) => new Uint16Array(length));
  return createHostTensor(dtype, [rows.length, columns], values);
}

// oxlint-disable-next-line typescript/require-await -- pieces are asynchronous, a whole tensor is one piece
async function* once<Values>(values: Values): AsyncGenerator<Values> {
  yield values;
}
