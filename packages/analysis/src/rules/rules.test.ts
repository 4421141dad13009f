import { subgraph } from "@slm/onnx";
import { describe, expect, test } from "vitest";
import { analyzeModel } from "../analyze-model.js";
import { RULES, type Finding } from "../graph/finding.js";
import {
  graphOf,
  analyze,
  input,
  output,
  single,
  emptyBody,
  F,
  quantizedGemm,
  scalar,
  type Build,
} from "./cases/build.test-support.js";
import { combinationsCases } from "./cases/combinations.test-support.js";
import { inputsCases } from "./cases/inputs.test-support.js";
import { openvinoCases } from "./cases/openvino.test-support.js";
import { operatorsCases } from "./cases/operators.test-support.js";
import { qdqCases } from "./cases/qdq.test-support.js";
import { qdqWeightsCases } from "./cases/qdq-weights.test-support.js";
import { shapesCases } from "./cases/shapes.test-support.js";

const CASES = [
  ...operatorsCases(),
  ...shapesCases(),
  ...inputsCases(),
  ...combinationsCases(),
  ...openvinoCases(),
  ...qdqCases(),
  ...qdqWeightsCases(),
].map((item) => ({ severity: "error" as const, good: single("Relu"), ...item }));

const remarks = (findings: readonly Finding[]): readonly Finding[] =>
  findings.filter(({ severity }) => severity !== "info");

describe("an analysis", () => {
  test.each(CASES.map((item) => [item.rule, item.what, item] as const))("%s: finds %s", (rule, _, item) => {
    const found = analyze(item.bad, item).findings.filter(
      ({ severity, message }) => severity === item.severity && item.says.test(message),
    );
    expect(found.map((finding) => finding.rule)).toContain(rule);
    for (const { advice } of found) expect(advice).not.toBe("");
  });

  test.each(CASES.map((item) => [item.rule, item.what, item] as const))(
    "%s: does not find %s elsewhere",
    (_rule, _, item) => {
      const found = analyze(item.good, item).findings.filter(({ message }) => item.says.test(message));
      expect(found).toEqual([]);
    },
  );

  test("has a test for every rule", () => {
    expect(new Set(CASES.map(({ rule }) => rule))).toEqual(new Set(Object.keys(RULES)));
  });

  test("supports a model exactly when no finding is an error", () => {
    for (const item of CASES) {
      const { supported, findings } = analyze(item.bad, item);
      expect(supported).toBe(findings.every(({ severity }) => severity !== "error"));
    }
  });

  test("finds nothing wrong with a quantized layer as the device wants it", () => {
    const { supported, findings } = analyze(quantizedGemm(), {});
    expect([supported, remarks(findings)]).toEqual([true, []]);
    const wide = analyze(quantizedGemm({ activation: "uint16", weight: "int4" }), {});
    expect(remarks(wide.findings)).toEqual([]);
    const turned = analyze(quantizedGemm({ transposed: true, axis: 0 }), {});
    expect(remarks(turned.findings)).toEqual([]);
    const blocks = analyze(quantizedGemm({ weight: "int4", block: 2, axis: 0 }), { profile: "openvino" });
    expect(blocks.findings.filter(({ rule }) => rule === "qdq-weight")).toEqual([]);
  });

  test("looks into the bodies of control flow where the device runs it", () => {
    const body = {
      ...emptyBody,
      nodes: [
        { name: "inner", opType: "Frobnicate", domain: "", inputs: ["x"], outputs: ["o"], attributes: {} },
      ],
      outputs: [{ name: "o" }],
    };
    const build: Build = (g) => {
      input(g);
      const branches = { then_branch: subgraph(body), else_branch: subgraph(body) };
      output(g, g.op("If", [g.input("c", "bool", [])], { attributes: branches }));
    };
    const { findings, summary } = analyze(build, { profile: "cpu" });
    expect(findings[0]).toMatchObject({ rule: "operator", node: "/If > inner", opType: "Frobnicate" });
    expect(summary.operators.find(({ opType }) => opType === "Frobnicate")).toMatchObject({
      count: 2,
      supported: false,
    });
  });

  test("keeps a bounded number of findings and counts the rest", () => {
    const build: Build = (g) => {
      let value = input(g);
      for (let index = 0; index < 300; index += 1) value = g.op("Frobnicate", [value]);
      output(g, value);
    };
    const { findings, summary } = analyze(build, { profile: "cpu" });
    expect(findings.filter(({ rule }) => rule === "operator")).toHaveLength(200);
    expect(summary.unlisted.operator).toBe(100);
    expect(summary.findings.error).toBe(300);
  });

  test("says with which flags open sizes are fixed, and then finds them fixed", () => {
    const build: Build = (g) => {
      const mask = g.input("mask", F, ["batch", "length"]);
      output(g, g.op("Add", [input(g, ["batch", "length"]), mask]), ["batch", "length"]);
    };
    const { findings, model } = analyze(build, {});
    expect(model.openSizes).toEqual(["--shape batch=1", "--shape length=N"]);
    const advice = findings.filter(({ rule }) => rule === "static-shape").map((finding) => finding.advice);
    expect(new Set(advice)).toEqual(
      new Set([
        "fix the sizes, --shape batch=1 --shape length=N with a number for each N, or export one model per size",
      ]),
    );
    const sizes = [
      { name: "batch", sizes: [1] },
      { name: "length", sizes: [8] },
    ];
    const fixed = analyzeModel(graphOf(build), { target: "npu", profile: "qnn", sizes });
    expect(fixed.findings.map(({ rule }) => rule)).not.toContain("static-shape");
    expect(fixed.model.openSizes).toEqual([]);
  });

  test("quotes the name of an input that a shell would not read", () => {
    const { model } = analyze((g) => {
      output(g, g.op("Relu", [g.input("it's $x", F, ["", 4])]), ["", 4]);
    }, {});
    expect(model.openSizes).toEqual([String.raw`--shape 'it'\''s $x=1,4'`]);
  });

  test("takes a branch that is always taken for a part of the graph, and the other for none", () => {
    const build: Build = (g) => {
      const x = input(g);
      const attributes = {
        then_branch: subgraph(g.branch("then", () => g.op("Relu", [x]))),
        else_branch: subgraph(g.branch("else", () => g.op("NonZero", [x]))),
      };
      output(g, g.op("If", [scalar(g, "bool", 1)], { attributes }));
    };
    const { supported, summary } = analyze(build, {});
    expect(supported).toBe(true);
    const where = Object.fromEntries(summary.operators.map((row) => [row.opType, row.where]));
    expect(where).toEqual({ Identity: "folded", If: "folded", NonZero: "folded", Relu: "device" });
  });

  test.each([
    [28, 14, "error", /opset 28 in file format 14: ONNX Runtime 1.30 loads opset 26 and format 13 at most/],
    [21, 14, "error", /file format 14/],
    [6, 4, "warning", /opset 6: .* from opset 7 on/],
  ] as const)(
    "says of opset %s in format %s whether the runtime loads it",
    (opset, irVersion, severity, says) => {
      const graph = { ...graphOf(single("Relu"), opset), irVersion };
      const { findings } = analyzeModel(graph, { target: "cpu" });
      expect(findings.filter(({ rule }) => rule === "opset")).toMatchObject([{ severity, message: says }]);
      const usual = analyzeModel(graphOf(single("Relu")), { target: "cpu" }).findings;
      expect(usual.map(({ rule }) => rule)).not.toContain("opset");
    },
  );
});
