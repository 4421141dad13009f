/** Cases of the rules in shapes.ts. */
import { F, input, output, scalar, single, type Case } from "./build.test-support.js";

export function shapesCases(): readonly Case[] {
  return [
    {
      rule: "static-shape",
      severity: "error",
      what: "inputs of changing size",
      bad: single("Relu", {}, ["batch", 4]),
      good: single("Relu"),
      says: /'x' is \[batch,4\]/,
    },
    {
      rule: "static-shape",
      severity: "error",
      what: "inputs whose sizes the file leaves open",
      bad: single("Relu", {}, ["", 3, "?", 4]),
      good: single("Relu", {}, [1, 3, 2, 4]),
      says: /'x' is \[\?,3,\?,4\]/,
    },
    {
      rule: "static-shape",
      severity: "warning",
      what: "inputs of changing size where they only cost time",
      profile: "directml",
      bad: single("Relu", {}, ["batch", 4]),
      good: single("Relu"),
      says: /slower/,
    },
    {
      rule: "static-shape",
      severity: "error",
      what: "values whose size depends on the data",
      profile: "openvino",
      bad: (g) => {
        output(g, g.op("NonZero", [input(g)]), [2, "found"], "int64");
      },
      good: single("Relu"),
      says: /depends on the data/,
    },
    {
      rule: "static-shape",
      severity: "error",
      what: "values without elements",
      bad: single("Relu", {}, [0, 4]),
      good: single("Relu"),
      says: /no elements/,
    },
    {
      rule: "shape",
      severity: "error",
      what: "operands that do not fit",
      profile: "cpu",
      bad: (g) => {
        output(g, g.op("MatMul", [input(g), g.input("w", F, [3, 3])]), [2, 3]);
      },
      good: (g) => {
        output(g, g.op("MatMul", [input(g), g.input("w", F, [4, 3])]), [2, 3]);
      },
      says: /4 columns meet 3 rows/,
    },
    {
      rule: "shape",
      severity: "warning",
      what: "types in the file that are wrong",
      profile: "cpu",
      bad: (g) => {
        output(g, g.op("Relu", [input(g)]), [2, 5]);
      },
      good: single("Relu"),
      says: /\[2,4\], the file says \[2,5\]/,
    },
    {
      rule: "rank",
      severity: "error",
      what: "more axes than the device takes",
      bad: single("Relu", {}, [1, 1, 1, 1, 2, 2]),
      good: single("Relu", {}, [1, 1, 2, 2]),
      says: /has 6 axes, QNN \(Hexagon\) takes 5 of Relu/,
    },
    {
      rule: "rank",
      severity: "warning",
      what: "more axes than most of its operators take",
      profile: "vitisai",
      bad: single("Relu", {}, [1, 1, 1, 2, 2]),
      good: single("Relu", {}, [1, 1, 2, 2]),
      says: /takes 4 of most operators/,
    },
    {
      rule: "size",
      severity: "error",
      what: "values beyond two gigabytes",
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
      what: "an operator nobody here knows the sizes of",
      bad: (g) => {
        const y = g.op("STFT", [input(g), scalar(g, "int64", 1), g.constant(F, [2], [1, 1])]);
        g.output("y", y, F, ["", "", "", ""]);
      },
      good: single("Relu"),
      says: /its operator is not known here/,
    },
    {
      rule: "unknown",
      severity: "warning",
      what: "sizes that are computed while the model runs",
      bad: (g) => {
        const y = g.op("Reshape", [input(g), g.input("sizes", "int64", [2])]);
        g.output("y", y, F, ["", ""]);
      },
      good: single("Relu"),
      says: /sizes of '.*' \[\?,\?\] unknown/,
    },
    {
      rule: "unknown",
      severity: "warning",
      what: "an operator on which the vendor is silent",
      profile: "vitisai",
      bad: single("Sin"),
      good: single("Relu"),
      says: /no public list/,
    },
  ];
}
