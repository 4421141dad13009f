/** Cases of the rules in shapes.ts. */
import { F, input, output, scalar, single, type Case } from "./build.test-support.js";

export function shapesCases(): readonly Case[] {
  return [
    {
      rule: "static-shape",
      what: "inputs of dynamic size",
      bad: single("Relu", {}, ["batch", 4]),
      says: /'x' is \[batch,4\]/,
    },
    {
      rule: "static-shape",
      what: "inputs with unspecified sizes",
      bad: single("Relu", {}, ["", 3, "?", 4]),
      good: single("Relu", {}, [1, 3, 2, 4]),
      says: /'x' is \[\?,3,\?,4\]/,
    },
    {
      rule: "static-shape",
      what: "values whose size depends on the data",
      profile: "openvino",
      bad: (g) => {
        output(g, g.op("NonZero", [input(g)]), [2, "found"], "int64");
      },
      says: /depends on the data/,
    },
    {
      rule: "static-shape",
      what: "values without elements",
      bad: single("Relu", {}, [0, 4]),
      says: /no elements/,
    },
    {
      rule: "shape",
      what: "operands with incompatible shapes",
      profile: "cpu",
      bad: (g) => {
        output(g, g.op("MatMul", [input(g), g.input("w", F, [3, 3])]), [2, 3]);
      },
      good: (g) => {
        output(g, g.op("MatMul", [input(g), g.input("w", F, [4, 3])]), [2, 3]);
      },
      says: /4 columns do not match 3 rows/,
    },
    {
      rule: "shape",
      severity: "warning",
      what: "wrong types in the file",
      profile: "cpu",
      bad: (g) => {
        output(g, g.op("Relu", [input(g)]), [2, 5]);
      },
      says: /\[2,4\], the file declares \[2,5\]/,
    },
    {
      rule: "rank",
      what: "more axes than the device supports",
      bad: single("Relu", {}, [1, 1, 1, 1, 2, 2]),
      good: single("Relu", {}, [1, 1, 2, 2]),
      says: /has 6 axes; QNN \(Hexagon\) supports 5 for Relu/,
    },
    {
      rule: "rank",
      severity: "warning",
      what: "more axes than most of its operators support",
      profile: "webgpu",
      bad: single("Attention", { domain: "com.microsoft" }, [1, 1, 1, 1, 1, 2, 2]),
      good: single("Attention", { domain: "com.microsoft" }, [1, 1, 2, 2]),
      says: /supports 6 for most operators/,
    },
    {
      rule: "size",
      what: "values of more than two gigabytes",
      bad: (g) => {
        const x = input(g, [1, 1]);
        output(g, g.op("Expand", [x, g.ints([60_000, 60_000])]), [60_000, 60_000]);
      },
      good: (g) => {
        output(g, g.op("Expand", [input(g, [1, 1]), g.ints([6, 6])]), [6, 6]);
      },
      says: /14400000000 bytes/,
    },
    {
      rule: "unknown",
      severity: "warning",
      what: "an operator without shape inference",
      bad: (g) => {
        const y = g.op("STFT", [input(g), scalar(g, "int64", 1), g.constant(F, [2], [1, 1])]);
        g.output("y", y, F, ["", "", "", ""]);
      },
      says: /its operator has no shape inference/,
    },
    {
      rule: "unknown",
      severity: "warning",
      what: "sizes that are computed at run time",
      bad: (g) => {
        const y = g.op("Reshape", [input(g), g.input("sizes", "int64", [2])]);
        g.output("y", y, F, ["", ""]);
      },
      says: /sizes of '.*' \[\?,\?\] unknown/,
    },
  ];
}
