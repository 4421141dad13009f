import { GraphBuilder, encodeModel } from "@slm/onnx";
import {
  DTYPES,
  appendPositions,
  createHostTensor,
  elementCount,
  type DType,
  type HostTensor,
} from "@slm/runtime";
import { describeGreedyLoop } from "@slm/generation/testing";
import { describeRuntime } from "@slm/runtime/contract";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  CopyingApi,
  DeviceMemoryEnvironment,
  invertingTransfer,
  openDeviceRuntime,
} from "./device-memory.test-support.js";
import type { NativeEnvironment } from "./environment.js";
import { NativeTensors } from "./tensors.js";

// The whole contract of a runtime, with kept tensors that only copies can reach, as on a GPU.
describeRuntime("runtime-native with device memory", async () => (await openDeviceRuntime()).runtime);
describeGreedyLoop("runtime-native with device memory", async () => (await openDeviceRuntime()).runtime);

describe("outputs that are kept in device memory", () => {
  test("stay there between runs, and are copied when they are read", async () => {
    const builder = new GraphBuilder("sum");
    const [x, y] = [builder.input("x", "float32", ["n"]), builder.input("y", "float32", ["n"])];
    builder.output("sum", builder.op("Add", [x, y]), "float32", ["n"]);
    const { runtime, api } = await openDeviceRuntime();
    const session = await runtime.load({ kind: "bytes", bytes: encodeModel(builder.build()) });
    const one = createHostTensor("float32", [2], Float32Array.of(1, 10));
    let sum = await runtime.upload(one);
    expect(api.copies).toBe(1);
    for (let run = 0; run < 3; run++) {
      const { kept } = await session.run({ feeds: { x: sum, y: one }, keep: ["sum"] });
      await runtime.release([sum]);
      sum = kept["sum"]!;
    }
    expect(api.copies).toBe(1);
    expect([...(await runtime.download(sum)).data]).toEqual([4, 40]);
    expect(api.copies).toBe(2);
    await runtime.close();
  });
});

describe("rows of a tensor in device memory", () => {
  test.each(["float32", "float16", "int32", "int64"] as const)("are reordered there: %s", async (dtype) => {
    const { runtime, api } = await openDeviceRuntime();
    for (const inner of [[], [3], [2, 5, 4]]) {
      const shape = [4, ...inner];
      const bytes = Uint8Array.from(
        { length: elementCount(shape) * DTYPES[dtype].BYTES_PER_ELEMENT },
        (_, at) => (at * 37) % 251,
      );
      const before: HostTensor = { dtype, shape, data: new DTYPES[dtype](bytes.slice().buffer) };
      const tensor = await runtime.upload(before);
      const copies = api.copies;
      await runtime.permuteRows(tensor, [2, 0, 0, 3]);
      await runtime.permuteRows(tensor, [1, 0, 0, 3]);
      expect(api.copies).toBe(copies);
      const row = bytes.length / 4;
      const expected = [0, 2, 2, 3].flatMap((from) => [...bytes.subarray(from * row, (from + 1) * row)]);
      expect(bytesOf(await runtime.download(tensor))).toEqual(expected);
      await runtime.release([tensor]);
    }
    await runtime.close();
  });
});

describe("new positions of caches in device memory", () => {
  test.each(["float32", "float16"] as const)("are written there: %s", async (dtype) => {
    const { runtime, api } = await openDeviceRuntime();
    const [rows, heads, capacity, dim] = [2, 3, 6, 4];
    const builder = new GraphBuilder("fresh");
    const x = builder.input("x", dtype, ["rows", "length", heads * dim]);
    builder.output("fresh", builder.op("Identity", [x]), dtype, ["rows", "length", heads * dim]);
    const session = await runtime.load({ kind: "bytes", bytes: encodeModel(builder.build()) });
    const cache = await runtime.upload(createHostTensor(dtype, [rows, heads, capacity, dim]));
    const expected = createHostTensor(dtype, [rows, heads, capacity, dim]);
    const { copies } = api;
    for (const [length, at] of [
      [2, [0]],
      [1, [2, 4]],
      [1, [3, 5]],
    ] as const) {
      const values = Array.from({ length: rows * length * heads * dim }, (_, index) => index + length);
      const fresh = createHostTensor(
        dtype,
        [rows, length, heads * dim],
        dtype === "float32" ? Float32Array.from(values) : Uint16Array.from(values),
      );
      await session.run({ feeds: { x: fresh }, append: { at, outputs: { fresh: cache } } });
      appendPositions("test", expected, fresh, at);
    }
    expect(api.copies).toBe(copies);
    expect(bytesOf(await runtime.download(cache))).toEqual(bytesOf(expected));
    const beyond = createHostTensor(dtype, [rows, 1, heads * dim]);
    const append = { at: [6], outputs: { fresh: cache } };
    await expect(session.run({ feeds: { x: beyond }, append })).rejects.toMatchObject({
      code: "SHAPE_MISMATCH",
    });
    await runtime.close();
  });
});

/** Tensors of every dtype and small shape, including empty ones and scalars, with arbitrary bytes. */
const tensors = (dtype: DType): fc.Arbitrary<HostTensor> =>
  fc.array(fc.nat({ max: 5 }), { maxLength: 4 }).chain((shape) => {
    const width = DTYPES[dtype].BYTES_PER_ELEMENT;
    const bytes = elementCount(shape) * width;
    return fc.uint8Array({ minLength: bytes, maxLength: bytes }).map((values) => {
      const data = new DTYPES[dtype](values.slice().buffer);
      return { dtype, shape, data };
    });
  });

const bytesOf = ({ data }: HostTensor): number[] => [
  ...new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
];

describe(NativeTensors, () => {
  const api = new CopyingApi(invertingTransfer);
  let environment: NativeEnvironment;
  let device: NativeTensors;
  beforeAll(() => {
    environment = new DeviceMemoryEnvironment(api);
    device = new NativeTensors(api, environment.address, environment.deviceMemory());
  });
  afterAll(() => {
    api.plain("ReleaseEnv", environment.address);
  });

  test.each(Object.keys(DTYPES) as DType[])("keeps %s in device memory, byte for byte", (dtype) => {
    const pairs = tensors(dtype).chain((first) =>
      fc.uint8Array({ minLength: first.data.byteLength, maxLength: first.data.byteLength }).map((other) => {
        return { first, other };
      }),
    );
    fc.assert(
      fc.property(pairs, ({ first, other }) => {
        const before = api.copies;
        const kept = device.upload(first);
        expect(kept).toMatchObject({ dtype, shape: first.shape, bytes: undefined });
        const back = device.download(kept);
        expect(back).toMatchObject({ dtype, shape: first.shape });
        expect(bytesOf(back)).toEqual(bytesOf(first));
        device.write(kept, other);
        expect(bytesOf(device.download(kept))).toEqual([...other]);
        // An upload and a write; two downloads.
        expect(api.copies - before).toBe(4);
        device.release(kept);
      }),
      { numRuns: 60 },
    );
  });

  test("makes feeds in host memory, without a copy", () => {
    const before = api.copies;
    const fed = device.feed(createHostTensor("int32", [3], Int32Array.of(1, -2, 3)));
    expect([...device.download(fed).data]).toEqual([1, -2, 3]);
    expect(fed.bytes).toHaveLength(12);
    expect(api.copies).toBe(before);
    device.release(fed);
  });
});
