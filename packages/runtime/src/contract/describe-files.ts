/** Contract tests of graphs in files: unchanged, with added nodes, edited, and broken. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder } from "@slm/core/testing";
import { GraphBuilder, encodeAddition, encodeLinked, readLinked, standardNode, writeOnnx } from "@slm/onnx";
import { beforeAll, expect, test } from "vitest";
import { createHostTensor, type Runtime, type Session } from "../index.js";

/** Its weight is too large to be read with a graph that leaves its weights in their files. */
const SIZE = 20_000;

/** @param getRuntime called inside tests */
export function describeFiles(getRuntime: () => Runtime): void {
  const folder = temporaryFolder();
  const path = join(folder, "scale.onnx");
  beforeAll(async () => {
    const graph = new GraphBuilder("scale");
    const weight = graph.initializer("w", "float32", [SIZE], new Float32Array(SIZE).fill(2));
    graph.output("y", graph.op("Mul", [graph.input("x", "float32", [SIZE]), weight]), "float32", [SIZE]);
    await writeOnnx(graph.build(), path, { externalData: { file: "scale.data", minBytes: 1 } });
  });

  /** The single value of an output for x = 3. */
  async function valueOf(session: Session, output: string): Promise<number> {
    const x = createHostTensor("float32", [SIZE], new Float32Array(SIZE).fill(3));
    const { fetched } = await session.run({ feeds: { x }, fetch: [output] });
    const distinct = new Set([...fetched[output]!.data].map(Number));
    expect(distinct.size).toBe(1);
    return [...distinct][0]!;
  }

  test("loads a file with external data", async () => {
    expect(await valueOf(await getRuntime().load({ kind: "file", path }), "y")).toBe(6);
  });

  test("loads a file with nodes added to it", async () => {
    const outputs = [{ name: "z", dtype: "float32", shape: [SIZE] }] as const;
    const nodes = [standardNode("Neg", ["y"], "z")];
    const added = encodeAddition({ nodes, initializers: new Map(), outputs });
    const longer = await getRuntime().load({ kind: "file", path, added });
    expect(longer.outputNames).toEqual(["y", "z"]);
    expect(await valueOf(longer, "z")).toBe(-6);
  });

  test("loads an edited graph of a file with the file's weights", async () => {
    const linked = await readLinked(path);
    const nodes = linked.graph.nodes.map((node) => ({
      ...node,
      opType: node.opType.replace("Mul", "Sub"),
    }));
    const edited = encodeLinked({ ...linked.graph, nodes }, linked);
    expect(edited.byteLength).toBeLessThan(SIZE);
    expect(await valueOf(await getRuntime().load({ kind: "file", path, edited }), "y")).toBe(1);
  });

  test("rejects a broken file", async () => {
    const broken = join(folder, "broken.onnx");
    await writeFile(broken, "not a graph");
    const rejected = { code: "DATA_INVALID", message: expect.stringContaining(broken) as string };
    await expect(getRuntime().load({ kind: "file", path: broken })).rejects.toMatchObject(rejected);
  });
}
