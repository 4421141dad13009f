import { cp, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { temporaryFolder } from "@slm/core/testing";
import { describe, expect, test } from "vitest";
import { analyzePath } from "./analyze-path.js";
import { reportLines } from "./report-lines.js";

const fixture = (name: string): string => fileURLToPath(new URL(`../fixtures/${name}.onnx`, import.meta.url));

const folder = temporaryFolder({ each: true });

describe(analyzePath, () => {
  test.each([
    ["bert-block", "npu", "qnn", ["operator", "static-shape", "constant-input"]],
    ["bert-block-static", "npu", "qnn", []],
    ["bert-block-static", "npu", "openvino", []],
    ["bert-block", "web", "webgpu", []],
    ["control-flow", "npu", "qnn", ["control-flow"]],
    ["lstm", "npu", "openvino", ["operator", "static-shape"]],
    ["by-hand", "cpu", "cpu", []],
  ] as const)("%s on %s with profile %s breaks the rules %j", async (name, target, profile, broken) => {
    const { findings, supported } = await analyzePath(fixture(name), { target, profile });
    const rules = new Set(findings.filter(({ severity }) => severity === "error").map(({ rule }) => rule));
    expect([...rules]).toEqual(broken);
    expect(supported).toBe(broken.length === 0);
  });

  test.each([
    ["gpu", "cuda"],
    ["gpu", "directml"],
    ["npu", "coreml"],
    ["npu", "vitisai"],
  ] as const)(
    "says of %s:%s that nothing has confirmed the graph, and how to ask the device",
    async (target, profile) => {
      const path = fixture("bert-block-static");
      const own = await analyzePath(path, { target, profile, isOwn: true });
      const confirmWith = `slm bench ${path} --device ${target}:${profile} --no-fallback`;
      expect(own).toMatchObject({
        supported: null,
        confirmedBy: null,
        sources: [],
        findings: [],
        confirmWith,
      });
      const places = new Set(own.summary.operators.map(({ where }) => where));
      expect([...places].sort()).toEqual(["folded", "unknown"]);
      const text = reportLines(own).join("\n");
      expect(text).toContain(`not confirmed; to ask the device: ${confirmWith}`);
      const other = await analyzePath(path, { target, profile });
      expect(other.confirmWith).toMatch(/^open it in ONNX Runtime with /);
    },
  );

  test("rejects what no NPU supports, also if nothing has confirmed rules for it", async () => {
    const { supported, findings } = await analyzePath(fixture("lstm"), { target: "npu", profile: "coreml" });
    expect(supported).toBe(false);
    expect(new Set(findings.map(({ rule }) => rule))).toContain("static-shape");
  });

  test("gives each graph of a directory the sizes it has names for, and rejects a name that none has", async () => {
    await cp(fixture("bert-block"), join(folder, "a.onnx"));
    await cp(fixture("by-hand"), join(folder, "b.onnx"));
    const sizes = [
      { name: "batch", sizes: [1] },
      { name: "length", sizes: [8] },
    ];
    const { findings, graphs } = await analyzePath(folder, { target: "npu", sizes });
    expect(findings.map(({ rule }) => rule)).not.toContain("static-shape");
    expect(graphs.flatMap(({ openSizes }) => openSizes)).toEqual([]);
    const unknown = analyzePath(folder, { target: "npu", sizes: [...sizes, { name: "width", sizes: [2] }] });
    await expect(unknown).rejects.toMatchObject({ code: "USAGE", message: /width=2: no graph has/ });
  });

  test("takes a directory: every graph below it, the summary of all together", async () => {
    await cp(fixture("lstm"), join(folder, "a.onnx"));
    await cp(fixture("conv-net-qdq"), join(folder, "onnx", "b.onnx"));
    await writeFile(join(folder, "notes.txt"), "not a model");
    const { graphs, summary, findings, supported } = await analyzePath(folder, { target: "npu" });
    expect(graphs.map(({ file }) => file)).toEqual(["a.onnx", join("onnx", "b.onnx")]);
    expect(graphs.map((graph) => graph.supported)).toEqual([false, true]);
    expect(supported).toBe(false);
    expect(summary.nodes).toBe(graphs.reduce((sum, graph) => sum + graph.summary.nodes, 0));
    expect(new Set(findings.map(({ graph }) => graph))).toEqual(new Set(graphs.map(({ file }) => file)));
  });

  test("does not follow links out of a directory", async () => {
    await symlink(fixture("lstm"), join(folder, "link.onnx"));
    await expect(analyzePath(folder, { target: "npu" })).rejects.toMatchObject({ code: "INPUT_MISSING" });
  });

  test("rejects what is missing, what is no model, and a wrong profile before reading anything", async () => {
    await expect(analyzePath(join(folder, "no.onnx"), { target: "npu" })).rejects.toMatchObject({
      code: "INPUT_MISSING",
    });
    await writeFile(join(folder, "text.onnx"), "this is text");
    await expect(analyzePath(join(folder, "text.onnx"), { target: "npu" })).rejects.toMatchObject({
      code: "DATA_INVALID",
    });
    await expect(analyzePath("nowhere", { target: "npu", profile: "cuda" })).rejects.toMatchObject({
      code: "USAGE",
    });
  });

  test("stops when asked to", async () => {
    const signal = AbortSignal.abort();
    await expect(analyzePath(fixture("lstm"), { target: "npu", signal })).rejects.toMatchObject({
      code: "INTERRUPTED",
    });
  });
});

describe(reportLines, () => {
  test("says rule by static check which nodes, what and what to do, and that nothing ran on the device", async () => {
    const lines = reportLines(await analyzePath(fixture("control-flow"), { target: "npu" }));
    const text = lines.join("\n");
    expect(text).toContain("control-flow: no If, Loop or Scan if the device runs one fixed sequence");
    expect(text).toMatch(
      /ERROR {4}QNN \(Hexagon\) does not support control flow; the 4 nodes inside If were not checked/,
    );
    expect(text).toMatch(/at \/If\n {11}-> export one graph per branch/);
    expect(text).toMatch(/^If {2,}1 {2}NO$/m);
    expect(lines.at(-1)).toMatch(/NOT SUPPORTED \(checked statically, not run on the device\)$/);
  });

  test.each([
    ["qnn", /confirmed by Qualcomm's HTP compiler \(onnxruntime-qnn [\d.]+/],
    ["openvino", /confirmed by Intel's NPU compiler \(openvino [\d.]+/],
    ["vitisai", /nothing has confirmed rules for AMD Ryzen AI/],
  ] as const)("says who confirmed the rules of %s", async (profile, words) => {
    const analysis = await analyzePath(fixture("control-flow"), { target: "npu", profile });
    expect(reportLines(analysis).join("\n")).toMatch(words);
  });

  test("counts the warnings about a supported graph that slm made, and lists those about other graphs", async () => {
    const analysis = await analyzePath(fixture("conv-net-qdq"), { target: "npu" });
    expect(reportLines(analysis).join("\n")).toContain("  warning  ");
    const own = reportLines({ ...analysis, isOwn: true });
    expect(own.join("\n")).not.toContain("  warning  ");
    expect(own.at(-2)).toMatch(
      /^\d+ warnings? (?:is|are) about graphs that slm made: you need not do anything/,
    );
  });

  test("puts what is the same about many nodes on one line", async () => {
    const analysis = await analyzePath(fixture("bert-block"), { target: "npu" });
    const lines = reportLines(analysis);
    expect(lines.filter((line) => line.includes("does not support graphs"))).toHaveLength(1);
    expect(lines.find((line) => line.includes("does not support graphs"))).toMatch(/2 times/);
    expect(lines.filter((line) => line.includes("at ids, mask"))).toHaveLength(1);
  });
});
