/** Compares shape inference with onnx's own (fixtures/onnx-shapes.json, written by packages/analysis/fixtures/external-models.py). */
import { readFile } from "node:fs/promises";
import {
  decodeOutline,
  float,
  GraphBuilder,
  int,
  ints,
  ONNX_DTYPES,
  subgraph,
  text,
  type Graph,
  type ModelOutline,
} from "@slm/onnx";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { broadcast, productOf, type Shape } from "./facts.js";
import { inferShapes } from "./infer.js";

const fixtures = new URL("../../fixtures/", import.meta.url);

type Expected = Readonly<Record<string, Readonly<Record<string, readonly [number, Shape]>>>>;

const expected = JSON.parse(await readFile(new URL("onnx-shapes.json", fixtures), "utf8")) as Expected;

async function outlineOf(name: string): Promise<ModelOutline> {
  const bytes = await readFile(new URL(`${name}.onnx`, fixtures));
  return decodeOutline(new Uint8Array(bytes));
}

const asOutline = (graph: Graph): ModelOutline => ({ ...graph, producer: "", omitted: [] });

describe("shape inference of models by other exporters", () => {
  test.each(Object.keys(expected))(
    "%s: knows at least what onnx knows, without the file's notes",
    async (name) => {
      const outline = await outlineOf(name);
      const bare = {
        ...outline,
        values: new Map(),
        outputs: outline.outputs.map((output) => ({ name: output.name })),
      };
      const { facts, problems } = inferShapes(bare);
      expect(problems).toEqual([]);
      for (const [value, [code, shape]] of Object.entries(expected[name]!)) {
        const mine = facts.of(value);
        expect([value, ONNX_DTYPES[mine.dtype!].code, mine.shape?.length]).toEqual([
          value,
          code,
          shape.length,
        ]);
        shape.forEach((size, axis) => {
          if (typeof size === "number")
            expect([value, axis, mine.shape?.[axis]]).toEqual([value, axis, size]);
        });
      }
    },
  );

  test("every size of a model with fixed inputs is a number", async () => {
    for (const name of ["bert-block-static", "conv-net-qdq", "by-hand"]) {
      const { facts } = inferShapes(await outlineOf(name));
      for (const [, { shape }] of facts.entries())
        expect(shape?.every((size) => typeof size === "number")).toBe(true);
    }
  });
});

type Build = (g: GraphBuilder) => readonly string[];

function shapesOf(build: Build, opset = 21): readonly (Shape | undefined)[] {
  const g = new GraphBuilder("case", { opset, irVersion: 11 });
  const values = build(g);
  values.forEach((value, index) => {
    g.output(`out${index}`, value, "float32", []);
  });
  const { facts } = inferShapes({ ...asOutline(g.build()), outputs: [] });
  return values.map((value) => facts.of(value).shape);
}

const contrib = { domain: "com.microsoft" };

describe("shape inference of single operators", () => {
  test.each<[string, Build, readonly (Shape | undefined)[], number?]>([
    [
      "GroupQueryAttention of a packed projection",
      (g) => {
        const qkv = g.input("qkv", "float32", ["batch", 3, 64]);
        const lengths = [g.input("a", "int32", ["batch"]), g.input("b", "int32", [1])];
        const attributes = { num_heads: int(4), kv_num_heads: int(2) };
        return g.node("GroupQueryAttention", [qkv, "", "", "", "", ...lengths], {
          ...contrib,
          attributes,
          outputs: 3,
        });
      },
      [
        ["batch", 3, 32],
        ["batch", 2, 3, 8],
        ["batch", 2, 3, 8],
      ],
    ],
    [
      "Attention of opset 23 with a past",
      (g) => {
        const of = (name: string, shape: Shape): string => g.input(name, "float32", shape);
        const past = [of("pk", [1, 2, 5, 8]), of("pv", [1, 2, 5, 8])];
        const inputs = [of("q", [1, 3, 32]), of("k", [1, 3, 16]), of("v", [1, 3, 16]), "", ...past];
        const attributes = { q_num_heads: int(4), kv_num_heads: int(2) };
        return g.node("Attention", inputs, { attributes, outputs: 3 });
      },
      [
        [1, 3, 32],
        [1, 2, 8, 8],
        [1, 2, 8, 8],
      ],
      23,
    ],
    [
      "MultiHeadAttention over a cache of four axes",
      (g) => {
        const of = (name: string, shape: Shape): string => g.input(name, "float32", shape);
        const inputs = [of("q", [1, 3, 32]), of("k", [1, 4, 9, 8]), of("v", [1, 4, 9, 8])];
        return [g.op("MultiHeadAttention", inputs, { ...contrib, attributes: { num_heads: int(4) } })];
      },
      [[1, 3, 32]],
    ],
    [
      "MatMulNBits and GatherBlockQuantized",
      (g) => {
        const x = g.input("x", "float32", ["n", 64]);
        const blocks = g.initializer("b", "uint8", [10, 2, 16], new Uint8Array(320));
        const table = g.initializer("t", "uint8", [10, 32], new Uint8Array(320));
        const scales = g.initializer("s", "float32", [10, 2], new Float32Array(20));
        const ids = g.input("ids", "int64", ["m", 2]);
        const row = { bits: int(4), block_size: int(32) };
        return [
          g.op("MatMulNBits", [x, blocks, scales], {
            ...contrib,
            attributes: { K: int(64), N: int(10), ...row },
          }),
          g.op("GatherBlockQuantized", [table, ids, scales], {
            ...contrib,
            attributes: { ...row, gather_axis: int(0) },
          }),
        ];
      },
      [
        ["n", 10],
        ["m", 2, 64],
      ],
    ],
    [
      "FusedMatMul with a transposed operand",
      (g) => {
        const [a, b] = [g.input("a", "float32", ["n", 2, 3, 4]), g.input("b", "float32", [2, 5, 4])];
        return [g.op("FusedMatMul", [a, b], { ...contrib, attributes: { transB: int(1), alpha: float(2) } })];
      },
      [["n", 2, 3, 5]],
    ],
    [
      "skipping normalization, whose fourth output is the sum",
      (g) => {
        const x = g.input("x", "float32", ["n", 4]);
        const w = g.initializer("w", "float32", [4], new Float32Array(4));
        const [y, , , sum] = g.node("SkipSimplifiedLayerNormalization", [x, x, w], {
          ...contrib,
          outputs: 4,
        });
        return [y!, sum!];
      },
      [
        ["n", 4],
        ["n", 4],
      ],
    ],
    [
      "a split in equal parts that does not divide",
      (g) =>
        g.node("Split", [g.input("x", "float32", [7])], {
          attributes: { axis: int(0), num_outputs: int(3) },
          outputs: 3,
        }),
      [[3], [3], [1]],
    ],
    [
      "a strided, dilated, grouped convolution",
      (g) => {
        const w = g.initializer("w", "float32", [6, 2, 3, 3], new Float32Array(108));
        const attributes = {
          strides: ints([2, 1]),
          dilations: ints([1, 2]),
          pads: ints([1, 0, 1, 0]),
          group: int(2),
        };
        return [g.op("Conv", [g.input("x", "float32", ["n", 4, 9, 9]), w], { attributes })];
      },
      [["n", 6, 5, 5]],
    ],
    [
      "same padding",
      (g) => {
        const attributes = { kernel_shape: ints([3]), strides: ints([2]), auto_pad: text("SAME_UPPER") };
        return [g.op("MaxPool", [g.input("x", "float32", [1, 2, 7])], { attributes })];
      },
      [[1, 2, 4]],
    ],
    [
      "a scan-like loop that turns a fixed number of times",
      (g) => {
        const x = g.input("x", "float32", [2]);
        const body = {
          name: "b",
          nodes: [
            { name: "n", opType: "Neg", domain: "", inputs: ["v"], outputs: ["w"], attributes: {} },
            { name: "i", opType: "Identity", domain: "", inputs: ["c"], outputs: ["d"], attributes: {} },
          ],
          initializers: new Map(),
          inputs: [{ name: "i0" }, { name: "c" }, { name: "v" }],
          outputs: [{ name: "d" }, { name: "w" }, { name: "v" }],
        };
        const count = g.constant("int64", [], [5]);
        return g.node("Loop", [count, "", x], { attributes: { body: subgraph(body) }, outputs: 2 });
      },
      [[2], [5, 2]],
    ],
  ])("%s", (_, build, shapes, opset) => {
    expect(shapesOf(build, opset)).toEqual(shapes);
  });

  test("never throws or infers an impossible size, for any inputs of the operator", async () => {
    const { inferredOperators } = await import("./table.js");
    const operator = fc.constantFrom(...inferredOperators());
    const size = fc.oneof(fc.integer({ min: 0, max: 5 }), fc.constantFrom("n", "m", ""));
    const numbers = fc.array(fc.integer({ min: -9, max: 9 }), { maxLength: 6 });
    const input = fc.oneof(
      fc.array(size, { maxLength: 6 }).map((shape) => ({ kind: "value" as const, shape })),
      numbers.map((list) => ({ kind: "numbers" as const, list })),
      fc.constant({ kind: "missing" as const }),
    );
    const attribute = fc.oneof(
      fc.integer({ min: -9, max: 9 }).map(int),
      numbers.map(ints),
      fc.constantFrom("SAME_UPPER", "ij,jk->ik", "").map(text),
    );
    const names = fc.constantFrom(
      "axis",
      "axes",
      "perm",
      "kernel_shape",
      "strides",
      "pads",
      "group",
      "block_size",
      "keepdims",
      "equation",
      "num_heads",
      "kv_num_heads",
      "split",
      "blocksize",
      "output_shape",
      "transB",
      "to",
      "hidden_size",
      "bits",
      "gather_axis",
    );
    fc.assert(
      fc.property(
        operator,
        fc.array(input, { maxLength: 5 }),
        fc.dictionary(names, attribute, { maxKeys: 4 }),
        (name, inputs, attributes) => {
          const g = new GraphBuilder("any", { opset: 23, irVersion: 11 });
          const values = inputs.map((item, index) => {
            if (item.kind === "missing") return "";
            if (item.kind === "numbers") return g.ints(item.list);
            return g.input(`x${index}`, "float32", item.shape);
          });
          const [opType = "", domain = ""] = name.split(":").reverse();
          const outputs = g.node(opType, values, { domain, attributes, outputs: 3 });
          g.output("y", outputs[0]!, "float32", []);
          const { facts } = inferShapes(asOutline(g.build()));
          for (const output of outputs)
            for (const dimension of facts.of(output).shape ?? [])
              if (typeof dimension === "number")
                expect(dimension >= 0 && Number.isSafeInteger(dimension)).toBe(true);
        },
      ),
      { numRuns: 1500 },
    );
  });
});

describe(broadcast, () => {
  test("knows that a size of 1 is the other's, and that symbols may be 1", () => {
    expect(broadcast(["n", 1], [4])).toEqual(["n", 4]);
    expect(broadcast(["n"], ["m"])).toEqual([""]);
    expect(broadcast(["n"], [4])).toEqual([4]);
    expect(broadcast([3], [4])).toEqual({ clash: -1 });
    expect(broadcast(undefined, [4])).toBeUndefined();
  });
});

test("products keep a symbol only if all other sizes are 1", () => {
  expect([productOf(["n", 1]), productOf(["n", 2]), productOf([]), productOf(["n", 0])]).toEqual([
    "n",
    "",
    1,
    0,
  ]);
});
