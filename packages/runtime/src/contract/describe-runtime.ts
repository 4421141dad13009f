/** The contract of every runtime, as tests: `describeRuntime` runs them against one implementation. */
import { tmpdir } from "node:os";
import { join } from "node:path";
import { GraphBuilder, encodeModel, int } from "@slm/onnx";
import {
  type DeviceTensor,
  type HostTensor,
  type Runtime,
  type Session,
  createHostTensor,
} from "../index.js";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { describeFiles } from "./describe-files.js";

const vector = (...values: readonly number[]): HostTensor => {
  return createHostTensor("float32", [values.length], Float32Array.from(values));
};

/** One value of every dtype that crosses the boundary. */
const EVERY_DTYPE = {
  float32: vector(1.5, -2, Infinity),
  float16: createHostTensor("float16", [3], Uint16Array.of(0x3c00, 0x8000, 0x7bff)),
  int32: createHostTensor("int32", [3], Int32Array.of(1, -2, 2 ** 31 - 1)),
  int64: createHostTensor("int64", [3], BigInt64Array.of(1n, -2n, 2n ** 62n)),
  uint8: createHostTensor("uint8", [3], Uint8Array.of(0, 1, 255)),
  int8: createHostTensor("int8", [3], Int8Array.of(0, -128, 127)),
  bool: createHostTensor("bool", [3], Uint8Array.of(1, 0, 1)),
} as const;

function identityGraph(): Uint8Array {
  const graph = new GraphBuilder("identity");
  for (const dtype of Object.keys(EVERY_DTYPE) as (keyof typeof EVERY_DTYPE)[]) {
    graph.output(`${dtype}.out`, graph.input(dtype, dtype, ["n"]), dtype, ["n"]);
  }
  return encodeModel(graph.build());
}

/** sum = x + y and difference = x - y. x is declared with any length, y with three elements. */
function sumGraph(): GraphBuilder {
  const graph = new GraphBuilder("sum");
  const x = graph.input("x", "float32", ["n"]);
  const y = graph.input("y", "float32", [3]);
  graph.output("sum", graph.op("Add", [x, y]), "float32", ["n"]);
  graph.output("difference", graph.op("Sub", [x, y]), "float32", ["n"]);
  return graph;
}

const values = (tensor: HostTensor | undefined): number[] => [...tensor!.data].map(Number);

const overwrite = ({ data }: HostTensor): void => {
  new Uint8Array(data.buffer, data.byteOffset, data.byteLength).fill(255);
};

/** The limitations of a runtime in its environment. Absent: no limitation. */
export interface RuntimeLimits {
  /** It cannot read the disk, because it was created with its files in memory. */
  readonly cannotReadDisk?: boolean;
  /** It cannot report its memory use; `peakMemoryBytes` then rejects. */
  readonly reportsNoMemory?: boolean;
  /** It computes in another process, whose memory is unrelated to this one's. */
  readonly hasOwnProcess?: boolean;
}

/** Every Node.js process that has loaded ONNX Runtime's library uses at least this much resident memory [bytes]. */
const LEAST_MEMORY = 2 ** 25;

/** Tests one implementation. `create` is called several times, and the runtimes exist at the same time. */
export function describeRuntime(
  name: string,
  create: () => Promise<Runtime>,
  { cannotReadDisk = false, reportsNoMemory = false, hasOwnProcess = false }: RuntimeLimits = {},
): void {
  describe(name, () => {
    let runtime: Runtime;
    let sum: Session;
    const ones = vector(1, 1, 1);

    beforeAll(async () => {
      runtime = await create();
      sum = await runtime.load({ kind: "bytes", bytes: encodeModel(sumGraph().build()) }, { name: "sum" });
    });

    afterAll(async () => {
      await runtime.close();
    });

    if (!cannotReadDisk) describeFiles(() => runtime);

    const read = async (tensor: DeviceTensor): Promise<number[]> => values(await runtime.download(tensor));

    test("names the inputs and outputs of a graph", () => {
      expect(sum.inputNames).toEqual(["x", "y"]);
      expect(sum.outputNames).toEqual(["sum", "difference"]);
    });

    test("carries every dtype in and out, from host and from device", async () => {
      const session = await runtime.load({ kind: "bytes", bytes: identityGraph() });
      const device = Object.fromEntries(
        await Promise.all(
          Object.entries(EVERY_DTYPE).map(
            async ([dtype, tensor]) => [dtype, await runtime.upload(tensor)] as const,
          ),
        ),
      );
      for (const feeds of [EVERY_DTYPE, device]) {
        const { fetched, kept } = await session.run({
          feeds,
          fetch: session.outputNames,
          keep: session.outputNames,
        });
        for (const [dtype, tensor] of Object.entries(EVERY_DTYPE)) {
          expect(fetched[`${dtype}.out`]).toEqual(tensor);
          expect(await runtime.download(kept[`${dtype}.out`]!)).toEqual(tensor);
        }
        await runtime.release(Object.values(kept));
      }
      await session.release();
      await expect(session.run({ feeds: EVERY_DTYPE, fetch: ["bool.out"] })).rejects.toThrow(
        "has been released",
      );
    });

    test("handles tensors without elements", async () => {
      const session = await runtime.load({ kind: "bytes", bytes: identityGraph() });
      const empty = Object.fromEntries(
        Object.values(EVERY_DTYPE).map(({ dtype }) => [dtype, createHostTensor(dtype, [0])]),
      );
      const { fetched } = await session.run({ feeds: empty, fetch: ["float32.out"] });
      expect(fetched["float32.out"]).toEqual(vector());
    });

    test("updates a tensor in place, run after run in the order requested", async () => {
      const total = await runtime.upload(vector(0, 1, 2));
      const runs = Array.from({ length: 20 }, (_, at) => {
        return sum.run({ feeds: { x: total, y: vector(at, at, at) }, into: { sum: total } });
      });
      const early = read(total);
      await Promise.all(runs);
      expect(await early).toEqual([190, 191, 192]);
      await runtime.release([total]);
    });

    test("appends new positions to caches that the same run reads, at one position for all rows or one for each", async () => {
      // fresh[row, position, head · dim] = the sum of the row's cache + ids[row, position]
      const graph = new GraphBuilder("append");
      const cache = graph.input("cache", "float32", ["rows", 2, "capacity", 1]);
      const ids = graph.input("ids", "float32", ["rows", "length", 2]);
      const sum = graph.op("ReduceSum", [cache, graph.ints([1, 2, 3])], { attributes: { keepdims: int(0) } });
      const column = graph.op("Unsqueeze", [sum, graph.ints([1, 2])]);
      graph.output("fresh", graph.op("Add", [ids, column]), "float32", ["rows", "length", 2]);
      const session = await runtime.load({ kind: "bytes", bytes: encodeModel(graph.build()) });
      const held = await runtime.upload(createHostTensor("float32", [2, 2, 4, 1]));
      const append = (length: number, from: number, at: readonly number[]): Promise<unknown> => {
        const data = Float32Array.from({ length: 4 * length }, (_, index) => from + index);
        const feeds = { cache: held, ids: createHostTensor("float32", [2, length, 2], data) };
        return session.run({ feeds, append: { at, outputs: { fresh: held } } });
      };
      await append(2, 1, [0]);
      expect(await read(held)).toEqual(
        [
          [1, 3, 0, 0],
          [2, 4, 0, 0],
          [5, 7, 0, 0],
          [6, 8, 0, 0],
        ].flat(),
      );
      await append(1, 0, [3, 2]);
      expect(await read(held)).toEqual(
        [
          [1, 3, 0, 10],
          [2, 4, 0, 11],
          [5, 7, 28, 0],
          [6, 8, 29, 0],
        ].flat(),
      );
      const rejected = { code: "SHAPE_MISMATCH" };
      await expect(append(1, 0, [4])).rejects.toMatchObject(rejected);
      await expect(append(1, 0, [0, 0, 0])).rejects.toMatchObject(rejected);
      await runtime.release([held]);
    });

    test("copies a host tensor before the call returns, so the caller may reuse the memory", async () => {
      const x = vector(1, 2, 3);
      const pending = sum.run({ feeds: { x, y: ones }, fetch: ["sum"] });
      const uploading = runtime.upload(x);
      overwrite(x);
      expect(values((await pending).fetched["sum"])).toEqual([2, 3, 4]);
      expect(await read(await uploading)).toEqual([1, 2, 3]);
      expect(x.data.byteLength).toBe(12);
    });

    test("reads a tensor that is part of a larger buffer", async () => {
      const part = createHostTensor("float32", [3], Float32Array.of(9, 9, 1, 2, 3, 9).subarray(2, 5));
      const { fetched } = await sum.run({ feeds: { x: part, y: ones }, fetch: ["sum"] });
      expect(values(fetched["sum"])).toEqual([2, 3, 4]);
      const bytes = encodeModel(sumGraph().build());
      const padded = new Uint8Array(bytes.length + 20);
      padded.set(bytes, 10);
      await runtime.load({ kind: "bytes", bytes: padded.subarray(10, 10 + bytes.length) });
    });

    test("may return kept outputs before their run is done, for use by later calls", async () => {
      const { kept } = await sum.run({ feeds: { x: vector(1, 2, 3), y: ones }, keep: ["sum"], ahead: true });
      expect(kept["sum"]).toMatchObject({ dtype: "float32", shape: [3] });
      const next = await sum.run({ feeds: { x: kept["sum"]!, y: ones }, keep: ["difference"], ahead: true });
      expect(await read(next.kept["difference"]!)).toEqual([1, 2, 3]);
      const { fetched } = await sum.run({ feeds: { x: kept["sum"]!, y: ones }, fetch: ["sum"] });
      expect(values(fetched["sum"])).toEqual([3, 4, 5]);
      await runtime.release([kept["sum"]!, next.kept["difference"]!]);
    });

    test("throws the error of such a run in calls that use its kept outputs", async () => {
      // Two elements and three cannot be added.
      const fails = async (use: (tensor: DeviceTensor) => Promise<unknown>): Promise<void> => {
        const { kept } = await sum.run({ feeds: { x: vector(1, 2), y: ones }, keep: ["sum"], ahead: true });
        const tensor = kept["sum"]!;
        try {
          await use(tensor);
        } finally {
          await runtime.release([tensor]);
        }
      };
      const failure = { code: "SHAPE_MISMATCH", message: expect.stringContaining("'sum'") as unknown };
      await expect(fails(read)).rejects.toMatchObject(failure);
      await expect(fails((x) => sum.run({ feeds: { x, y: ones }, fetch: ["sum"] }))).rejects.toMatchObject(
        failure,
      );
      await expect(
        fails(async (x) => {
          const { kept } = await sum.run({ feeds: { x, y: ones }, keep: ["sum"], ahead: true });
          try {
            await read(kept["sum"]!);
          } finally {
            await runtime.release([kept["sum"]!]);
          }
        }),
      ).rejects.toMatchObject(failure);
      const { fetched } = await sum.run({ feeds: { x: vector(1, 2, 3), y: ones }, fetch: ["sum"] });
      expect(values(fetched["sum"])).toEqual([2, 3, 4]);
    });

    test("gives the caller its own memory", async () => {
      const target = await runtime.upload(vector(0, 0, 0));
      const feeds = { x: vector(1, 2, 3), y: ones };
      const { fetched } = await sum.run({ feeds, fetch: ["sum", "difference"], into: { sum: target } });
      const { fetched: again, kept } = await sum.run({ feeds, fetch: ["sum"], keep: ["sum"] });
      const download = await runtime.download(target);
      for (const tensor of [fetched["sum"]!, again["sum"]!, download]) overwrite(tensor);
      expect(values(fetched["difference"])).toEqual([0, 1, 2]);
      expect(await read(target)).toEqual([2, 3, 4]);
      expect(await read(kept["sum"]!)).toEqual([2, 3, 4]);
    });

    test("permutes rows, repeats included", async () => {
      const shapes = fc.record({
        rows: fc.integer({ min: 1, max: 6 }),
        width: fc.integer({ min: 0, max: 4 }),
      });
      const cases = shapes.chain(({ rows, width }) => {
        const order = fc.array(fc.nat(rows - 1), { minLength: rows, maxLength: rows });
        return order.map((chosen) => ({ chosen, rows, width }));
      });
      await fc.assert(
        fc.asyncProperty(cases, async ({ chosen, rows, width }) => {
          const data = Float32Array.from({ length: rows * width }, (_, at) => at);
          const tensor = await runtime.upload(createHostTensor("float32", [rows, width], data));
          await runtime.permuteRows(tensor, chosen);
          const expected = chosen.flatMap((row) => [...data.subarray(row * width, (row + 1) * width)]);
          expect(await read(tensor)).toEqual(expected);
          await runtime.release([tensor]);
        }),
        { numRuns: 40 },
      );
    });

    test.each([
      ["a missing input", { feeds: { x: ones }, fetch: ["sum"] }, "is missing y; the inputs are x, y"],
      ["an unknown input", { feeds: { x: ones, y: ones, z: ones }, fetch: ["sum"] }, "has unknown z"],
      ["an unknown output", { feeds: { x: ones, y: ones }, fetch: ["sun"] }, "has no output 'sun'"],
      ["no output", { feeds: { x: ones, y: ones } }, "requests no output"],
      [
        "an output kept twice",
        { feeds: { x: ones, y: ones }, keep: ["sum", "sum"] },
        "keeps an output twice",
      ],
      [
        "a wrong size",
        { feeds: { x: ones, y: vector(1) }, fetch: ["sum"] },
        "'y' is float32[3], got float32[1]",
      ],
      [
        "a wrong rank",
        { feeds: { x: createHostTensor("float32", [1, 3]), y: ones }, fetch: ["sum"] },
        "'x' is float32[n], got float32[1,3]",
      ],
      [
        "a wrong dtype",
        { feeds: { x: EVERY_DTYPE.int32, y: ones }, fetch: ["sum"] },
        "'x' is float32[n], got int32[3]",
      ],
      [
        "data that does not fill its shape",
        { feeds: { x: { ...ones, shape: [4] }, y: ones }, fetch: ["sum"] },
        "needs 4",
      ],
      ["sizes that do not match", { feeds: { x: vector(1, 2), y: ones }, fetch: ["sum"] }, "'sum' failed"],
    ])("rejects a run with %s, and continues", async (_, request, message) => {
      await expect(sum.run(request)).rejects.toMatchObject({
        name: "SlmError",
        code: "SHAPE_MISMATCH",
        message: expect.stringContaining(message) as string,
      });
      expect(values((await sum.run({ feeds: { x: ones, y: ones }, fetch: ["sum"] })).fetched["sum"])).toEqual(
        [2, 2, 2],
      );
    });

    test("rejects an output written into a tensor with a different size or dtype, and two outputs written into one tensor", async () => {
      const feeds = { x: ones, y: ones };
      const short = await runtime.upload(vector(1, 2));
      const whole = await runtime.upload(EVERY_DTYPE.int32);
      const fitting = await runtime.upload(ones);
      const rejected = expect.objectContaining({ code: "SHAPE_MISMATCH" }) as Error;
      await expect(sum.run({ feeds, into: { sum: short } })).rejects.toThrow(rejected);
      await expect(sum.run({ feeds, into: { sum: whole } })).rejects.toThrow(rejected);
      await expect(sum.run({ feeds, into: { sum: fitting, difference: fitting } })).rejects.toThrow(rejected);
      await expect(sum.run({ feeds, into: { sum: fitting }, keep: ["sum"] })).rejects.toThrow(rejected);
      for (const rows of [[0], [0, 2], [0, -1], [0, 0.5]]) {
        await expect(runtime.permuteRows(short, rows)).rejects.toThrow(rejected);
      }
      await runtime.release([short, whole, fitting]);
    });

    test("rejects released tensors and tensors of another runtime", async () => {
      const tensor = await runtime.upload(ones);
      await runtime.release([tensor]);
      const other = await create();
      const external = await other.upload(ones);
      const message = "has been released, or belongs to another runtime";
      await expect(runtime.download(tensor)).rejects.toThrow(message);
      await expect(runtime.release([tensor])).rejects.toThrow(message);
      await expect(sum.run({ feeds: { x: tensor, y: ones }, fetch: ["sum"] })).rejects.toThrow(message);
      await expect(sum.run({ feeds: { x: external, y: ones }, fetch: ["sum"] })).rejects.toThrow(message);
      await other.close();
    });

    test("reports the device it runs on and the devices it fell back from", () => {
      const { provider, threads, description, simulated, fallbacks } = runtime.device;
      expect([provider, description].every((text) => text !== "")).toBe(true);
      expect(threads).toBeGreaterThan(0);
      expect(typeof simulated).toBe("boolean");
      for (const { device, reason } of fallbacks) expect([device, reason]).not.toContain("");
    });

    test("rejects bytes that are not a graph, and a missing file", async () => {
      await expect(runtime.load({ kind: "bytes", bytes: new Uint8Array(9) })).rejects.toMatchObject({
        code: "DATA_INVALID",
      });
      const missing = runtime.load({ kind: "file", path: join(tmpdir(), "slm-none", "none.onnx") });
      await expect(missing).rejects.toMatchObject({ code: "INPUT_MISSING" });
    });

    test.skipIf(!reportsNoMemory)("rejects a request for its memory use", async () => {
      await expect(runtime.peakMemoryBytes()).rejects.toMatchObject({ code: "DEVICE_UNAVAILABLE" });
    });

    test.skipIf(reportsNoMemory)("reports the peak memory of the process that computes", async () => {
      const peak = await runtime.peakMemoryBytes();
      expect(peak).toBeGreaterThanOrEqual(hasOwnProcess ? LEAST_MEMORY : process.memoryUsage.rss() / 2);
      expect(peak).toBeLessThan(2 ** 40);
    });

    test("completes the calls made before close, and rejects later ones", async () => {
      const closing = await create();
      const tensor = await closing.upload(ones);
      const pending = closing.download(tensor);
      await Promise.all([closing.close(), closing.close()]);
      expect(values(await pending)).toEqual([1, 1, 1]);
      await expect(closing.upload(ones)).rejects.toThrow("the runtime has been closed");
    });
  });
}
