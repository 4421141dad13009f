import type { Target } from "@slm/devices";
import { createHostTensor } from "@slm/runtime";
import {
  crossAttention,
  embedding,
  linear,
  Recorder,
  registerRecordingBackend,
  selfAttention,
  withLowering,
  withRecorder,
  type HeadLayout,
  type Tensor,
} from "@slm/tensor";
import { describe, expect, test } from "vitest";
import { selectDevice } from "../settings/profiles.js";
import { GraphWeights } from "../weights/graph-weights.js";
import { WeightStore } from "../weights/weight-store.js";
import { GraphSequence } from "./context.js";
import { loweringTable } from "./lowering-variants.js";

const weight = createHostTensor("float32", [2, 3], Float32Array.of(1, 2, 3, 4, 5, 6));
const layout: HeadLayout = { heads: 2, kvHeads: 1, headDim: 16, headOrder: "grouped" };
const attention = { ...layout, causal: false, ropeTheta: 10_000 };

/** Records `body`, which receives a function that creates float32 inputs, with the lowerings of a target. */
function record(
  body: (input: (name: string, shape: number[]) => Tensor, recorder: Recorder) => void,
  target: Target = "cpu",
): Recorder {
  registerRecordingBackend();
  const recorder = new Recorder("test", { forwardOnly: true });
  const input = (name: string, shape: number[]): Tensor =>
    recorder.tensor(recorder.builder.input(name, "float32", shape), shape);
  withRecorder(recorder, () => {
    const store = new WeightStore(new Map([["w", weight]]), { precision: "float32", deferred: false });
    const device = selectDevice({ target });
    const context = {
      device,
      weights: new GraphWeights(store),
      positions: 8,
      inputs: {},
      sequence: new GraphSequence(),
      runsAreLong: false,
      divisors: new Map(),
    };
    withLowering(loweringTable(context, device.operators), () => {
      body(input, recorder);
    });
  });
  return recorder;
}

const rejected = (code: string): unknown => expect.objectContaining({ code });

describe("the forms of target cpu", () => {
  test("stores a weight that is used twice once, turned to [in, out]", () => {
    const { builder } = record((input, recorder) => {
      const w = recorder.tensor("w", [2, 3]);
      const y = linear({ x: input("x", [1, 3]), weight: w }, {});
      const z = linear({ x: input("v", [1, 3]), weight: w }, {});
      builderOutput(recorder, "y", y);
      builderOutput(recorder, "z", z);
    });
    const { initializers } = builder.build();
    expect([...initializers.keys()]).toEqual(["w"]);
    const { shape, data } = initializers.get("w")!;
    expect(shape).toEqual([3, 2]);
    expect([...new Float32Array(data.buffer, data.byteOffset, 6)]).toEqual([1, 4, 2, 5, 3, 6]);
  });

  test("rejects a table that was already turned for a product", () => {
    expect(() =>
      record((input, recorder) => {
        const w = recorder.tensor("w", [2, 3]);
        linear({ x: input("x", [1, 3]), weight: w }, {});
        embedding({ table: w, ids: input("ids", [1, 1]) }, {});
      }),
    ).toThrow(rejected("UNEXPECTED"));
  });

  test("rejects a computed tensor as a weight", () => {
    expect(() =>
      record((input) => {
        linear({ x: input("x", [1, 3]), weight: input("v", [2, 3]) }, {});
      }),
    ).toThrow(rejected("UNEXPECTED"));
  });

  test("rejects padding by a mask, and heads in modulo order", () => {
    const attend = (mask: boolean, headOrder: HeadLayout["headOrder"]): void => {
      record((input, recorder) => {
        embedding({ table: recorder.tensor("w", [2, 3]), ids: input("ids", [1, 4]) }, {});
        const heads = {
          query: input("q", [1, 4, 32]),
          key: input("k", [1, 4, 16]),
          value: input("v", [1, 4, 16]),
        };
        selfAttention({ ...heads, mask: mask ? input("m", [1, 4]) : undefined }, { ...attention, headOrder });
      });
    };
    expect(() => {
      attend(true, "grouped");
    }).toThrow(rejected("OP_UNSUPPORTED"));
    expect(() => {
      attend(false, "modulo");
    }).toThrow(rejected("OP_UNSUPPORTED"));
    expect(() => {
      attend(false, "grouped");
    }).not.toThrow();
  });

  test("never repeats key/value heads in cross-attention", () => {
    const { builder } = record((input, recorder) => {
      const y = crossAttention(
        {
          query: input("q", [1, 1, 32]),
          key: input("k", [1, 1, 16, 5]),
          value: input("v", [1, 1, 5, 16]),
          bias: input("b", [1, 1, 1, 5]),
        },
        layout,
      );
      builderOutput(recorder, "y", y);
    });
    const opTypes = builder.build().nodes.map(({ opType }) => opType);
    expect(opTypes).not.toContain("Expand");
    expect(opTypes).not.toContain("Concat");
    expect(opTypes).not.toContain("GroupQueryAttention");
  });
});

function builderOutput(recorder: Recorder, name: string, tensor: Tensor): void {
  recorder.builder.output(name, recorder.nameOf(tensor), "float32", tensor.shape);
}
