import { writeDeviceModel } from "@slm/exported-model";
import { tinyDeviceModel } from "@slm/exported-model/testing";
import { copyFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { temporaryFolder } from "@slm/core/testing";
import { describe, expect, test } from "vitest";
import { runCommand } from "../testing/run-command.js";

const fixture = (name: string): string =>
  fileURLToPath(new URL(`../../../../packages/analysis/fixtures/${name}.onnx`, import.meta.url));

describe("slm analyze", () => {
  const folder = temporaryFolder();

  test("prints one object with what scripts rely on", async () => {
    const { exitCode, json } = await runCommand("analyze", [
      fixture("conv-net-qdq"),
      "--target",
      "npu",
      "--json",
    ]);
    expect(exitCode).toBe(0);
    expect(json).toMatchObject({
      schemaVersion: 1,
      command: "analyze",
      result: { supported: true, profile: "qnn", summary: { nodes: 33 } },
    });
  });

  test("exits with 3 if the device does not support the model, with the findings in both modes", async () => {
    const argv = [fixture("control-flow"), "--target", "npu"];
    const inJson = await runCommand("analyze", [...argv, "--json"]);
    expect(inJson.exitCode).toBe(3);
    expect(inJson.json).toMatchObject({
      result: { supported: false, profile: "qnn" },
      error: { code: "GATE_FAILED" },
    });
    const { result } = inJson.json as { result: { findings: readonly object[] } };
    expect(result.findings).toContainEqual(
      expect.objectContaining({ rule: "control-flow", severity: "error", node: "/If", opType: "If" }),
    );
    const inText = await runCommand("analyze", argv);
    expect(inText.exitCode).toBe(3);
    expect(inText.stdout).toContain("NOT SUPPORTED (checked statically, not run on the device)");
    expect(inText.stderr).toContain("Error (GATE_FAILED)");
  });

  test("exits with 0 and names the command that asks the device if nothing has confirmed its rules", async () => {
    const argv = [fixture("conv-net-qdq"), "--target", "gpu", "--profile", "cuda"];
    const { exitCode, json } = await runCommand("analyze", [...argv, "--json"]);
    expect([exitCode, json]).toMatchObject([0, { result: { supported: null, confirmedBy: null } }]);
    expect((await runCommand("analyze", argv)).stdout).toContain("not confirmed; to ask the device: open it");
  });

  test("accepts a model for a GPU that runs partly on the CPU, and says so", async () => {
    const { exitCode, stdout } = await runCommand("analyze", [fixture("lstm"), "--target", "web"]);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^Gather +3 {2}on the CPU$/m);
  });

  test("rejects a corrupt file, a missing one and a profile of another target", async () => {
    const code = async (...argv: string[]): Promise<number> => (await runCommand("analyze", argv)).exitCode;
    expect(await code(fileURLToPath(import.meta.url), "--target", "cpu")).toBe(65);
    expect(await code("nowhere.onnx", "--target", "cpu")).toBe(66);
    expect(await code(fixture("lstm"), "--target", "npu", "--profile", "cuda")).toBe(2);
    expect(await code(fixture("lstm"))).toBe(2);
  });

  test("needs no target for an exported model, and counts the warnings about graphs that slm made", async () => {
    const file = "decoder.onnx";
    await copyFile(fixture("conv-net-qdq"), join(folder, file));
    const graphs = { decoder: { file, bytes: 1, scheme: "qdq" } };
    const model = tinyDeviceModel({ architecture: "decoder-only", target: "cpu", graphs });
    await writeDeviceModel(folder, model);
    const { exitCode, json } = await runCommand("analyze", [folder, "--json"]);
    expect([exitCode, json]).toMatchObject([0, { result: { target: "cpu", supported: true } }]);
  });
});
