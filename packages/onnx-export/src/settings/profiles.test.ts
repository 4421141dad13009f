import { readIntegers } from "@slm/onnx";
import { describe, expect, test } from "vitest";
import { decoderGraph } from "../graphs/native-graphs.js";
import { graphSource } from "../graphs/record.js";
import { selectDevice } from "./profiles.js";
import { encoderDecoder, randomCheckpoint } from "../tiny-checkpoint.test-support.js";

const rejected = (code: string, message: string): unknown =>
  expect.objectContaining({ code, message: expect.stringContaining(message) as string });

const checkpoint = randomCheckpoint(encoderDecoder);
const decoderOperators = (
  target: "cpu" | "gpu" | "web",
  profile?: string,
  precision?: "float32" | "float16",
): Set<string> => {
  const { nodes } = decoderGraph(graphSource(checkpoint, selectDevice({ target, profile, precision })));
  return new Set(nodes.map(({ opType }) => opType));
};

describe(selectDevice, () => {
  test.each(["toString", "cuda", ""])(
    "rejects profile '%s' for target npu, naming those there are",
    (profile) => {
      expect(() => selectDevice({ target: "npu", profile })).toThrow(
        rejected("USAGE", "qnn, openvino, coreml, vitisai"),
      );
    },
  );

  test("rejects a precision by the profile's name and the reason", () => {
    expect(() => selectDevice({ target: "npu", profile: "qnn", precision: "bfloat16" })).toThrow(
      rejected("OP_UNSUPPORTED", "htp_bf16_enable"),
    );
    expect(selectDevice({ target: "gpu", profile: "cuda", precision: "bfloat16" }).precision).toBe(
      "bfloat16",
    );
  });
});

describe("the decoder of a dynamic target", () => {
  test("fuses cached attention where the provider has the operator, at the precisions it has it for", () => {
    expect(decoderOperators("gpu", "cuda", "float16")).toContain("GroupQueryAttention");
    expect(decoderOperators("gpu", "cuda", "float32")).not.toContain("GroupQueryAttention");
    expect(decoderOperators("gpu", "webgpu")).toContain("GroupQueryAttention");
    expect(decoderOperators("web")).toContain("GroupQueryAttention");
    expect(decoderOperators("gpu", "coreml")).not.toContain("GroupQueryAttention");
  });

  test("computes runs of many positions as products if the provider's operator is correct only for few", () => {
    for (const [target, profile, isSplit] of [
      ["gpu", "webgpu", true],
      ["web", "webgpu", true],
      ["gpu", "directml", false],
    ] as const) {
      const { nodes, initializers } = decoderGraph(
        graphSource(checkpoint, selectDevice({ target, profile })),
      );
      const branches = nodes.filter(({ opType }) => opType === "If");
      expect(branches).toHaveLength(isSplit ? checkpoint.config.decoderLayers : 0);
      for (const { inputs } of branches) {
        const condition = nodes.find(({ outputs }) => outputs.includes(inputs[0]!))!;
        expect(condition.opType).toBe("LessOrEqual");
        expect(readIntegers(initializers.get(condition.inputs[1]!)!)).toEqual([31]);
      }
    }
  });

  test("writes norms as ONNX defines them, which runtimes fuse", () => {
    for (const target of ["cpu", "gpu", "web"] as const)
      expect(decoderOperators(target)).not.toContain("SimplifiedLayerNormalization");
  });
});
