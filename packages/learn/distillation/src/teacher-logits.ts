/**
 * Teacher logits of all gold targets, computed once and kept: every later epoch reads them instead of running the teacher.
 *
 * Which pairs are scored together is a pure function of the seed, so a resumed run sees the same bits. Stored as float16 differences from each position's largest logit, in one file that grows batch by batch.
 */
import { open, stat, type FileHandle } from "node:fs/promises";
import { throwIfInterrupted, type StageContext } from "@slm/artifact";
import { SlmError } from "@slm/error";
import { fromHalf, toHalf } from "@slm/model";
import { createHostTensor, type HostTensor } from "@slm/runtime";
import type { Engine } from "@slm/tensor";
import type { Batch, Bucket, TokenPairs } from "@slm/training";
import type { Teacher } from "@slm/teacher";

export interface GoldLogitsRequest {
  readonly file: string;
  readonly engine: Engine;
  readonly teacher: Teacher;
  readonly pairs: TokenPairs;
  /** Every pair once, in batches of at most `scoreBatch`: which pairs are scored together must not change on resume. */
  readonly batches: readonly Batch[];
  readonly buckets: readonly Bucket[];
  readonly scoreBatch: number;
  /** Rows of the training batches that will be read. */
  readonly batchSize: number;
  readonly context: StageContext;
}

export interface GoldLogits {
  /** Logits of a batch's gold targets, `[batch · target, vocab]`, zero at padding. */
  read(rows: Int32Array, bucket: Bucket): HostTensor;
}

/** All half values as floats: decoding is one look-up. */
const HALVES = Float32Array.from({ length: 1 << 16 }, (_, bits) => fromHalf(bits));

/** Computes what the file does not hold yet, then reads it whole. */
export async function goldLogits(request: GoldLogitsRequest): Promise<GoldLogits> {
  const { pairs, teacher, batchSize } = request;
  const vocab = teacher.config.vocabularySize;
  const order = request.batches.flatMap(({ rows }) => Array.from(rows));
  const starts = new Float64Array(pairs.count);
  let size = 0;
  for (const row of order) {
    starts[row] = size;
    size += pairs.lengths.target[row]! * vocab;
  }
  const stored = await fillFile(request, size);
  return {
    read: (rows, { target }) => {
      const values = new Float32Array(batchSize * target * vocab);
      rows.forEach((row, index) => {
        const begin = starts[row]!;
        const count = pairs.lengths.target[row]! * vocab;
        const at = index * target * vocab;
        for (let i = 0; i < count; i++) values[at + i] = HALVES[stored[begin + i]!]!;
      });
      return createHostTensor("float32", [batchSize * target, vocab], values);
    },
  };
}

async function fillFile(request: GoldLogitsRequest, size: number): Promise<Uint16Array> {
  const { file, batches, pairs, teacher, context } = request;
  const vocab = teacher.config.vocabularySize;
  const held = await stat(file).then(
    (entry) => entry.size / 2,
    () => 0,
  );
  if (held > size) throw new SlmError("DATA_INVALID", `${file}: holds more logits than the data has targets`);
  const handle = await open(file, held === 0 ? "w+" : "r+");
  try {
    let position = 0;
    let done = 0;
    for (const batch of batches) {
      const count = batch.rows.reduce((sum, row) => sum + pairs.lengths.target[row]!, 0) * vocab;
      if (position + count > held) await writeBatch(request, batch, handle, position, count);
      position += count;
      done += 1;
      if (done % 10 === 0)
        context.progress({ stage: "distill", message: "teacher logits", step: done, total: batches.length });
      throwIfInterrupted(context.signal, "distill");
    }
    const stored = new Uint16Array(size);
    await readFully(handle, new Uint8Array(stored.buffer), file);
    return stored;
  } finally {
    await handle.close();
  }
}

async function writeBatch(
  { engine, teacher, pairs, buckets, scoreBatch }: GoldLogitsRequest,
  { rows, bucket }: Batch,
  handle: FileHandle,
  position: number,
  count: number,
): Promise<void> {
  const vocab = teacher.config.vocabularySize;
  const shape = { batch: scoreBatch, ...buckets[bucket]! };
  const scored = await teacher.score(
    Array.from(rows, (row) => ({ source: pairs.source(row), target: pairs.target(row) })),
    shape,
  );
  const logits = (await engine.download(scored)).data as Float32Array;
  await engine.release([scored]);
  const halves = new Uint16Array(count);
  let at = 0;
  rows.forEach((row, index) => {
    for (let i = 0; i < pairs.lengths.target[row]!; i++) {
      const begin = (index * shape.target + i) * vocab;
      let largest = -Infinity;
      for (let v = 0; v < vocab; v++) largest = Math.max(largest, logits[begin + v]!);
      for (let v = 0; v < vocab; v++) halves[at++] = toHalf(logits[begin + v]! - largest);
    }
  });
  await handle.write(new Uint8Array(halves.buffer), 0, halves.byteLength, position * 2);
}

async function readFully(handle: FileHandle, bytes: Uint8Array, file: string): Promise<void> {
  let offset = 0;
  while (offset < bytes.length) {
    const { bytesRead } = await handle.read(bytes, offset, bytes.length - offset, offset);
    if (bytesRead === 0)
      throw new SlmError("DATA_INVALID", `${file}: ends at byte ${offset} of ${bytes.length}`);
    offset += bytesRead;
  }
}
