/** Contract test of the greedy loop on a runtime: its results equal those of a loop over single runs, however far ahead it computes. */
import { GraphBuilder, encodeModel, int } from "@slm/onnx";
import {
  createHostTensor,
  repeatRuns,
  type DeviceTensor,
  type RepeatedRun,
  type Runtime,
  type Session,
} from "@slm/runtime";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { greedyRuns, type GreedyRunsRequest } from "../greedy-runs.js";

const ROWS = 3;
const INT32 = 6;
const FLOAT = 1;
/** Ids are below this. */
const IDS = 13;

/**
 *   total [rows] = the sum of a row's cache and ids
 *   picks [rows] = (5 * total + position + row) mod 13
 *   fresh [rows, length, 1] = ids
 */
function pickingGraph(): Uint8Array {
  const graph = new GraphBuilder("picking");
  const ids = graph.input("ids", "int32", ["rows", "length"]);
  const position = graph.input("position", "int32", [1]);
  const cache = graph.input("cache", "float32", ["rows", 1, "capacity", 1]);
  const keepdims = int(0);
  const fresh = graph.op("Cast", [ids], { attributes: { to: int(FLOAT) } });
  const fed = graph.op("ReduceSum", [fresh, graph.ints([1])], { attributes: { keepdims } });
  const held = graph.op("ReduceSum", [cache, graph.ints([1, 2, 3])], { attributes: { keepdims } });
  const total = graph.op("Add", [fed, held]);
  const whole = graph.op("Cast", [total], { attributes: { to: int(INT32) } });
  const scaled = graph.op("Mul", [whole, graph.constant("int32", [], [5])]);
  const rows = graph.constant("int32", [ROWS], [0, 1, 2]);
  const mixed = graph.op("Add", [graph.op("Add", [scaled, position]), rows]);
  graph.output("picks", graph.op("Mod", [mixed, graph.constant("int32", [], [IDS])]), "int32", ["rows"]);
  graph.output("total", total, "float32", ["rows"]);
  graph.output("fresh", graph.op("Unsqueeze", [fresh, graph.ints([2])]), "float32", ["rows", "length", 1]);
  return encodeModel(graph.build());
}

async function read(runs: AsyncIterable<RepeatedRun>): Promise<Pick<RepeatedRun, "fetched">[]> {
  const results: Pick<RepeatedRun, "fetched">[] = [];
  for await (const { fetched } of runs) results.push({ fetched });
  return results;
}

/** The same session, with loops that run in this thread. */
const inThread = (session: Session): Pick<Session, "repeat"> => ({
  repeat: (request) => repeatRuns(session, request),
});

/** Tests one implementation. @param create opens a runtime, which the tests close */
export function describeGreedyLoop(name: string, create: () => Promise<Runtime>): void {
  describe(`the greedy loop of ${name}`, () => {
    let runtime: Runtime;
    let session: Session;
    let cache: DeviceTensor;
    const getRuntime = (): Runtime => runtime;

    const newCache = (capacity: number): Promise<DeviceTensor> =>
      getRuntime().upload(createHostTensor("float32", [ROWS, 1, capacity, 1]));

    beforeAll(async () => {
      runtime = await create();
      session = await getRuntime().load({ kind: "bytes", bytes: pickingGraph() });
      cache = await newCache(64);
    });

    afterAll(async () => {
      await getRuntime().release([cache]);
      await session.release();
      await runtime.close();
    });

    const request = (held: DeviceTensor, options: Partial<GreedyRunsRequest> = {}): GreedyRunsRequest => ({
      feeds: {
        ids: createHostTensor("int32", [ROWS, 2], Int32Array.of(1, 2, 3, 4, 5, 6)),
        position: createHostTensor("int32", [1], Int32Array.of(3)),
        cache: held,
      },
      append: { at: [3], outputs: { fresh: held } },
      ids: "ids",
      position: "position",
      picks: "picks",
      fetch: ["total"],
      pad: 0,
      runs: 20,
      ...options,
    });

    test.each([{}, { end: 7, pad: 11 }, { end: 7, pad: 11, runs: 200 }, { end: 4, runs: 1 }])(
      "give the same results as a loop over runs: %j",
      async (options) => {
        const held = await newCache(256);
        const expected = await read(greedyRuns(inThread(session), request(held, options)));
        const expectedCache = await getRuntime().download(held);
        const other = await newCache(256);
        const before = performance.now();
        const times: number[] = [];
        const found: Pick<RepeatedRun, "fetched">[] = [];
        for await (const { fetched, at } of greedyRuns(session, request(other, options))) {
          found.push({ fetched });
          times.push(at);
        }
        expect(found).toEqual(expected);
        expect(options.end === undefined ? found.length : 20).toBe(20);
        expect(await getRuntime().download(other)).toEqual(expectedCache);
        // Clocks of two threads are less than a tenth of a millisecond apart.
        expect([before - 0.1, ...times]).toEqual([...times, before - 0.1].sort((x, y) => x - y));
        expect(times.at(-1)).toBeLessThan(performance.now() + 0.1);
        await getRuntime().release([held, other]);
      },
    );

    test("end once every row has ended", async () => {
      const found = await read(greedyRuns(session, request(cache, { end: 7, runs: 60 })));
      const picked = found.map(({ fetched }) => [...fetched["picks"]!.data].map(Number));
      const ends = Array.from({ length: ROWS }, (_, row) => picked.findIndex((picks) => picks[row] === 7));
      expect(ends.every((at) => at >= 0)).toBe(true);
      expect(found.length).toBe(Math.max(...ends) + 1);
    });

    test("end early when the signal fires or the reader stops iterating", async () => {
      const runs = 4000;
      const held = await newCache(runs + 8);
      const stopping = new AbortController();
      const results: RepeatedRun[] = [];
      for await (const run of greedyRuns(session, request(held, { runs, signal: stopping.signal }))) {
        results.push(run);
        stopping.abort();
      }
      expect(results.length).toBeGreaterThan(0);
      expect(results.length).toBeLessThan(runs);
      expect(await read(greedyRuns(session, request(held, { runs, signal: stopping.signal })))).toEqual([]);
      for await (const run of greedyRuns(session, request(held, { runs }))) {
        results.push(run);
        break;
      }
      // Nothing is written any more: the reader may use the cache again.
      const left = await getRuntime().download(held);
      await read(greedyRuns(session, request(cache, { runs: 3 })));
      expect(await getRuntime().download(held)).toEqual(left);
      await getRuntime().release([held]);
    });

    test("let other calls run in between", async () => {
      const held = await newCache(2008);
      let isOver = false;
      const repeated = read(greedyRuns(session, request(held, { runs: 2000 }))).finally(() => {
        isOver = true;
      });
      await getRuntime().download(cache);
      expect(isOver).toBe(false);
      await repeated;
      await getRuntime().release([held]);
    });

    test("throw an error after the earlier results, and leave the runtime usable", async () => {
      const held = await newCache(8);
      const results: RepeatedRun[] = [];
      const failing = async (): Promise<void> => {
        for await (const run of greedyRuns(session, request(held))) results.push(run);
      };
      const rejected = { name: "SlmError", code: "SHAPE_MISMATCH" };
      await expect(failing()).rejects.toMatchObject(rejected);
      // Positions 3 and 4, then 5, 6 and 7.
      expect(results).toHaveLength(4);
      const feeds = { ...request(cache).feeds, position: cache };
      for (const wrong of [{ picks: "total" }, { picks: "none" }, { feeds }, { ids: "cache" }])
        await expect(read(greedyRuns(session, request(cache, wrong)))).rejects.toMatchObject(rejected);
      expect(await read(greedyRuns(session, request(cache, { runs: 2 })))).toHaveLength(2);
      await getRuntime().release([held]);
    });
  });
}
