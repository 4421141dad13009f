import { GraphBuilder, encodeModel } from "@slm/onnx";
import { createHostTensor, type HostTensor, type LoopBody } from "@slm/runtime";
import { beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { loadBinding } from "./ort-binding.js";
import { OrtHost } from "./ort-host.js";
import type { PositionalRepeat } from "@slm/runtime/host";

/** picks = ids + position of the only id in each row. */
function countingGraph(): Uint8Array {
  const graph = new GraphBuilder("counting");
  const ids = graph.input("ids", "int32", ["rows", "length"]);
  const position = graph.input("position", "int32", [1]);
  const last = graph.op("Squeeze", [ids, graph.ints([1])]);
  graph.output("picks", graph.op("Add", [last, position]), "int32", ["rows"]);
  return encodeModel(graph.build());
}

/** Feeds back the result of each run, in the same memory, as many times as the options say. */
const feedBack: LoopBody = async function* (run, { feeds, options }) {
  const { ids, position } = feeds as Record<"ids" | "position", HostTensor>;
  for (let runs = 0; runs < (options as number); runs++) {
    const [picks] = await run({ ids, position }, runs);
    ids.data.set(picks!.data as never);
    position.data[0] = Number(position.data[0]) + 1;
    yield;
  }
  return undefined;
};

describe(OrtHost, () => {
  const host = new OrtHost();

  beforeAll(async () => {
    await host.open({ name: "runtime-node", threads: 1, providers: [{ name: "cpu" }], settings: {} });
    const source = { kind: "bytes", bytes: countingGraph() } as const;
    await host.load({ session: 1, name: "counting", source, optimization: "all", planMemory: true });
  });

  const request = (options: Partial<PositionalRepeat> = {}): PositionalRepeat => ({
    session: 1,
    feeds: [
      createHostTensor("int32", [2, 1], Int32Array.of(5, 6)),
      createHostTensor("int32", [1], Int32Array.of(1)),
    ],
    fetch: [0],
    keep: [],
    keepIds: [],
    into: [],
    intoIds: [],
    append: { at: [], outputs: [], ids: [] },
    body: () => feedBack,
    options: 100,
    stop: new Int32Array(new SharedArrayBuffer(4)),
    ...options,
  });

  test("runs once for each requested result, and not again after it is stopped", async () => {
    const repeat = request();
    const runs = host.repeat(repeat);
    const picks = async (): Promise<number[] | undefined> => {
      const { value } = await runs.next();
      return value && [...value.fetched[0]!.data].map(Number);
    };
    expect(await picks()).toEqual([6, 7]);
    expect(await picks()).toEqual([8, 9]);
    expect(await picks()).toEqual([11, 12]);
    Atomics.store(repeat.stop, 0, 1);
    expect(await picks()).toBeUndefined();
  });

  test("makes no run that is stopped before it begins", async () => {
    const stop = new Int32Array(new SharedArrayBuffer(4)).fill(1);
    expect(await host.repeat(request({ stop })).next()).toEqual({ done: true, value: undefined });
  });

  test("feeds the loop's inputs until it ends, and gives every result its own memory", async () => {
    const runs = host.repeat(request({ options: 4 }));
    const results: number[][] = [];
    const kept = [];
    for (let next = await runs.next(); next.done !== true; next = await runs.next()) {
      kept.push(next.value.fetched[0]!.data);
      results.push([...next.value.fetched[0]!.data].map(Number));
    }
    expect(results).toEqual([
      [6, 7],
      [8, 9],
      [11, 12],
      [15, 16],
    ]);
    expect(kept.map((data) => [...data].map(Number))).toEqual(results);
  });

  test("rejects a session that it does not have when it is to run", async () => {
    await expect(host.repeat(request({ session: 9 })).next()).rejects.toMatchObject({ code: "UNEXPECTED" });
  });

  test.each([
    { settings: {}, extra: { "session.force_spinning_stop": "1" } },
    {
      settings: { "session.force_spinning_stop": "0", "session.intra_op.allow_spinning": "1" },
      extra: { "session.force_spinning_stop": "0", "session.intra_op.allow_spinning": "1" },
    },
  ])(
    "lets a session's threads spin no longer than its run, unless $settings say otherwise",
    async (given) => {
      const binding = await loadBinding();
      const create = vi.spyOn(binding.InferenceSession, "create");
      onTestFinished(() => {
        create.mockRestore();
      });
      const opened = new OrtHost(() => Promise.resolve(binding));
      await opened.open({ name: "cpu", threads: 2, providers: [{ name: "cpu" }], settings: given.settings });
      const source = { kind: "bytes", bytes: countingGraph() } as const;
      await opened.load({ session: 1, name: "counting", source, optimization: "all", planMemory: true });
      expect(create.mock.calls[0]![1]).toMatchObject({ extra: given.extra });
    },
  );

  test.each([
    { sparesThreads: true, work: 1e6, threads: 1 },
    { sparesThreads: true, work: 1e10, threads: 2 },
    { sparesThreads: true, work: undefined, threads: 2 },
    { sparesThreads: false, work: 1e6, threads: 2 },
  ])(
    "computes on $threads threads where runs of $work FLOP may spare threads: $sparesThreads",
    async ({ sparesThreads, work, threads }) => {
      const binding = await loadBinding();
      const create = vi.spyOn(binding.InferenceSession, "create");
      onTestFinished(() => {
        create.mockRestore();
      });
      const opened = new OrtHost(() => Promise.resolve(binding));
      const providers = [{ name: "cpu" }] as const;
      await opened.open({ name: "cpu", threads: 2, sparesThreads, providers, settings: {} });
      const source = { kind: "bytes", bytes: countingGraph() } as const;
      await opened.load({ session: 1, name: "g", source, optimization: "all", planMemory: true, work });
      expect(create.mock.calls[0]![1]).toMatchObject({ intraOpNumThreads: threads });
    },
  );
});
