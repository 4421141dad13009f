import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder, withCode } from "@slm/core/testing";
import { SlmError } from "@slm/core";
import { createHostTensor, elementCount, type HostTensor, fromHalf } from "@slm/runtime";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  encodeSafetensors,
  openSafetensors,
  readSafetensors,
  writeDeferredSafetensors,
  writeSafetensors,
  type Safetensors,
} from "./safetensors.js";

const directory = temporaryFolder();

async function read(bytes: Uint8Array): Promise<Safetensors> {
  const file = join(directory, "case.safetensors");
  await writeFile(file, bytes);
  return readSafetensors(file);
}

/** A file with this header and `dataBytes` zeros. */
function fileOf(header: unknown, dataBytes: number): Uint8Array {
  const json = Buffer.from(typeof header === "string" ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([length, json, Buffer.alloc(dataBytes)]);
}

const anyTensor: fc.Arbitrary<HostTensor> = fc
  .tuple(
    fc.constantFrom("float32", "float16", "int32", "int64"),
    fc.array(fc.nat(4), { maxLength: 4 }),
    fc.infiniteStream(fc.integer({ min: 0, max: 1000 })),
  )
  .map(([dtype, shape, numbers]) => {
    const values = Array.from({ length: elementCount(shape) }, () => numbers.next().value as number);
    switch (dtype) {
      case "float32":
        return createHostTensor(
          dtype,
          shape,
          Float32Array.from(values, (value) => value / 7),
        );
      case "float16":
        return createHostTensor(dtype, shape, Uint16Array.from(values));
      case "int32":
        return createHostTensor(dtype, shape, Int32Array.from(values));
      case "int64":
        return createHostTensor(dtype, shape, BigInt64Array.from(values, BigInt));
    }
  });

const anyName = fc.string({ minLength: 1 }).filter((name) => name !== "__metadata__" && name !== "__proto__");
const anyFile = fc.uniqueArray(fc.tuple(anyName, anyTensor), { selector: ([name]) => name, maxLength: 5 });

test("tensors and metadata come back as they were written", async () => {
  await fc.assert(
    fc.asyncProperty(anyFile, fc.string(), async (entries, note) => {
      const tensors = new Map(entries);
      const back = await read(encodeSafetensors(tensors, { note }));
      expect(back.metadata).toEqual({ format: "pt", note });
      expect(back.tensors).toEqual(tensors);
    }),
    { numRuns: 60 },
  );
});

const sample = encodeSafetensors(
  new Map([
    ["a", createHostTensor("float32", [2, 2], Float32Array.of(1, 2, 3, 4))],
    ["b", createHostTensor("int64", [3], BigInt64Array.of(1n, 2n, 3n))],
  ]),
  { note: "sample" },
);

test("the same tensors always have the same bytes, with data at a multiple of 8", () => {
  expect(Number(Buffer.from(sample).readBigUInt64LE(0)) % 8).toBe(0);
  expect(Uint8Array.from(sample.subarray(-24))).toEqual(new Uint8Array(BigInt64Array.of(1n, 2n, 3n).buffer));
});

test("every truncation is rejected as invalid data", async () => {
  for (let length = 0; length < sample.length; length++) {
    await expect(read(sample.subarray(0, length)), `${length} bytes`).rejects.toMatchObject({
      code: "DATA_INVALID",
    });
  }
});

test("a corrupt file is read or rejected as invalid data, never anything else", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.nat(sample.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }),
      async (changes) => {
        const bytes = Uint8Array.from(sample);
        for (const [at, value] of changes) bytes[at] = value;
        try {
          const { tensors } = await read(bytes);
          for (const { shape, data } of tensors.values()) expect(data.length).toBe(elementCount(shape));
        } catch (error) {
          expect(error).toBeInstanceOf(SlmError);
          expect((error as SlmError).code).toBe("DATA_INVALID");
        }
      },
    ),
    { numRuns: 300 },
  );
});

const tensorAt = (begin: number, end: number): Record<string, unknown> => ({
  dtype: "F32",
  shape: [(end - begin) / 4],
  data_offsets: [begin, end],
});

describe("a hostile header is rejected with the reason", () => {
  const cases: readonly (readonly [string, Uint8Array, string])[] = [
    ["claims too many bytes", Buffer.concat([Buffer.alloc(8, 0xff), Buffer.alloc(8)]), "header claims"],
    ["claims 200 MB", Buffer.from([0, 0, 0, 12, 0, 0, 0, 0, 1]), "header claims"],
    ["is not JSON", fileOf("{", 0), "not JSON"],
    ["is a list", fileOf([], 0), "not an object"],
    ["has overlapping tensors", fileOf({ a: tensorAt(0, 8), b: tensorAt(4, 12) }, 12), "not contiguous"],
    ["has a hole", fileOf({ a: tensorAt(0, 4), b: tensorAt(8, 12) }, 12), "not contiguous"],
    ["leaves data undescribed", fileOf({ a: tensorAt(0, 4) }, 8), "8 bytes of data, the header describes 4"],
    ["ends beyond the data", fileOf({ a: tensorAt(0, 12) }, 8), "truncated"],
    ["has an unknown dtype", fileOf({ a: { ...tensorAt(0, 4), dtype: "F8" } }, 4), "not one of"],
    ["has an inherited dtype", fileOf({ a: { ...tensorAt(0, 4), dtype: "toString" } }, 4), "not one of"],
    ["has a shape that does not fit", fileOf({ a: { ...tensorAt(0, 8), shape: [3] } }, 8), "needs 12 bytes"],
    ["has a negative size", fileOf({ a: { ...tensorAt(0, 8), shape: [-1, -2] } }, 8), "shape"],
    ["has an endless shape", fileOf({ a: { ...tensorAt(0, 4), shape: new Array(9).fill(1) } }, 4), "shape"],
    ["has a huge shape", fileOf({ a: { ...tensorAt(0, 8), shape: [2 ** 52, 2 ** 52] } }, 8), "needs"],
    ["has one offset", fileOf({ a: { ...tensorAt(0, 4), data_offsets: [0] } }, 4), "data_offsets"],
    ["has metadata that is not text", fileOf({ __metadata__: { steps: 3 } }, 0), "not text"],
  ];
  test.each(cases)("%s", async (_label, bytes, message) => {
    await expect(read(bytes)).rejects.toMatchObject({ code: "DATA_INVALID" });
    await expect(read(bytes)).rejects.toThrow(message);
  });
});

test("a missing file is named", async () => {
  const file = join(directory, "nowhere.safetensors");
  await expect(readSafetensors(file)).rejects.toMatchObject({ code: "INPUT_MISSING" });
});

/** Written by safetensors 0.8.0 with numpy 2.4.6 and ml_dtypes 0.6.0: all types that a file can have. */
const OF_THE_LIBRARY =
  "EAIAAAAAAAB7ImY2NCI6eyJkdHlwZSI6IkY2NCIsInNoYXBlIjpbM10sImRhdGFfb2Zmc2V0cyI6WzAsMjRdfSwidTMyIjp7" +
  "ImR0eXBlIjoiVTMyIiwic2hhcGUiOlsyXSwiZGF0YV9vZmZzZXRzIjpbMjQsMzJdfSwidTE2Ijp7ImR0eXBlIjoiVTE2Iiwi" +
  "c2hhcGUiOlsyXSwiZGF0YV9vZmZzZXRzIjpbMzIsMzZdfSwiaTE2Ijp7ImR0eXBlIjoiSTE2Iiwic2hhcGUiOlsyXSwiZGF0" +
  "YV9vZmZzZXRzIjpbMzYsNDBdfSwiZTRtMyI6eyJkdHlwZSI6IkY4X0U0TTMiLCJzaGFwZSI6WzRdLCJkYXRhX29mZnNldHMi" +
  "Ols0MCw0NF19LCJlNW0yIjp7ImR0eXBlIjoiRjhfRTVNMiIsInNoYXBlIjpbNF0sImRhdGFfb2Zmc2V0cyI6WzQ0LDQ4XX0s" +
  "Imk4Ijp7ImR0eXBlIjoiSTgiLCJzaGFwZSI6WzJdLCJkYXRhX29mZnNldHMiOls0OCw1MF19LCJ1OCI6eyJkdHlwZSI6IlU4" +
  "Iiwic2hhcGUiOlsyXSwiZGF0YV9vZmZzZXRzIjpbNTAsNTJdfSwiYm9vbCI6eyJkdHlwZSI6IkJPT0wiLCJzaGFwZSI6WzJd" +
  "LCJkYXRhX29mZnNldHMiOls1Miw1NF19fSAgICAgICBVVVVVVVXVPwAAAAAAAATAnHUAiDzkN37/////BwAAAP//BwAAgAcA" +
  "PP4BAD77fDSAfwD/AQA=";

test("tensors of every type of the format's own library are read, of types without a host tensor as wider ones", async () => {
  const { tensors } = await read(Buffer.from(OF_THE_LIBRARY, "base64"));
  const found = (name: string): unknown => [
    tensors.get(name)!.dtype,
    Array.from(tensors.get(name)!.data as Uint8Array),
  ];
  const halves = (name: string): unknown => Array.from(tensors.get(name)!.data as Uint16Array, fromHalf);
  expect(found("f64")).toEqual(["float32", [Math.fround(1 / 3), -2.5, Infinity]]);
  expect(found("i16")).toEqual(["int32", [-32768, 7]]);
  expect(found("u16")).toEqual(["int32", [65535, 7]]);
  expect(found("u32")).toEqual(["int64", [4294967295n, 7n]]);
  expect(found("i8")).toEqual(["int8", [-128, 127]]);
  expect(found("u8")).toEqual(["uint8", [0, 255]]);
  expect(found("bool")).toEqual(["bool", [1, 0]]);
  expect(halves("e4m3")).toEqual([1.5, -448, 2 ** -9, 0]);
  expect(halves("e5m2")).toEqual([1.5, -57344, Infinity, 0.25]);
});

test("a type without numbers that are read here is listed, and rejected by its tensor's name when it is read", async () => {
  const file = join(directory, "packed.safetensors");
  await writeFile(file, fileOf({ packed: { dtype: "F4", shape: [3, 2], data_offsets: [0, 3] } }, 3));
  const opened = await openSafetensors(file);
  expect(opened.entries.get("packed")).toMatchObject({ dtype: "F4", shape: [3, 2] });
  await expect(opened.read("packed")).rejects.toThrow(withCode("DATA_INVALID"));
  await opened.close();
});

test("rows of a tensor are read alone, and rows that it does not have are rejected", async () => {
  const file = join(directory, "rows.safetensors");
  await writeSafetensors(
    file,
    new Map([
      ["before", createHostTensor("int64", [1])],
      ["a", createHostTensor("float32", [3, 2], Float32Array.of(1, 2, 3, 4, 5, 6))],
    ]),
  );
  const opened = await openSafetensors(file);
  expect(await opened.readRows("a", 1, 2)).toEqual(
    createHostTensor("float32", [2, 2], Float32Array.of(3, 4, 5, 6)),
  );
  await expect(opened.readRows("a", 2, 2)).rejects.toMatchObject({ code: "DATA_INVALID" });
  await expect(opened.readRows("a", -1, 1)).rejects.toMatchObject({ code: "DATA_INVALID" });
  await opened.close();
});

test("a file written tensor by tensor is the same, byte for byte", async () => {
  const file = join(directory, "streamed.safetensors");
  const tensors = new Map([
    ["a", createHostTensor("float32", [2, 3], Float32Array.of(1, 2, 3, 4, 5, 6))],
    ["b", createHostTensor("float16", [3], Uint16Array.of(1, 2, 3))],
    ["empty", createHostTensor("int64", [0])],
  ]);
  await writeSafetensors(file, tensors, { by: "test" });
  expect(new Uint8Array(await readFile(file))).toEqual(
    new Uint8Array(encodeSafetensors(tensors, { by: "test" })),
  );
});

describe("tensors written in pieces", () => {
  const write = async (file: string, pieces: readonly Float32Array[]): Promise<void> => {
    async function* give(): AsyncGenerator<Float32Array> {
      for (const piece of pieces) yield await Promise.resolve(piece);
    }
    await writeDeferredSafetensors(file, new Map([["x", { dtype: "float32", shape: [2, 3], pieces: give }]]));
  };

  test("are the same file, however they are cut", async () => {
    const file = join(directory, "pieces.safetensors");
    const values = Float32Array.of(1, 2, 3, 4, 5, 6);
    const whole = encodeSafetensors(new Map([["x", createHostTensor("float32", [2, 3], values)]]));
    for (const cut of [0, 1, 4, 6]) {
      await write(file, [values.subarray(0, cut), values.subarray(cut)]);
      expect(await readFile(file)).toEqual(Buffer.from(whole));
    }
  });

  test.each([5, 7])("are rejected where %i numbers come for 6", async (count) => {
    const file = join(directory, "short.safetensors");
    await expect(write(file, [new Float32Array(count)])).rejects.toMatchObject({ code: "SHAPE_MISMATCH" });
  });
});
