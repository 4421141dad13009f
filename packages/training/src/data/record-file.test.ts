import { readdir, truncate } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder, withCode } from "@slm/core/testing";
import { describe, expect, test } from "vitest";
import { RecordFile, RecordFileWriter } from "./record-file.js";

const directory = temporaryFolder({ each: true });

/** Records larger than half of the writer's buffer, so that the buffer is flushed in between. */
const BYTES = 3 * 2 ** 20;
const recordOf = (value: number): Uint8Array => new Uint8Array(BYTES).fill(value);

async function written(count: number): Promise<RecordFile> {
  const writer = await RecordFileWriter.create(join(directory, "records"), BYTES);
  for (let value = 0; value < count; value++) await writer.append(recordOf(value));
  return writer.finish();
}

describe(RecordFile, () => {
  test("reads records in any order, any number of times", async () => {
    const file = await written(4);
    expect(file.count).toBe(4);
    const read = await file.read([3, 0, 3]);
    expect(read.map((record) => [record.length, record[0], record.at(-1)])).toEqual([
      [BYTES, 3, 3],
      [BYTES, 0, 0],
      [BYTES, 3, 3],
    ]);
    await expect(file.read([4])).rejects.toThrow(withCode("UNEXPECTED"));
    await file.close();
  });

  test("is rejected if it does not contain whole records", async () => {
    await (await written(2)).close();
    await truncate(join(directory, "records"), BYTES + 1);
    await expect(RecordFile.open(join(directory, "records"), BYTES)).rejects.toMatchObject({
      code: "DATA_INVALID",
    });
    await expect(RecordFile.open(join(directory, "none"), BYTES)).rejects.toMatchObject({
      code: "INPUT_MISSING",
    });
  });
});

describe(RecordFileWriter, () => {
  test("does not create the file before it is finished, and accepts only records of one size", async () => {
    const writer = await RecordFileWriter.create(join(directory, "records"), 4);
    await writer.append(new Uint8Array(4));
    await expect(writer.append(new Uint8Array(3))).rejects.toThrow(withCode("UNEXPECTED"));
    await writer.abandon();
    expect(await readdir(directory)).toEqual(["records.unfinished"]);
  });
});
