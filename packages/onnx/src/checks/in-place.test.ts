import { withCode } from "@slm/core/testing";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { GraphBuilder } from "../builder.js";
import type { Graph } from "../graph/graph.js";
import { assertInPlaceSafe, type InPlacePair } from "./in-place.js";

const pairs = [{ input: "w", output: "w.next" }];

/** A weight update `w.next = w - step`, with other readers of `w`. */
function update(write: (g: GraphBuilder, w: string, x: string) => string): Graph {
  const g = new GraphBuilder("update");
  const w = g.input("w", "float32", [4]);
  const x = g.input("x", "float32", [4]);
  g.output("w.next", write(g, w, x), "float32", [4]);
  return g.build();
}

const check = (graph: Graph) => (): void => {
  assertInPlaceSafe(graph, pairs);
};

describe(assertInPlaceSafe, () => {
  test("accepts an output that is the input under views", () => {
    expect(check(update((g, w) => g.op("Reshape", [w, g.ints([4])])))).not.toThrow();
  });

  test("rejects an output of unknown shape: nothing says that it fits the buffer", () => {
    const graph = update((g, w, x) => g.op("Sub", [w, x]));
    const open: Graph = { ...graph, outputs: [{ name: "w.next", dtype: "float32" }] };
    expect(check(open)).toThrow(withCode("UNEXPECTED"));
  });

  test("counts readers of a view as readers", () => {
    const graph = update((g, w, x) => {
      const view = g.op("Unsqueeze", [g.op("Reshape", [w, g.ints([2, 2])]), g.ints([0])]);
      g.output("loss", g.op("Exp", [view], { name: "late" }), "float32", [1, 2, 2]);
      return g.op("Sub", [w, g.op("Mul", [x, g.op("ReduceSum", [view])])]);
    });
    expect(check(graph)).toThrow(withCode("UNEXPECTED"));
  });

  test("counts a subgraph that captures the input as a reader", () => {
    const plain = update((g, w, x) => g.op("Sub", [w, x]));
    const body = {
      name: "body",
      nodes: [{ name: "", opType: "Exp", domain: "", inputs: ["w"], outputs: ["e"], attributes: {} }],
      initializers: new Map(),
      inputs: [],
      outputs: [{ name: "e" }],
    };
    const branch = {
      name: "branch",
      opType: "If",
      domain: "",
      inputs: ["x"],
      outputs: ["z"],
      attributes: { then_branch: { kind: "graph", value: body } },
    } as const;
    expect(check({ ...plain, nodes: [...plain.nodes, branch] })).toThrow(withCode("UNEXPECTED"));
  });

  test("writes begin where the output's views begin", () => {
    // Squeeze(Sub) can be computed directly into the output, so a reader between the two is too late.
    const graph = update((g, w, x) => {
      const moved = g.op("Sub", [w, x]);
      return g.op("Reshape", [moved, g.op("Cast", [g.op("Mul", [w, moved], { name: "between" })])]);
    });
    expect(check(graph)).toThrow(withCode("UNEXPECTED"));
  });

  test("rejects a writer that reads the input out of order", () => {
    expect(check(update((g, w, x) => g.op("MatMul", [w, x])))).toThrow(withCode("UNEXPECTED"));
  });

  test.each<[string, readonly InPlacePair[], RegExp]>([
    ["an unknown input", [{ input: "v", output: "w.next" }], /no input 'v'/],
    ["an unknown output", [{ input: "w", output: "v" }], /no output 'v'/],
    ["an input in two pairs", [...pairs, { input: "w", output: "copy" }], /input 'w' is in two pairs/],
    [
      "an output in two pairs",
      [...pairs, { input: "x", output: "w.next" }],
      /output 'w.next' is in two pairs/,
    ],
    [
      "a pair of different sizes",
      [{ input: "w", output: "double" }],
      /float32\[4\] and 'double' float32\[8\]/,
    ],
  ])("rejects %s", (_, wrong, message) => {
    const graph = update((g, w, x) => {
      g.output("double", g.op("Concat", [x, x]), "float32", [8]);
      const next = g.op("Sub", [w, x]);
      g.output("copy", next, "float32", [4]);
      return next;
    });
    expect(() => {
      assertInPlaceSafe(graph, wrong);
    }).toThrow(message);
  });

  test("agrees with trying every order in which the nodes may run", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(), fc.nat()), { minLength: 1, maxLength: 6 }),
        fc.nat(),
        (reads, last) => {
          const g = new GraphBuilder("random");
          const values = [g.input("w", "float32", [4]), g.input("x", "float32", [4])];
          for (const [a, b] of reads) {
            values.push(g.op("Add", [values[a % values.length]!, values[b % values.length]!]));
          }
          const written = values[2 + (last % reads.length)]!;
          g.output(written, written, "float32", [4]);
          const graph = g.build();
          let safe = true;
          for (const order of ordersOf(graph)) {
            const at = order.findIndex((index) => graph.nodes[index]!.outputs[0] === written);
            if (order.slice(at + 1).some((index) => graph.nodes[index]!.inputs.includes("w"))) safe = false;
          }
          const run = (): void => {
            assertInPlaceSafe(graph, [{ input: "w", output: written }]);
          };
          if (safe) expect(run).not.toThrow();
          else expect(run).toThrow(withCode("UNEXPECTED"));
        },
      ),
    );
  });
});

/** Every topological order of a graph's nodes. */
function* ordersOf(graph: Graph, done: readonly number[] = []): Generator<readonly number[]> {
  if (done.length === graph.nodes.length) yield done;
  const computed = new Set([
    ...graph.inputs.map(({ name }) => name),
    ...done.flatMap((at) => graph.nodes[at]!.outputs),
  ]);
  for (const [index, node] of graph.nodes.entries()) {
    if (!done.includes(index) && node.inputs.every((input) => computed.has(input)))
      yield* ordersOf(graph, [...done, index]);
  }
}
