import { withCode } from "@slm/core/testing";
import { SlmError } from "@slm/core";
import { describe, expect, test } from "vitest";
import { int, subgraph } from "./graph/attributes.js";
import { GraphBuilder } from "./builder.js";

function started(): { g: GraphBuilder; x: string } {
  const g = new GraphBuilder("test");
  return { g, x: g.input("x", "float32", ["batch", 4]) };
}

describe(GraphBuilder, () => {
  test("names nodes and values by their path, each name once", () => {
    const { g, x } = started();
    const values = g.scope("encoder", () =>
      g.scope("layers.0", () => [g.op("Neg", [x]), g.op("Neg", [x]), g.op("Neg", [x], { name: "flip" })]),
    );
    expect(values).toEqual(["/encoder/layers.0/Neg", "/encoder/layers.0/Neg_1", "/encoder/layers.0/flip"]);
    expect(g.op("Neg", [x])).toBe("/Neg");
    expect(g.node("Split", [x], { outputs: 2, attributes: { num_outputs: int(2) } })).toEqual([
      "/Split.0",
      "/Split.1",
    ]);
  });

  test("a scope ends where its body throws", () => {
    const { g, x } = started();
    expect(() =>
      g.scope("a", () => {
        throw new Error("stop");
      }),
    ).toThrow("stop");
    expect(g.op("Neg", [x])).toBe("/Neg");
  });

  test("stores equal constants once, and tells dtypes, shapes and values apart", () => {
    const { g } = started();
    const one = g.constant("float32", [2], [1, 2]);
    expect(g.constant("float32", [2], Float32Array.of(1, 2))).toBe(one);
    const others = [
      g.constant("float32", [1, 2], [1, 2]),
      g.constant("float32", [2], [1, 3]),
      g.constant("int32", [2], Float32Array.of(1, 2)),
      g.ints([1, 2]),
    ];
    expect(new Set([one, ...others]).size).toBe(5);
  });

  test("a constant is what it was when made, whatever becomes of the array", () => {
    const { g } = started();
    const values = Float32Array.of(1);
    const name = g.constant("float32", [1], values);
    values[0] = 2;
    expect(g.build().initializers.get(name)?.data).toEqual(new Uint8Array(Float32Array.of(1).buffer));
  });

  test("declares the opset of a known domain when it is used, and rejects an unknown one", () => {
    const { g, x } = started();
    g.output("y", g.op("Gelu", [x], { domain: "com.microsoft" }), "float32", ["batch", 4]);
    expect(g.build().opsets).toEqual({ "": 21, "com.microsoft": 1 });
    expect(() => g.op("Gelu", [x], { domain: "com.mircosoft" })).toThrow(withCode("DATA_INVALID"));
  });

  test("keeps what a branch computes to itself, under names of its own", () => {
    const { g, x } = started();
    let inner = "";
    const [first, second] = ["step", "run"].map((name) =>
      g.branch(name, () => (inner = g.op("Neg", [g.op("Abs", [x])]))),
    );
    const condition = g.constant("bool", [], [1]);
    const branches = { then_branch: subgraph(first!), else_branch: subgraph(second!) };
    g.output("y", g.op("If", [condition], { attributes: branches }), "float32", ["n"]);
    expect(g.build().nodes.map(({ opType }) => opType)).toEqual(["If", "Identity"]);
    expect([first, second].map((body) => body!.nodes.map(({ name }) => name))).toEqual([
      ["/step/Abs", "/step/Neg"],
      ["/run/Abs", "/run/Neg"],
    ]);
    expect(() => g.op("Neg", [inner])).toThrow(withCode("DATA_INVALID"));
  });

  test.each<[string, (g: GraphBuilder, x: string) => unknown]>([
    ["a second value of one name", (g) => g.input("x", "float32", [])],
    ["a weight of other bytes than its shape", (g) => g.initializer("w", "float32", [2], Float32Array.of(1))],
    ["a node that reads an undefined value", (g) => g.op("Neg", ["nothing"])],
    ["an output name that is taken", (g, x) => g.node("Neg", [x], { outputs: ["x"] })],
    ["a constant that does not fill its shape", (g) => g.constant("float32", [3], [1, 2])],
  ])("rejects %s", (_, write) => {
    const { g, x } = started();
    expect(() => write(g, x)).toThrow(SlmError);
  });
});
