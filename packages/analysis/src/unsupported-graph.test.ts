import { DEVICES } from "@slm/devices";
import { GraphBuilder, decodeOutline, encodeModel, float, int, subgraph, type Graph } from "@slm/onnx";
import { describe, expect, test } from "vitest";
import { rejectUnsupported, type GraphPlace } from "./unsupported-graph.js";

const place = (hasFloat16 = false): GraphPlace => ({
  name: "decoder.onnx",
  target: "gpu",
  profile: "webgpu",
  adapter: "gpu:webgpu on SwiftShader (software adapter)",
  hasFloat16: () => Promise.resolve(hasFloat16),
});

const check = (graph: Graph, hasFloat16?: boolean): Promise<void> =>
  rejectUnsupported(decodeOutline(encodeModel(graph)), DEVICES.gpu.webgpu, place(hasFloat16));

type Attributes = Readonly<Record<string, ReturnType<typeof int>>>;

/** Attention over four positions of one head. */
function attention(attributes: Attributes, wrap: "plain" | "in a branch" = "plain"): Graph {
  const builder = new GraphBuilder("attention");
  const rows = ["q", "k", "v"].map((name) => builder.input(name, "float32", [1, 4, 8]));
  const last = builder.input("last", "int32", [1]);
  const total = builder.constant("int32", [1], [4]);
  const attend = (): string =>
    builder.op("GroupQueryAttention", [...rows, "", "", last, total], {
      domain: "com.microsoft",
      attributes: { num_heads: int(1), kv_num_heads: int(1), ...attributes },
    });
  if (wrap === "plain") builder.output("y", attend(), "float32", [1, 4, 8]);
  else {
    const branch = {
      then_branch: subgraph(builder.branch("a", attend)),
      else_branch: subgraph(builder.branch("b", attend)),
    };
    const condition = builder.input("c", "bool", [1]);
    builder.output("y", builder.op("If", [condition], { attributes: branch }), "float32", [1, 4, 8]);
  }
  return builder.build();
}

function unary(dtype: "float16" | "bfloat16" | "float32", opType = "Neg"): Graph {
  const builder = new GraphBuilder("unary");
  builder.output("y", builder.op(opType, [builder.input("x", dtype, [1])]), dtype, [1]);
  return builder.build();
}

const exported = ["slm export CHECKPOINT --target gpu --profile webgpu"];

describe(rejectUnsupported, () => {
  test.each([
    ["causal", { causal: int(0) }, /GroupQueryAttention with causal=0 .*not implemented/],
    ["softcap", { softcap: float(2) }, /GroupQueryAttention with softcap=2 .*ignores the cap/],
  ])(
    "rejects a node whose %s the provider does not compute, with the command that exports rightly",
    async (_, attributes, message) => {
      for (const wrap of ["plain", "in a branch"] as const)
        await expect(check(attention(attributes, wrap))).rejects.toMatchObject({
          code: "OP_UNSUPPORTED",
          message: expect.stringMatching(message) as string,
          suggestions: exported,
        });
    },
  );

  test("takes the same node with values that the provider computes", async () => {
    await check(attention({}));
    await check(attention({ causal: int(1), softcap: float(0), local_window_size: int(2) }, "in a branch"));
  });

  test("rejects an element type that no adapter has, for the reason that the table gives", async () => {
    await expect(check(unary("bfloat16"), true)).rejects.toMatchObject({
      code: "OP_UNSUPPORTED",
      message: expect.stringContaining("WebGPU has no bfloat16") as string,
      suggestions: exported,
    });
  });

  test("takes float16 where the adapter has it, and elsewhere names the adapter", async () => {
    await check(unary("float16"), true);
    await check(unary("float32"), false);
    await check(unary("float16", "Identity"), false);
    await expect(check(unary("float16"), false)).rejects.toMatchObject({
      code: "DEVICE_UNAVAILABLE",
      message: expect.stringContaining("gpu:webgpu on SwiftShader (software adapter)") as string,
      suggestions: [`${exported[0]} --precision float32`, "--device cpu"],
    });
  });
});
