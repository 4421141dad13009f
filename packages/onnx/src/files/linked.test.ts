import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder } from "@slm/core/testing";
import { describe, expect, test } from "vitest";
import { GraphBuilder } from "../builder.js";
import { readOnnx, writeOnnx } from "./files.js";
import type { Graph } from "../graph/graph.js";
import { encodeLinked, readLinked } from "./linked.js";

const folder = temporaryFolder({ each: true });

/** A weight that an outline reads and one that it does not. */
function weighty(): Graph {
  const g = new GraphBuilder("weighty");
  const x = g.input("x", "float32", ["n", 256]);
  const large = g.initializer("large", "float32", [256, 256], new Float32Array(256 * 256).fill(3));
  const small = g.initializer("small", "float32", [256], new Float32Array(256).fill(5));
  g.output("y", g.op("Add", [g.op("MatMul", [x, large]), small]), "float32", ["n", 256]);
  return g.build();
}

describe(readLinked, () => {
  test("reads only small weights of a graph, and can write its file again next to the weights", async () => {
    const path = join(folder, "model.onnx");
    await writeOnnx(weighty(), path, { externalData: { file: "weights.bin" } });
    const linked = await readLinked(path);
    const { initializers, ...rest } = linked.graph;
    const { initializers: all, ...expected } = weighty();
    expect(rest).toEqual(expected);
    expect([...linked.places.keys()]).toEqual(["large"]);
    expect(initializers.get("small")).toEqual(all.get("small"));
    const { data } = initializers.get("large")!;
    expect([data.length, data.every((byte) => byte === 0)]).toEqual([4 * 256 * 256, true]);

    const nodes = linked.graph.nodes.map((node) => ({ ...node, opType: node.opType.replace("Add", "Sub") }));
    const again = join(folder, "edited.onnx");
    await writeFile(again, encodeLinked({ ...linked.graph, nodes }, linked));
    expect(await readOnnx(again)).toEqual({ ...weighty(), nodes });
  });

  test("has one array for weights of one place", async () => {
    const g = new GraphBuilder("tied");
    const shared = new Float32Array(2 ** 15).fill(1);
    const x = g.input("x", "float32", [2 ** 15]);
    const sum = g.op("Add", [x, g.initializer("a", "float32", [2 ** 15], shared)]);
    g.output("y", g.op("Mul", [sum, g.initializer("b", "float32", [2 ** 15], shared)]), "float32", [2 ** 15]);
    const path = join(folder, "model.onnx");
    await writeOnnx(g.build(), path, { externalData: { file: "weights.bin" } });
    const { graph, places } = await readLinked(path);
    expect(places.get("a")).toEqual(places.get("b"));
    expect(graph.initializers.get("a")!.data).toBe(graph.initializers.get("b")!.data);
  });

  test("rejects weights that end before their place", async () => {
    const path = join(folder, "model.onnx");
    await writeOnnx(weighty(), path, { externalData: { file: "weights.bin" } });
    await writeFile(join(folder, "weights.bin"), new Uint8Array(1000));
    await expect(readLinked(path)).rejects.toMatchObject({ code: "DATA_INVALID" });
  });
});
