import { withCode } from "@slm/core/testing";
import { GRAPH_IO } from "@slm/exported-model";
import { GraphBuilder, int } from "@slm/onnx";
import { describe, expect, test } from "vitest";
import { perRowDecoder } from "./per-row-decoder.js";

/** The part of an exported decoder that reads positions. */
function positionsGraph(reader?: string) {
  const builder = new GraphBuilder("decoder");
  const x = builder.input("x", "float32", ["batch", 1, 32]);
  const past = builder.input(GRAPH_IO.pastLength, "int32", [1]);
  const cache = (name: string): string => builder.input(name, "float32", ["batch", 1, "capacity", 32]);
  const [key, value] = [cache("key"), cache("value")];
  const total = builder.op("Add", [past, builder.constant("int32", [], [1])]);
  const last = builder.op("Sub", [total, builder.constant("int32", [], [1])]);
  const each = builder.op("Expand", [last, builder.ints([1])]);
  const offset = builder.op("Cast", [past], { attributes: { to: int(7) } });
  const table = builder.initializer("table", "float32", [4, 16], new Float32Array(64));
  const domain = "com.microsoft";
  const turned = builder.op("RotaryEmbedding", [x, offset, table, table], {
    domain,
    attributes: { num_heads: int(1) },
  });
  const node = builder.node("GroupQueryAttention", [turned, x, x, key, value, each, total], {
    domain,
    attributes: { num_heads: int(1), kv_num_heads: int(1) },
    outputs: 3,
  });
  builder.output("y", node[0]!, "float32", ["batch", 1, 32]);
  if (reader !== undefined) builder.output("z", builder.op(reader, [offset]), "int64", [1]);
  return builder.build();
}

describe(perRowDecoder, () => {
  test("rejects a graph in which something else reads the position, by name", () => {
    expect(() => perRowDecoder(positionsGraph("Neg"))).toThrow(withCode("OP_UNSUPPORTED"));
  });
});
