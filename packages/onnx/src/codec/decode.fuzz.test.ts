import { withCode } from "@slm/core/testing";
import { SlmError } from "@slm/core";
import fc from "fast-check";
import { expect, test } from "vitest";
import { int, ints, subgraph, tensor, text } from "../graph/attributes.js";
import { GraphBuilder } from "../builder.js";
import { decodeModel, decodeOutline } from "./decode.js";
import { encodeModel } from "./encode.js";
import { MAX_PARTS } from "./parts.js";

function smallModel(): Uint8Array {
  const g = new GraphBuilder("small");
  const x = g.input("x", "float32", ["batch", 4]);
  const w = g.initializer(
    "w",
    "float32",
    [4, 2],
    Float32Array.from({ length: 8 }, (_, index) => index),
  );
  const y = g.scope("layer", () => g.op("Reshape", [g.op("MatMul", [x, w]), g.ints([-1])]));
  const value = tensor({ dtype: "int4", shape: [3], data: Uint8Array.of(0x21, 0x03) });
  const z = g.op("Odd", [y], {
    domain: "com.microsoft",
    attributes: { value, mode: text("a"), axes: ints([0, -1]), k: int(3) },
  });
  const then = { name: "then", nodes: [], initializers: new Map(), inputs: [], outputs: [{ name: y }] };
  g.output("y", g.op("If", [z], { attributes: { then_branch: subgraph(then) } }), "float32", ["n"]);
  return encodeModel(g.build());
}

/**
 * Both outcomes are correct; other errors and hangs are not. A graph that can be decoded must be encodable, and readable as an outline.
 */
function survives(bytes: Uint8Array): "graph" | "rejected" {
  try {
    decodeOutline(bytes);
    const graph = decodeModel(bytes);
    encodeModel(graph);
    return "graph";
  } catch (error) {
    if (error instanceof SlmError) return "rejected";
    throw error;
  }
}

const original = smallModel();

test("a model truncated anywhere is read or rejected", () => {
  const outcomes = Array.from(original, (_, end) => survives(original.subarray(0, end)));
  expect(outcomes.filter((outcome) => outcome === "rejected").length).toBeGreaterThan(original.length * 0.9);
});

test("a model with any one byte changed is read or rejected", () => {
  const outcomes = new Set<string>();
  for (let at = 0; at < original.length; at += 1) {
    for (const change of [1, 0x80, 0xff]) {
      const bytes = Uint8Array.from(original);
      bytes[at]! ^= change;
      outcomes.add(survives(bytes));
    }
  }
  expect(outcomes).toEqual(new Set(["graph", "rejected"]));
});

test("a model with pieces changed, lost, doubled or moved is read or rejected", () => {
  const place = fc.nat(original.length);
  const edit = fc.record({
    from: place,
    length: fc.nat(40),
    to: place,
    fill: fc.uint8Array({ maxLength: 12 }),
  });
  fc.assert(
    fc.property(fc.array(edit, { minLength: 1, maxLength: 4 }), (edits) => {
      let bytes = original;
      for (const { from, length, to, fill } of edits) {
        const piece = bytes.slice(from, from + length);
        bytes = Uint8Array.from([
          ...bytes.subarray(0, to),
          ...piece,
          ...fill,
          ...bytes.subarray(to + length),
        ]);
      }
      survives(bytes);
    }),
    { numRuns: 3000 },
  );
});

test("bytes that are not a model are rejected", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      expect(survives(bytes)).toBe("rejected");
    }),
    { numRuns: 1000 },
  );
});

test("a file of nothing but empty messages is rejected before it fills the memory", () => {
  // Field 1 (node) of field 7 (graph), empty, many times: two bytes each.
  const nodes = new Uint8Array(2 * MAX_PARTS + 2);
  for (let at = 0; at < nodes.length; at += 2) nodes[at] = 0x0a;
  const length = [0, 7, 14, 21].map((shift) => ((nodes.length >> shift) & 0x7f) | (shift < 21 ? 0x80 : 0));
  const bytes = new Uint8Array(nodes.length + 5);
  bytes.set([0x3a, ...length]);
  bytes.set(nodes, 5);
  expect(() => decodeModel(bytes)).toThrow(withCode("DATA_INVALID"));
});

test("subgraphs nested without end are rejected", () => {
  const wrap = (tag: number, inner: readonly number[]): number[] => {
    const size = inner.length;
    return [tag, (size & 0x7f) | 0x80, ((size >> 7) & 0x7f) | 0x80, size >> 14, ...inner];
  };
  let graph: number[] = [];
  // graph.node[1].attribute[5].g[6]
  for (let depth = 0; depth < 500; depth += 1) graph = wrap(0x0a, wrap(0x2a, wrap(0x32, graph)));
  expect(() => decodeModel(Uint8Array.from(wrap(0x3a, graph)))).toThrow(withCode("DATA_INVALID"));
});
